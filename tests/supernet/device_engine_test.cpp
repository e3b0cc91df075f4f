// Compares the engine that runs networks on GPUs, compiled for the CPU here (see
// kernels/cuda/block.hpp), with the CPU's own kernels.
#include <memory>
#include <vector>

#include <torch/types.h>

#include "catch.hpp"
#include "hsconas/config/config.hpp"
#include "hsconas/supernet/calibration.hpp"
#include "hsconas/supernet/device_path.hpp"
#include "hsconas/supernet/training_path.hpp"
#include "hsconas/train/optimizer.hpp"
#include "kernels/cuda/engine.hpp"
#include "kernels/cuda/host_queue.hpp"
#include "supernet/networks.hpp"
#include "support/spaces.hpp"

using namespace hsconas;

namespace {

/// Memory filled with NaN, newly allocated each time, so that reading uninitialised values shows.
class PoisonedMemory : public DeviceMemory {
 public:
  void* at_least(std::int64_t bytes) override {
    const std::int64_t floats = bytes / 4 + 128;
    memory_ = torch::full({floats}, std::numeric_limits<float>::quiet_NaN());
    const auto address = reinterpret_cast<std::uintptr_t>(memory_.data_ptr());
    return reinterpret_cast<void*>((address + 255) / 256 * 256);
  }

 private:
  torch::Tensor memory_;
};

/// An engine on the CPU that trains a supernet's weights.
template <typename T>
struct HostEngine {
  explicit HostEngine(Supernet& supernet, unsigned seed = 1)
      : gradient(torch::full_like(supernet.flat_values(), 77.0)),
        engine(
            std::make_unique<cuda::HostQueue>(seed),
            DeviceWeights{supernet.flat_values().data_ptr<float>(),
                          supernet.flat_momentum().data_ptr<float>(), gradient.data_ptr<float>()},
            std::make_shared<PoisonedMemory>(), std::make_shared<PoisonedMemory>()) {}

  torch::Tensor forward(const DeviceNetwork& network, const torch::Tensor& images) {
    pixels = images.permute({0, 2, 3, 1}).contiguous();
    const float* logits = engine.forward(network, images_of(), 1);
    return torch::from_blob(const_cast<float*>(logits), {pixels.size(0), network.classes}).clone();
  }
  DeviceImages images_of() const {
    return {pixels.data_ptr<float>(), static_cast<int>(pixels.size(0)),
            static_cast<int>(pixels.size(3))};
  }
  /// The gradient of `view`, a slice of a parameter.
  torch::Tensor gradient_of(const torch::Tensor& view) const {
    return gradient.as_strided(view.sizes(), view.strides(), view.storage_offset());
  }

