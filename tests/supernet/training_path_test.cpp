#include "hsconas/supernet/training_path.hpp"

#include <torch/types.h>
#include <torch/utils.h>

#include "catch.hpp"
#include "hsconas/supernet/calibration.hpp"
#include "supernet/masked_network.hpp"
#include "supernet/networks.hpp"
#include "support/spaces.hpp"

using namespace hsconas;

namespace {

/// Calls `use` with a supernet of one layer for every operator, layer shape and width.
template <typename Use>
void for_every_choice(const Use& use) {
  std::uint64_t seed = 1;
  for (const Operator& op : all_operators()) {
    for (const Placement& place : placements()) {
      const SearchSpace space = one_layer_space(op, place);
      Supernet supernet(space, torch::kCPU, seed++);
      enlarge_classifier(supernet);
      for (const Architecture& arch : enumerate(Subspace::full(space))) {
        if (space.canonical(arch) != arch) continue;
        INFO(space.description().name << ": " << space.describe(arch));
        use(supernet, arch, normal_images(space, 3, seed));
      }
    }
  }
}

}  // namespace

TEST_CASE("masked, sliced and stand-alone networks give the same logits", "[supernet]") {
  int choices = 0;
  for_every_choice([&](Supernet& supernet, const Architecture& arch, const torch::Tensor& images) {
    const torch::NoGradGuard guard;
    const torch::Tensor masked = MaskedNetwork(supernet, arch).forward(images);
    const torch::Tensor sliced = TrainingPath(supernet, arch).forward(images);
    const torch::Tensor alone =
        freeze(supernet, arch, calibrate(supernet, arch, {images})).forward(images);
    CHECK(masked.abs().max().item<double>() > 0.5);
    CHECK(max_difference(masked, sliced) < 1e-5);
    CHECK(max_difference(masked, alone) < 1e-5);
    ++choices;
  });
  CHECK(choices > 300);
}

TEST_CASE("masked, sliced and stand-alone whole networks agree, and a width changes the logits",
          "[supernet]") {
  for (const std::string name : {"cifar-32", "fashion-28", "nas-bench-macro"}) {
    SpaceDescription description = shipped_description(name);
    description.image_size = 16;
    const SearchSpace space(description);
    Supernet supernet(space, torch::kCPU, 3);
    enlarge_classifier(supernet);
    Rng rng(1, "test");
    for (int i = 0; i < 3; ++i) {
      const Architecture arch = sample(Subspace::full(space), rng);
      INFO(name << ": " << space.describe(arch));
      const torch::NoGradGuard guard;
      const torch::Tensor images = normal_images(space, 4, 5);
      const torch::Tensor masked = MaskedNetwork(supernet, arch).forward(images);
      const torch::Tensor sliced = TrainingPath(supernet, arch).forward(images);
      const torch::Tensor alone =
          freeze(supernet, arch, calibrate(supernet, arch, {images})).forward(images);
      // Errors grow from layer to layer, so a whole network may differ more than a single layer.
      CHECK(max_difference(masked, sliced) < 1e-4);
      CHECK(max_difference(masked, alone) < 1e-4);
    }
  }
  const SearchSpace space = tiny_space(1);
  Supernet supernet(space, torch::kCPU, 3);
  const torch::Tensor images = normal_images(space, 4, 5);
  CHECK(max_difference(TrainingPath(supernet, {{0, 0}}).forward(images),
                       TrainingPath(supernet, {{0, 1}}).forward(images)) > 1e-3);
}

TEST_CASE("masked-off weights have gradient 0, the others the gradient of the slice",
          "[supernet]") {
  const torch::Tensor labels = torch::tensor({3, 0, 7}, torch::kLong);
  int with_masked_weights = 0;
  for_every_choice([&](Supernet& supernet, const Architecture& arch, const torch::Tensor& images) {
    const MaskedNetwork masked(supernet, arch);
    torch::cross_entropy_loss(masked.forward(images), labels).backward();
    // The path runs in double precision up to the classifier: in single precision, rounding may
    // move a value near 0 to the other side of a ReLU's kink, and gradients would rightly differ.
    TrainingPath path(supernet, arch, torch::kDouble);
    torch::cross_entropy_loss(path.forward(images), labels).backward();
    const auto leaves = masked.leaves();
    REQUIRE(leaves.size() == path.slices().size());
    bool has_masked_weights = false;
    for (std::size_t i = 0; i < leaves.size(); ++i) {
      torch::Tensor rest = leaves[i].grad().clone();
      const torch::Tensor slice = path.slices()[i].leaf.grad();
      torch::Tensor part = rest.narrow(0, 0, slice.size(0));
      if (slice.dim() > 1) part = part.narrow(1, 0, slice.size(1));
      const double largest = part.abs().max().item<double>();
      CHECK(max_difference(part, slice) <= 1e-5 * largest + 1e-9);
      part.zero_();
      CHECK(rest.count_nonzero().item<std::int64_t>() == 0);
      has_masked_weights = has_masked_weights || rest.numel() > slice.numel();
    }
    with_masked_weights += has_masked_weights ? 1 : 0;
  });
  CHECK(with_masked_weights > 250);
}

