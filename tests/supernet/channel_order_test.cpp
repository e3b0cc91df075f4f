#include "hsconas/supernet/channel_order.hpp"

#include <vector>

#include <torch/types.h>

#include "catch.hpp"
#include "hsconas/space/subspace.hpp"
#include "hsconas/supernet/calibration.hpp"
#include "hsconas/supernet/thaw.hpp"
#include "supernet/networks.hpp"
#include "support/spaces.hpp"

using namespace hsconas;

namespace {

/// The norm of the weights that read each input channel.
torch::Tensor column_norms(const torch::Tensor& weight) {
  return weight.transpose(0, 1).flatten(1).norm(2, 1);
}

torch::Tensor descending(const torch::Tensor& values) {
  return std::get<0>(values.sort(0, true));
}

}  // namespace

TEST_CASE("sorting the inner channels leaves the logits as they are, for every operator",
          "[compression]") {
  for (const Operator& op : all_operators()) {
    for (const Placement& place : placements()) {
      INFO(op.name << ", " << place.name);
      const SearchSpace space = one_layer_space(op, place);
      Rng rng(1, "sorted channels");
      const auto network =
          FrozenNetwork::random(space.network(sample(Subspace::full(space), rng)), torch::kCPU, 1);
      const torch::Tensor images = normal_images(space, 3, 1);
      const torch::Tensor expected = network.forward(images);
      CHECK(max_difference(with_sorted_channels(network).forward(images), expected) <
            1e-5 * expected.abs().max().item<double>());
    }
  }
}

TEST_CASE("a narrower network keeps the inner channels that are read with the largest weights",
          "[compression]") {
  constexpr int kHalf = 4;  // The index of the factor 0.5.
  for (const char* name : {"shuffle_k3", "shuffle_k7", "xception", "mbconv_e3_k3"}) {
    for (const Placement& place : placements()) {
      INFO(name << ", " << place.name);
      const SearchSpace space = one_layer_space(find_operator(name), place);
      const auto network = FrozenNetwork::random(space.network(space.uniform(0)), torch::kCPU, 1);
      Supernet supernet(space, torch::kCPU, 1);
      thaw(with_sorted_channels(network), space.uniform(0), supernet);
      // The last convolution of the layer reads the inner channels.
      const auto slot = network.layers()[1].weights.size() - 1;
      const torch::Tensor norms = column_norms(network.layers()[1].weights[slot].value);
      const auto kept = supernet.tensors_of(space.uniform(0, kHalf));
      const torch::Tensor reader = kept.at("layer0." + std::to_string(slot));
      REQUIRE(reader.size(1) < norms.size(0));
      CHECK(max_difference(column_norms(reader), descending(norms).slice(0, 0, reader.size(1))) <
            1e-6);
    }
  }
}

TEST_CASE("a network that is thawed and frozen again has the same function", "[compression]") {
  const SearchSpace space = shipped_space("quickstart-32");
  Rng rng(1, "thaw");
  const Architecture arch = sample(Subspace::full(space), rng);
  Supernet supernet(space, torch::kCPU, 1);
  enlarge_classifier(supernet);
  const std::vector<torch::Tensor> batches{normal_images(space, 16, 1),
                                           normal_images(space, 16, 2)};
  const FrozenNetwork network = freeze(supernet, arch, calibrate(supernet, arch, batches));
  Supernet other(space, torch::kCPU, 2);
  other.tensors_of(arch).begin()->second.fill_(1.0);
  thaw(network, arch, other);
  CHECK(other.flat_momentum().abs().max().item<float>() == 0.0F);
  const FrozenNetwork again = freeze(other, arch, calibrate(other, arch, batches));
  const torch::Tensor expected = network.forward(batches[0]);
  CHECK(max_difference(again.forward(batches[0]), expected) <
        0.02 * expected.abs().max().item<double>());
}
