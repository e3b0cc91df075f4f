#include "hsconas/supernet/frozen_network.hpp"

#include <torch/cuda.h>
#include <torch/types.h>

#include "catch.hpp"
#include "hsconas/supernet/calibration.hpp"
#include "hsconas/supernet/run_block.hpp"
#include "hsconas/supernet/training_path.hpp"
#include "supernet/networks.hpp"
#include "support/skip.hpp"
#include "support/spaces.hpp"

using namespace hsconas;

TEST_CASE("a folded convolution equals convolution and batch norm", "[supernet]") {
  const torch::Tensor x = normal_tensor({3, 4, 5, 5}, 1);
  const torch::Tensor weight = normal_tensor({6, 4, 3, 3}, 2);
  const torch::Tensor mean = normal_tensor({6}, 3);
  const torch::Tensor variance = normal_tensor({6}, 4).square();
  const auto folded = fold_batch_norm(weight, mean, variance);
  const torch::Tensor expected = torch::batch_norm(torch::conv2d(x, weight, {}, 1, 1), {}, {}, mean,
                                                   variance, false, 0.0, kBatchNormEpsilon, false);
  CHECK(max_difference(torch::conv2d(x, folded.value, folded.bias, 1, 1), expected) < 1e-4);
}

TEST_CASE("random networks of every shipped space have the declared shapes", "[supernet]") {
  for (const std::string name :
       {"cifar-32", "fashion-28", "fbnet", "hsconas-a", "hsconas-b", "nas-bench-macro", "spos"}) {
    INFO(name);
    SpaceDescription description = shipped_description(name);
    if (description.image_size > 64) description.image_size = 64;
    const SearchSpace space(description);
    Rng rng(4, "test");
    const auto blocks = space.network(sample(Subspace::full(space), rng));
    const auto network = FrozenNetwork::random(blocks, torch::kCPU, 1);
    REQUIRE(network.layers().size() == blocks.size());
    const torch::Tensor images = normal_images(space, 2, 1);
    torch::Tensor x = images;
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      INFO(blocks[i].key());
      x = FrozenNetwork({network.layers()[i]}).forward(x);
      const int channels = blocks[i].out_channels;
      if (i + 1 < blocks.size()) {
        const int size = blocks[i].out_size;
        CHECK(x.sizes() == torch::IntArrayRef{2, channels, size, size});
      } else {
        CHECK(x.sizes() == torch::IntArrayRef{2, channels});
      }
      CHECK(x.isfinite().all().item<bool>());
    }
    CHECK(x.size(1) == description.classes);
    CHECK(same_bits(network.forward(images), x));
  }
}

TEST_CASE("a random network depends only on the seed", "[supernet]") {
  const SearchSpace space = tiny_space(2);
  const auto blocks = space.network(space.uniform(0));
  const torch::Tensor images = normal_images(space, 2, 1);
  const auto logits = [&](std::uint64_t seed) {
    return FrozenNetwork::random(blocks, torch::kCPU, seed).forward(images);
  };
  CHECK(same_bits(logits(1), logits(1)));
  CHECK_FALSE(same_bits(logits(1), logits(2)));
}

TEST_CASE("weights rounded to fp16 keep their layout and are near the originals", "[supernet]") {
  const SearchSpace space = tiny_space(2);
  const auto network = FrozenNetwork::random(space.network(space.uniform(0)), torch::kCPU, 1);
  const FrozenNetwork half = network.to(torch::kHalf);
  REQUIRE(half.layers().size() == network.layers().size());
  for (std::size_t i = 0; i < half.layers().size(); ++i) {
    for (std::size_t k = 0; k < half.layers()[i].weights.size(); ++k) {
      const auto& rounded = half.layers()[i].weights[k];
      const auto& exact = network.layers()[i].weights[k];
      CHECK(rounded.value.scalar_type() == torch::kHalf);
      CHECK(rounded.value.strides() == exact.value.strides());
      CHECK(torch::allclose(rounded.value.to(torch::kFloat), exact.value, 1e-3, 1e-6));
      CHECK(rounded.bias.defined() == exact.bias.defined());
      if (rounded.bias.defined()) CHECK(rounded.bias.scalar_type() == torch::kHalf);
    }
  }
}