TEST_CASE("a path's leaves are copies, its values and momentum views of the supernet",
          "[supernet]") {
  const SearchSpace space = tiny_space(2);
  Supernet supernet(space, torch::kCPU, 1);
  TrainingPath path(supernet, {{0, 0}, {1, 0}});
  for (auto& slice : path.slices()) {
    CHECK(same_bits(slice.value, slice.leaf));
    CHECK(slice.leaf.is_contiguous());
    CHECK(slice.leaf.requires_grad());
    slice.leaf.detach().add_(1.0);
    CHECK(max_difference(slice.value, slice.leaf) > 0.5);
    slice.value.fill_(2.0);
    slice.momentum.fill_(3.0);
  }
  const auto tensors = supernet.tensors();
  CHECK(tensors.at("stem.0").min().item<float>() == 2.0F);
  CHECK(tensors.at("head.1.momentum").max().item<float>() == 3.0F);
  // The path uses the first half of the inner channels.
  const torch::Tensor pointwise = tensors.at("layer0.shuffle_k3.2");
  const std::int64_t half = pointwise.size(0) / 2;
  CHECK(pointwise.narrow(0, 0, half).eq(2.0).all().item<bool>());
  CHECK_FALSE(pointwise.narrow(0, half, half).eq(2.0).any().item<bool>());
  CHECK(tensors.at("layer0.xception.0.momentum").eq(0.0).all().item<bool>());
}

TEST_CASE("two forward passes before one backward pass give the sum of their gradients",
          "[supernet]") {
  const SearchSpace space = tiny_space(3);
  Supernet supernet(space, torch::kCPU, 1);
  enlarge_classifier(supernet);
  const Architecture arch = space.uniform(0, 1);
  const torch::Tensor first = normal_images(space, 8, 2);
  const torch::Tensor second = normal_images(space, 5, 3);
  TrainingPath one_by_one(supernet, arch);
  one_by_one.forward(first).square().sum().backward();
  one_by_one.forward(second).square().sum().backward();
  std::vector<torch::Tensor> leaves;
  torch::Tensor loss;
  {
    TrainingPath path(supernet, arch);
    for (const auto& slice : path.slices()) leaves.push_back(slice.leaf);
    const torch::Tensor logits = path.forward(first);
    loss = logits.square().sum() + path.forward(second).square().sum();
  }
  // These tensors would reuse and overwrite memory that the path had freed too early.
  std::vector<torch::Tensor> others;
  for (int i = 0; i < 200; ++i) others.push_back(torch::full({1000 + 100 * i}, 1e30));
  loss.backward();  // The path itself is destroyed by now.
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    INFO("slice " << i);
    CHECK(torch::allclose(leaves[i].grad(), one_by_one.slices()[i].leaf.grad(), 1e-4, 1e-5));
  }
}

TEST_CASE("bf16 activations give logits and fp32 gradients near those of fp32 activations",
          "[supernet]") {
  const SearchSpace space = tiny_space(3);
  Supernet supernet(space, torch::kCPU, 1);
  enlarge_classifier(supernet);
  const torch::Tensor images = normal_images(space, 8, 2);
  for (const Architecture& arch : {Architecture{{0, 1}, {1, 0}, {2, 0}}, space.uniform(1)}) {
    TrainingPath single(supernet, arch);
    TrainingPath half(supernet, arch, torch::kBFloat16);
    const torch::Tensor expected = single.forward(images).detach();
    const torch::Tensor logits = half.forward(images);
    CHECK(logits.scalar_type() == torch::kFloat);
    const double difference = max_difference(logits, expected);
    CHECK(difference > 0.0);
    CHECK(difference < 0.1 * expected.abs().max().item<double>());
    logits.square().sum().backward();
    single.forward(images).square().sum().backward();
    for (std::size_t i = 0; i < half.slices().size(); ++i) {
      const torch::Tensor gradient = half.slices()[i].leaf.grad();
      const torch::Tensor exact = single.slices()[i].leaf.grad();
      CHECK(gradient.scalar_type() == torch::kFloat);
      INFO("slice " << i);
      CHECK((gradient - exact).norm().item<double>() < 0.5 * exact.norm().item<double>());
    }
  }
}

TEST_CASE("dropout depends only on the seed of torch's generator", "[supernet]") {
  SpaceDescription description = tiny_description(1);
  description.head.dropout = 0.5;
  const SearchSpace space(description);
  Supernet supernet(space, torch::kCPU, 1);
  const torch::Tensor images = normal_images(space, 4, 2);
  const auto logits = [&](std::uint64_t seed) {
    torch::manual_seed(seed);
    return TrainingPath(supernet, {{0, 0}}).forward(images).detach();
  };
  CHECK(same_bits(logits(1), logits(1)));
  CHECK(max_difference(logits(1), logits(2)) > 1e-3);
}