  torch::Tensor gradient;
  torch::Tensor pixels;
  cuda::Engine<cuda::HostQueue, T> engine;
};

/// |a - b| / |b|, with Euclidean norms.
double relative_error(const torch::Tensor& a, const torch::Tensor& b) {
  const torch::Tensor difference = a.detach().to(torch::kDouble) - b.detach().to(torch::kDouble);
  return (difference.norm() / (b.detach().to(torch::kDouble).norm() + 1e-12)).item<double>();
}

/// Checks that one training step has the logits, gradients and updates of TrainingPath on the CPU.
template <typename T>
void compare_step(const SearchSpace& space, const Architecture& arch, int batch, std::uint64_t seed,
                  double logits_bound, double gradient_bound) {
  Supernet ours(space, torch::kCPU, seed);
  Supernet theirs(space, torch::kCPU, seed);
  for (Supernet* supernet : {&ours, &theirs}) {
    enlarge_classifier(*supernet);
    supernet->flat_momentum().copy_(normal_tensor(supernet->flat_momentum().sizes(), 4));
  }
  const torch::Tensor images = normal_images(space, batch, seed + 1);
  const torch::Tensor labels = torch::arange(batch, torch::kLong) % space.description().classes;
  const SupernetConfig settings{
      .momentum = 0.9, .weight_decay = 0.01, .label_smoothing = 0.1, .clip_norm = 0.5};

  TrainingPath path(theirs, arch);
  const torch::Tensor wanted = path.forward(images);
  const torch::Tensor loss = torch::cross_entropy_loss(wanted, labels, {}, at::Reduction::Mean,
                                                       -100, settings.label_smoothing);
  loss.backward();

  const auto network = device_network(ours, arch);
  REQUIRE(network);
  HostEngine<T> host(ours, static_cast<unsigned>(seed));
  const torch::Tensor logits = host.forward(*network, images);
  CHECK(relative_error(logits, wanted) < logits_bound);
  float own_loss = -1.0F;
  const float* logits_gradient =
      host.engine.loss(labels.data_ptr<std::int64_t>(), settings.label_smoothing, &own_loss);
  CHECK(own_loss == Approx(loss.item<double>()).epsilon(logits_bound));
  host.engine.backward(logits_gradient);
  host.engine.update({.lr = 0.1,
                      .momentum = settings.momentum,
                      .weight_decay = settings.weight_decay,
                      .clip_norm = settings.clip_norm},
                     nullptr);
  const torch::Tensor unchanged = ours.flat_values().clone();
  double squares = 0.0;
  double all = 0.0;
  std::vector<torch::Tensor> gradients;
  for (const TrainingPath::Slice& slice : path.slices()) {
    const torch::Tensor own = host.gradient_of(slice.value);
    INFO("weight of shape " << slice.value.sizes());
    if (slice.leaf.grad().norm().item<double>() > 1e-6) {
      CHECK(relative_error(own, slice.leaf.grad()) < gradient_bound);
    }
    squares += std::pow((own - slice.leaf.grad()).norm().item<double>(), 2);
    all += std::pow(slice.leaf.grad().norm().item<double>(), 2);
  }
  CHECK(std::sqrt(squares / all) < gradient_bound);
  if (std::is_same_v<T, float>) {
    sgd_step(path.slices(), settings, 0.1);
    CHECK(max_difference(ours.flat_values(), theirs.flat_values()) < 1e-4);
    CHECK(max_difference(ours.flat_momentum(), theirs.flat_momentum()) < 1e-3);
  }
}

}  // namespace

TEST_CASE("the device engine trains every operator, layer shape and width like the CPU",
          "[supernet]") {
  std::uint64_t seed = 1;
  int choices = 0;
  for (const Operator& op : all_operators()) {
    for (const Placement& place : placements()) {
      const SearchSpace space = one_layer_space(op, place);
      for (const Architecture& arch : enumerate(Subspace::full(space))) {
        if (space.canonical(arch) != arch) continue;
        INFO(space.description().name << ": " << space.describe(arch));
        compare_step<float>(space, arch, 2, ++seed, 1e-4, 2e-2);
        ++choices;
      }
    }
  }
  CHECK(choices > 300);
}

TEST_CASE("the device engine trains whole networks like the CPU", "[supernet]") {
  for (const std::string name : {"cifar-32", "fashion-28", "nas-bench-macro"}) {
    SpaceDescription description = shipped_description(name);
    description.image_size = 16;
    description.head.dropout = 0.0;
    const SearchSpace space(description);
    Rng rng(1, "test");
    const Architecture arch = sample(Subspace::full(space), rng);
    INFO(name << ": " << space.describe(arch));
    compare_step<float>(space, arch, 3, 5, 1e-3, 1e-2);
  }
}

TEST_CASE("gradients that are copied out of the device engine and given back make the same step",
          "[supernet]") {
  for (const std::string name : {"cifar-32", "nas-bench-macro"}) {
    SpaceDescription description = shipped_description(name);
    description.image_size = 16;
    const SearchSpace space(description);
    Rng rng(3, "test");
    const Architecture arch = sample(Subspace::full(space), rng);
    const Architecture other = sample(Subspace::full(space), rng);
    INFO(name << ": " << space.describe(arch));
    const DeviceSgd settings{.lr = 0.1, .momentum = 0.9, .weight_decay = 0.01, .clip_norm = 0.5};
    const torch::Tensor images = normal_images(space, 3, 8);
    const torch::Tensor labels = torch::arange(3, torch::kLong);
    const auto run = [&](HostEngine<float>& host, const DeviceNetwork& network) {
      host.forward(network, images);
      float loss = 0.0F;
      host.engine.backward(host.engine.loss(labels.data_ptr<std::int64_t>(), 0.0, &loss));
    };
    Supernet direct(space, torch::kCPU, 4);
    Supernet copied(space, torch::kCPU, 4);
    HostEngine<float> expected(direct);
    run(expected, *device_network(direct, arch));
    expected.engine.update(settings, nullptr);

    HostEngine<float> host(copied, 2);
    run(host, *device_network(copied, other));
    run(host, *device_network(copied, arch));
    torch::Tensor gradient = torch::full({host.engine.weight_count() + 1}, 5.0);
    host.engine.copy_gradient(gradient.data_ptr<float>());
    CHECK(gradient[-1].item<float>() == 5.0F);
    CHECK(gradient.narrow(0, 0, gradient.numel() - 1).isfinite().all().item<bool>());
    // Another batch's gradients, which are not used.
    host.forward(*device_network(copied, arch), images + 1.0);
    host.engine.update(settings, gradient.data_ptr<float>());
    CHECK(same_bits(direct.flat_values(), copied.flat_values()));
    CHECK(same_bits(direct.flat_momentum(), copied.flat_momentum()));
  }
}

