// Training and scoring on a real GPU; run with hsconas_gpu_tests "[gpu]".
#include <memory>
#include <span>
#include <vector>

#include <torch/types.h>

#include "catch.hpp"
#include "hsconas/base/rng.hpp"
#include "hsconas/base/statistics.hpp"
#include "hsconas/base/stop_token.hpp"
#include "hsconas/supernet/device_path.hpp"
#include "hsconas/train/supernet_evaluator.hpp"
#include "hsconas/train/trainer.hpp"
#include "supernet/networks.hpp"
#include "support/spaces.hpp"
#include "train/training.hpp"

using namespace hsconas;

namespace {

SearchSpace small_space(const std::string& name) {
  SpaceDescription description = shipped_description(name);
  description.image_size = 16;
  description.head.dropout = 0.0;
  return SearchSpace(description);
}

Batch random_batch(const SearchSpace& space, int count, std::uint64_t seed) {
  return {normal_images(space, count, seed).contiguous(torch::MemoryFormat::ChannelsLast),
          torch::arange(count, torch::kLong) % space.description().classes};
}

/// The losses of some steps on random paths.
std::vector<double> losses_of(Supernet& supernet, Precision precision, int steps) {
  const SupernetConfig settings{.clip_norm = 5.0, .precision = precision};
  Rng rng(7, "paths");
  std::vector<double> losses;
  for (int step = 0; step < steps; ++step) {
    const Architecture arch = sample(Subspace::full(supernet.space()), rng);
    const Batch batch = random_batch(supernet.space(), 24, 100 + static_cast<std::uint64_t>(step));
    losses.push_back(train_step(supernet, arch, batch, settings, 0.05).item<double>());
  }
  return losses;
}

}  // namespace

TEST_CASE("training losses on a GPU are near the CPU's, in fp32 and in bf16", "[.gpu]") {
  // Rounding decides on which side of ReLU's kink a value near 0 falls, so the trainings slowly
  // diverge even in fp32.
  for (const std::string name : {"cifar-32", "nas-bench-macro"}) {
    const SearchSpace space = small_space(name);
    Supernet cpu(space, torch::kCPU, 3);
    Supernet fp32(space, torch::Device(torch::kCUDA, 0), 3);
    Supernet bf16(space, torch::Device(torch::kCUDA, 0), 3);
    const auto wanted = losses_of(cpu, Precision::Fp32, 8);
    const auto exact = losses_of(fp32, Precision::Fp32, 8);
    const auto rounded = losses_of(bf16, Precision::Bf16, 8);
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      INFO(name << ", step " << i);
      CHECK(exact[i] == Approx(wanted[i]).epsilon(i < 3 ? 1e-3 : 2e-2));
      CHECK(rounded[i] == Approx(wanted[i]).epsilon(5e-2));
    }
  }
}

TEST_CASE("two trainings on a GPU leave the same bits", "[.gpu]") {
  for (const Precision precision : {Precision::Fp32, Precision::Bf16}) {
    const SearchSpace space = small_space("cifar-32");
    Supernet first(space, torch::Device(torch::kCUDA, 0), 3);
    Supernet second(space, torch::Device(torch::kCUDA, 0), 3);
    CHECK(losses_of(first, precision, 6) == losses_of(second, precision, 6));
    CHECK(same_bits(first.flat_values(), second.flat_values()));
    CHECK(same_bits(first.flat_momentum(), second.flat_momentum()));
  }
}

TEST_CASE("accuracies on a GPU are near the CPU's and do not depend on the other candidates",
          "[.gpu]") {
  const SearchSpace space = small_space("cifar-32");
  Supernet cpu(space, torch::kCPU, 3);
  losses_of(cpu, Precision::Fp32, 12);
  Supernet gpu(space, torch::Device(torch::kCUDA, 0), 4);
  gpu.load(cpu.tensors());
  const std::vector<Batch> calibration{random_batch(space, 400, 1)};
  const std::vector<Batch> validation{random_batch(space, 500, 2)};
  Rng rng(5, "paths");
  std::vector<Architecture> archs;
  for (int i = 0; i < 12; ++i) archs.push_back(sample(Subspace::full(space), rng));
  for (int i = 0; i < 4; ++i) {  // Candidates that share their first layers.
    archs.push_back(archs.front());
    archs.back().back().op = i % space.ops();
  }
  const StopToken stop;
  const auto wanted = SupernetEvaluator(cpu, calibration, validation, stop).accuracy(archs);
  for (const auto type : {torch::kFloat, torch::kHalf, torch::kBFloat16}) {
    SupernetEvaluator evaluator(gpu, calibration, validation, stop, 2048, type);
    const auto together = evaluator.accuracy(archs);
    for (std::size_t i = 0; i < archs.size(); ++i) {
      INFO(torch::toString(type) << ", architecture " << i);
      CHECK(std::abs(together[i] - wanted[i]) <= (type == torch::kBFloat16 ? 0.03 : 0.006) + 1e-9);
      CHECK(evaluator.accuracy(std::span(&archs[i], 1)).front() == together[i]);
    }
  }
}

TEST_CASE("a training in groups on a GPU is near the CPU's, and two leave the same bits",
          "[.gpu]") {
  const auto run = [](torch::Device device, double dropout) {
    SpaceDescription description = bright_description();
    description.head.dropout = dropout;
    auto training = std::make_unique<Training>(description, 1, device);
    training->stage.settings.groups = 4;
    training->stage.settings.clip_norm = 0.5;
    training->stage.total_steps = 3;
    training->run();
    return training;
  };
  const torch::Device gpu(torch::kCUDA, 0);
  const auto on_cpu = run(torch::kCPU, 0.0);
  const auto on_gpu = run(gpu, 0.0);
  CHECK(on_gpu->metrics.at(0).at("loss").get<double>() ==
        Approx(on_cpu->metrics.at(0).at("loss").get<double>()).epsilon(1e-3));
  CHECK(max_difference(on_gpu->supernet.flat_values().cpu(), on_cpu->supernet.flat_values()) <
        1e-2);
  CHECK(same_state(run(gpu, 0.4)->supernet, run(gpu, 0.4)->supernet));
}
