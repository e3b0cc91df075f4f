#include "hsconas/supernet/int8_network.hpp"

#include <algorithm>
#include <limits>
#include <vector>

#include <torch/types.h>

#include "catch.hpp"
#include "hsconas/int8/rounding_points.hpp"
#include "hsconas/space/subspace.hpp"
#include "supernet/networks.hpp"
#include "support/errors.hpp"
#include "support/spaces.hpp"

using namespace hsconas;

namespace {

/// A random network and images for it.
struct Example {
  explicit Example(const SearchSpace& space, std::uint64_t seed = 1) {
    Rng rng(seed, "int8 example");
    network =
        FrozenNetwork::random(space.network(sample(Subspace::full(space), rng)), torch::kCPU, seed);
    for (std::uint64_t batch = 0; batch < 3; ++batch) {
      batches.push_back(normal_images(space, 4, seed + batch));
    }
  }

  FrozenNetwork network{{}};
  std::vector<torch::Tensor> batches;
};

double distance_share(const torch::Tensor& expected, const torch::Tensor& got) {
  return ((got - expected).norm() / expected.norm()).item<double>();
}

double error_with(const Example& example, const WeightBits& bits) {
  const IntegerNetwork integers =
      quantise(example.network, measure_scales(example.network, example.batches), bits);
  const torch::Tensor& images = example.batches.front();
  return distance_share(example.network.forward(images),
                        Int8Network(integers, torch::kCPU).forward(images));
}

}  // namespace

TEST_CASE("an int8 network's logits are close to those of fp32, for every operator", "[int8]") {
  for (const Operator& op : all_operators()) {
    for (const Placement& place : placements()) {
      const Example example(one_layer_space(op, place));
      INFO(op.name << ", " << place.name);
      const double error = error_with(example, eight_bits);
      CHECK(error < 0.05);
      CHECK(error > 1e-5);  // It is rounded.
    }
  }
}

TEST_CASE("fewer bits in one block change the logits more, and only the named block", "[int8]") {
  const Example example(tiny_space());
  const double eight = error_with(example, eight_bits);
  const auto bits_in = [](std::size_t in, int bits) {
    return [in, bits](std::size_t block, std::size_t, const Primitive&) {
      return block == in ? bits : 8;
    };
  };
  CHECK(error_with(example, bits_in(99, 2)) == eight);
  CHECK(error_with(example, bits_in(0, 4)) > eight);
  CHECK(error_with(example, bits_in(0, 2)) > error_with(example, bits_in(0, 4)));
}

TEST_CASE("scales cover the values at every point and depend on the images only", "[int8]") {
  const SearchSpace space = tiny_space();
  const Example example(space);
  const ActivationScales scales = measure_scales(example.network, example.batches);
  REQUIRE(scales.points.size() == example.network.layers().size());
  for (std::size_t i = 0; i < scales.points.size(); ++i) {
    const auto points = points_of(example.network.layers()[i].block);
    REQUIRE(scales.points[i].size() == points.size());
    for (std::size_t point = 0; point < points.size(); ++point) {
      if (points[point].is_rectified) CHECK(scales.points[i][point].zero_point == 0);
    }
  }
  double low = 0.0;
  double high = 0.0;
  for (const torch::Tensor& batch : example.batches) {
    low = std::min(low, batch.min().item<double>());
    high = std::max(high, batch.max().item<double>());
  }
  CHECK((scales.input == activation_scale(low, high)));
  // Neither the order nor the size of batches matters.
  const std::vector<torch::Tensor> whole{
      torch::cat({example.batches[2], example.batches[0], example.batches[1]})};
  const ActivationScales again = measure_scales(example.network, whole);
  for (std::size_t i = 0; i < scales.points.size(); ++i) {
    for (std::size_t point = 0; point < scales.points[i].size(); ++point) {
      CHECK(again.points[i][point].scale == Approx(scales.points[i][point].scale).epsilon(1e-5));
    }
  }
  const IntegerNetwork first = quantise(example.network, scales);
  const IntegerNetwork second =
      quantise(example.network, measure_scales(example.network, example.batches));
  CHECK(same_bits(Int8Network(first, torch::kCPU).forward(example.batches[1]),
                  Int8Network(second, torch::kCPU).forward(example.batches[1])));
}

TEST_CASE("a network whose values are not finite has no int8 form", "[int8]") {
  for (const float value :
       {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
    Example example(tiny_space());
    example.batches[1].index_put_({0, 0, 3, 3}, value);
    CHECK(contains(error_of([&] { measure_scales(example.network, example.batches); }),
                   "have no int8 form"));
  }
}