TEST_CASE("the device engine scores like the CPU, starting from any block", "[supernet]") {
  for (const std::string name : {"cifar-32", "nas-bench-macro"}) {
    SpaceDescription description = shipped_description(name);
    description.image_size = 16;
    const SearchSpace space(description);
    Supernet supernet(space, torch::kCPU, 3);
    enlarge_classifier(supernet);
    Rng rng(2, "test");
    constexpr int kCounted = 6;
    constexpr int kJudged = 9;
    const torch::Tensor images = normal_images(space, kCounted + kJudged, 5);
    const torch::Tensor labels = torch::arange(kJudged, torch::kLong) % description.classes;
    HostEngine<float> host(supernet);
    host.pixels = images.permute({0, 2, 3, 1}).contiguous();
    for (int i = 0; i < 3; ++i) {
      const Architecture arch = sample(Subspace::full(space), rng);
      INFO(name << ": " << space.describe(arch));
      const FrozenNetwork alone =
          freeze(supernet, arch, calibrate(supernet, arch, {images.narrow(0, 0, kCounted)}));
      const torch::Tensor wanted =
          alone.forward(images.narrow(0, kCounted, kJudged)).argmax(1).eq(labels).to(torch::kByte);
      const auto network = device_network(supernet, arch);
      REQUIRE(network);
      std::vector<std::uint8_t> right(kJudged, 7);
      host.engine.classify(*network, 0, nullptr, host.images_of(), kCounted,
                           labels.data_ptr<std::int64_t>(), right.data());
      for (int k = 0; k < kJudged; ++k) CHECK(right[k] == wanted[k].item<std::uint8_t>());
      for (int cut = 1; cut <= space.layers() + 1; cut += 3) {
        const std::int64_t bytes = host.engine.bytes_before(*network, cut, kCounted + kJudged);
        torch::Tensor made = torch::full({bytes / 4}, std::numeric_limits<float>::quiet_NaN());
        host.engine.run(*network, 0, cut, nullptr, host.images_of(), kCounted, made.data_ptr());
        std::vector<std::uint8_t> again(kJudged, 7);
        host.engine.classify(*network, cut, made.data_ptr(), host.images_of(), kCounted,
                             labels.data_ptr<std::int64_t>(), again.data());
        CHECK(again == right);
      }
    }
  }
}

TEST_CASE("the device engine reports images whose logits are not finite", "[supernet]") {
  const SearchSpace space = tiny_space(1);
  Supernet supernet(space, torch::kCPU, 3);
  supernet.flat_values()[0] = std::numeric_limits<float>::infinity();
  HostEngine<float> host(supernet);
  const torch::Tensor images = normal_images(space, 4, 5);
  host.pixels = images.permute({0, 2, 3, 1}).contiguous();
  const torch::Tensor labels = torch::zeros({2}, torch::kLong);
  std::vector<std::uint8_t> right(2, 7);
  host.engine.classify(*device_network(supernet, space.uniform(0)), 0, nullptr, host.images_of(), 2,
                       labels.data_ptr<std::int64_t>(), right.data());
  CHECK(right == std::vector<std::uint8_t>{2, 2});
}

TEST_CASE("the device engine's gradients in bf16 differ from fp32 only by rounding", "[supernet]") {
  std::uint64_t seed = 1;
  for (const Operator& op : all_operators()) {
    for (const Placement& place : placements()) {
      const SearchSpace space = one_layer_space(op, place);
      const Architecture arch = space.uniform(0, std::min(5, space.widths() - 1));
      INFO(space.description().name << ": " << space.describe(arch));
      compare_step<Bf16>(space, arch, 4, ++seed, 0.05, 0.3);
    }
  }
}