TEST_CASE("a forward pass does not change its input", "[supernet]") {
  for (const Operator& op : all_operators()) {
    for (const Placement& place : placements()) {
      INFO(op.name << ", " << place.name);
      const SearchSpace space = one_layer_space(op, place);
      const std::vector<Block> chain{space.block(0, {0, 0})};
      const torch::Tensor x = normal_tensor({2, place.in_channels, 9, 9}, 1)
                                  .contiguous(torch::MemoryFormat::ChannelsLast);
      const torch::Tensor before = x.clone();
      FrozenNetwork::random(chain, torch::kCPU, 1).forward(x);
      CHECK(same_bits(x, before));
    }
  }
}

TEST_CASE("a network without weights is on the CPU and returns its input", "[supernet]") {
  const SearchSpace space = one_layer_space(find_operator("identity"), placements().front());
  const std::vector<Block> chain{space.block(0, {0, 0})};
  const auto network = FrozenNetwork::random(chain, torch::kCPU, 1);
  CHECK(network.device() == torch::Device(torch::kCPU));
  const torch::Tensor x = normal_tensor({2, 20, 9, 9}, 1);
  CHECK(same_bits(network.forward(x), x));
}

TEST_CASE("a channel shuffle interleaves the groups", "[supernet]") {
  const torch::Tensor x = torch::arange(6.0).view({1, 6, 1, 1}).expand({2, 6, 3, 3});
  const torch::Tensor two = shuffle_channels(x, 2);
  const torch::Tensor three = shuffle_channels(x, 3);
  CHECK(torch::equal(two[1].select(1, 2).select(1, 0), torch::tensor({0., 3., 1., 4., 2., 5.})));
  CHECK(torch::equal(three[0].select(1, 0).select(1, 1), torch::tensor({0., 2., 4., 1., 3., 5.})));
  CHECK(torch::equal(shuffle_channels(two, 3), x));
}

TEST_CASE("a branch reads the even channels, the odd channels or all", "[supernet]") {
  const torch::Tensor x = torch::arange(4.0).view({1, 4, 1, 1});
  CHECK(torch::equal(select_source(x, Source::EvenChannels).flatten(), torch::tensor({0., 2.})));
  CHECK(torch::equal(select_source(x, Source::OddChannels).flatten(), torch::tensor({1., 3.})));
  CHECK(torch::equal(select_source(x, Source::All), x));
}

TEST_CASE("frozen networks and training paths give the same logits on GPU and CPU",
          "[supernet][gpu]") {
  if (!torch::cuda::is_available()) {
    return skip_test("this machine or this LibTorch has no CUDA");
  }
  const SearchSpace space = tiny_space(3);
  const torch::Device gpu(torch::kCUDA, 0);
  Supernet on_cpu(space, torch::kCPU, 1);
  Supernet on_gpu(space, gpu, 1);
  const torch::Tensor images = normal_images(space, 16, 1);
  for (const Architecture& arch : enumerate(Subspace::full(tiny_space(1)))) {
    const Architecture whole(3, arch.front());
    INFO(space.describe(whole));
    const auto frozen = freeze(on_cpu, whole, calibrate(on_cpu, whole, {images}));
    const auto frozen_gpu = freeze(on_gpu, whole, calibrate(on_gpu, whole, {images.to(gpu)}));
    CHECK(max_difference(frozen.forward(images), frozen_gpu.forward(images.to(gpu)).cpu()) < 1e-3);
    const torch::Tensor trained = TrainingPath(on_cpu, whole).forward(images);
    const torch::Tensor trained_gpu = TrainingPath(on_gpu, whole).forward(images.to(gpu));
    CHECK(max_difference(trained, trained_gpu.cpu()) < 1e-3);
  }
}
