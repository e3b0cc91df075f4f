#include "hsconas/supernet/calibration.hpp"

#include <torch/types.h>

#include "catch.hpp"
#include "hsconas/supernet/candidate.hpp"
#include "hsconas/supernet/training_path.hpp"
#include "supernet/networks.hpp"
#include "support/errors.hpp"
#include "support/spaces.hpp"

using namespace hsconas;

namespace {

/// Mean and variance per channel of the stem convolution's output for `images`, in double.
BatchNormStatistics::Layer stem_statistics(const Supernet& supernet, const torch::Tensor& images) {
  const auto& stem = supernet.space().description().stem;
  const torch::Tensor weight = supernet.parameters(0, 0).at(0).value.to(torch::kDouble);
  const torch::Tensor x =
      torch::conv2d(images.to(torch::kDouble), weight, {}, stem.stride, stem.kernel / 2);
  const torch::Tensor mean = x.mean({0, 2, 3}, true);
  return {mean.flatten(), (x - mean).pow(2).mean({0, 2, 3})};
}

}  // namespace

TEST_CASE("pooled statistics of the first batch norm equal those of all images in one batch",
          "[supernet]") {
  const SearchSpace space = tiny_space(2);
  const Supernet supernet(space, torch::kCPU, 1);
  const torch::Tensor images = normal_images(space, 12, 3);
  // The batches differ in mean, variance and size.
  const std::vector<torch::Tensor> batches{images.narrow(0, 0, 5) * 3.0 + 1.0,
                                           images.narrow(0, 5, 5), images.narrow(0, 10, 2) - 2.0};
  const auto expected = stem_statistics(supernet, torch::cat(batches));
  const auto statistics = calibrate(supernet, space.uniform(0), batches);
  REQUIRE(statistics.blocks.front().size() == 1);
  const auto& stem = statistics.blocks.front().front();
  CHECK(max_difference(stem.mean, expected.mean) < 1e-6);
  CHECK(torch::allclose(stem.variance.to(torch::kDouble), expected.variance, 1e-5));
}

TEST_CASE("the variance stays exact when the mean is large", "[supernet]") {
  const SearchSpace space = tiny_space(1);
  Supernet supernet(space, torch::kCPU, 1);
  // Only the kernel's centre is not 0, so that borders add no variance.
  torch::Tensor weight = supernet.parameters(0, 0).at(0).value;
  const torch::Tensor centre = weight.slice(2, 1, 2).slice(3, 1, 2).clone();
  weight.zero_();
  weight.slice(2, 1, 2).slice(3, 1, 2).copy_(centre.abs() + 1.0);
  const torch::Tensor images = normal_images(space, 8, 3) + 1000.0;
  const auto expected = stem_statistics(supernet, images);
  const auto statistics = calibrate(supernet, {{0, 0}}, {images, images.flip(0)});
  const auto& stem = statistics.blocks.front().front();
  CHECK(torch::allclose(stem.variance.to(torch::kDouble), expected.variance, 1e-3));
}

TEST_CASE("a variance far below epsilon stays exact, in blocks of all operators", "[supernet]") {
  constexpr double kScale = 1e-4;
  for (const Operator& op : all_operators()) {
    const SearchSpace space = one_layer_space(op, placements().front());
    Supernet supernet(space, torch::kCPU, 1);
    const torch::Tensor images = normal_images(space, 6, 2);
    const Architecture arch{{0, static_cast<int>(space.widths()) - 1}};
    const auto variance = [&](std::size_t slot) {
      return calibrate(supernet, arch, {images, images + 0.1}).blocks.at(1).at(slot).variance;
    };
    auto& parameters = supernet.parameters(1, 0);
    const std::size_t norms = calibrate(supernet, arch, {images}).blocks.at(1).size();
    for (std::size_t slot = 0; slot < norms; ++slot) {
      INFO(op.name << ", batch norm " << slot);
      const torch::Tensor before = variance(slot).to(torch::kDouble);
      parameters.at(slot).value.mul_(kScale);
      const torch::Tensor small = variance(slot).to(torch::kDouble);
      CHECK(small.max().item<double>() < 1e-6);
      CHECK(torch::allclose(small / (kScale * kScale), before, 1e-3, 1e-12));
      parameters.at(slot).value.div_(kScale);
    }
  }
}

TEST_CASE("every batch norm of every operator has one mean and variance per channel in use",
          "[supernet]") {
  for (const Operator& op : all_operators()) {
    for (const Placement& place : placements()) {
      const SearchSpace space = one_layer_space(op, place);
      const Supernet supernet(space, torch::kCPU, 1);
      const Architecture arch = space.uniform(0, 0);
      const auto statistics = calibrate(supernet, arch, {normal_images(space, 2, 1)});
      const auto network = space.network(arch);
      REQUIRE(statistics.blocks.size() == network.size());
      for (std::size_t position = 0; position < network.size(); ++position) {
        INFO(network[position].key());
        std::vector<std::int64_t> widths;
        for (const auto& path : network[position].paths) {
          for (const Primitive& p : path.primitives) {
            if (p.kind == PrimitiveKind::BatchNorm) widths.push_back(p.out_channels);
          }
        }
        REQUIRE(statistics.blocks[position].size() == widths.size());
        for (std::size_t slot = 0; slot < widths.size(); ++slot) {
          CHECK(statistics.blocks[position][slot].mean.sizes() == torch::IntArrayRef{widths[slot]});
          CHECK(statistics.blocks[position][slot].variance.ge(0.0).all().item<bool>());
        }
      }
    }
  }
}

TEST_CASE("calibrating twice on the same batch changes nothing", "[supernet]") {
  const SearchSpace space = tiny_space(3);
  const Supernet supernet(space, torch::kCPU, 1);
  const torch::Tensor images = normal_images(space, 6, 1);
  const Architecture arch{{0, 0}, {1, 1}, {2, 0}};
  const auto once = freeze(supernet, arch, calibrate(supernet, arch, {images}));
  const auto twice = freeze(supernet, arch, calibrate(supernet, arch, {images, images}));
  CHECK(max_difference(once.forward(images), twice.forward(images)) < 1e-6);
}

TEST_CASE("a frozen network owns its weights, and an image's logits do not depend on its batch",
          "[supernet]") {
  const SearchSpace space = tiny_space(3);
  Supernet supernet(space, torch::kCPU, 1);
  const torch::Tensor images = normal_images(space, 6, 1);
  const Architecture arch{{0, 0}, {1, 1}, {2, 0}};
  const auto network = freeze(supernet, arch, calibrate(supernet, arch, {images}));
  const torch::Tensor logits = network.forward(images).clone();
  CHECK(max_difference(network.forward(images.narrow(0, 2, 1)), logits.narrow(0, 2, 1)) < 1e-5);
  for (const auto& [name, tensor] : supernet.tensors()) torch::Tensor(tensor).zero_();
  CHECK(same_bits(network.forward(images), logits));
}

TEST_CASE("weights too large for fp16 are an error that names the remedy", "[supernet]") {
  const SearchSpace space = tiny_space(3);
  Supernet supernet(space, torch::kCPU, 1);
  const torch::Tensor images = normal_images(space, 6, 1);
  const auto calibrate_all = [&](torch::ScalarType type) {
    BatchNormStatistics statistics;
    statistics.blocks.resize(5);
    torch::Tensor x = images;
    for (const CandidateBlock& block :
         candidate_blocks(supernet, space.uniform(0), 0, SIZE_MAX, type)) {
      x = block.calibrate(x, statistics, 0.0);
    }
  };
  calibrate_all(torch::kHalf);
  for (const auto& [name, tensor] : supernet.tensors()) torch::Tensor(tensor).mul_(1e6);
  calibrate_all(torch::kFloat);
  const std::string error = error_of([&] { calibrate_all(torch::kHalf); });
  INFO(error);
  CHECK(contains(error, "usage: block 0 makes values up to "));
  CHECK(contains(error, "set score.precision to fp32"));
}

TEST_CASE("candidates with fp16 activations differ from fp32 only by rounding", "[supernet]") {
  for (const Operator& op : all_operators()) {
    for (const Placement& place : placements()) {
      const SearchSpace space = one_layer_space(op, place);
      const Supernet supernet(space, torch::kCPU, 1);
      const Architecture arch = space.uniform(0, 0);
      const torch::Tensor images = normal_images(space, 16, 1);
      const auto run = [&](torch::ScalarType type, BatchNormStatistics& statistics) {
        std::vector<CandidateBlock> blocks;
        auto network = space.network(arch);
        for (std::size_t at = 0; at < network.size(); ++at) {
          blocks.emplace_back(supernet, std::move(network[at]), at, 0, type);
        }
        statistics.blocks.resize(blocks.size());
        torch::Tensor x = images;
        for (const CandidateBlock& block : blocks) x = block.calibrate(x, statistics, 0.0);
        x = images;
        for (CandidateBlock& block : blocks) {
          block.fix(statistics);
          x = block.apply(x);
        }
        return x;
      };
      BatchNormStatistics exact;
      BatchNormStatistics rounded;
      const torch::Tensor expected = run(torch::kFloat, exact);
      const torch::Tensor logits = run(torch::kHalf, rounded);
      INFO(space.describe(arch));
      CHECK((logits.scalar_type() == torch::kFloat));
      const double difference = max_difference(logits, expected);
      CHECK(difference > 0.0);
      CHECK(difference < 0.005 * expected.abs().max().item<double>());
      for (std::size_t block = 0; block < exact.blocks.size(); ++block) {
        for (std::size_t slot = 0; slot < exact.blocks[block].size(); ++slot) {
          const torch::Tensor deviation = exact.blocks[block][slot].variance.sqrt() + 1e-3;
          const torch::Tensor shift =
              (rounded.blocks[block][slot].mean - exact.blocks[block][slot].mean) / deviation;
          CHECK(shift.abs().max().item<double>() < 0.003);
        }
      }
    }
  }
}
