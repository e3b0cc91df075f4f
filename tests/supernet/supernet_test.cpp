#include "hsconas/supernet/supernet.hpp"

#include <torch/types.h>
#include <torch/utils.h>

#include "catch.hpp"
#include "supernet/networks.hpp"
#include "support/errors.hpp"
#include "support/spaces.hpp"

using namespace hsconas;

TEST_CASE("a supernet holds each operator's weights once, at full width", "[supernet]") {
  const SearchSpace space = tiny_space(2);
  const Supernet supernet(space, torch::kCPU, 1);
  std::int64_t expected = cost_of(space.stem()).weights + cost_of(space.head()).weights;
  for (int layer = 0; layer < space.layers(); ++layer) {
    for (int op = 0; op < space.ops(); ++op) {
      expected += cost_of(space.widest_block(layer, op)).weights;
    }
  }
  CHECK(supernet.parameter_count() == expected);
  const auto tensors = supernet.tensors();
  CHECK(tensors.at("stem.0").sizes() == torch::IntArrayRef{16, 3, 3, 3});
  CHECK(tensors.at("layer0.shuffle_k3.2").sizes() == torch::IntArrayRef{16, 16, 1, 1});
  CHECK(tensors.at("layer0.shuffle_k3.3").sizes() == torch::IntArrayRef{16, 1, 3, 3});
  CHECK(tensors.at("layer0.skip.0").sizes() == torch::IntArrayRef{32, 16, 1, 1});
  CHECK(tensors.count("layer1.skip.0") == 0);  // an identity
  CHECK(tensors.at("head.1").sizes() == torch::IntArrayRef{10, 64});
  CHECK(tensors.count("head.2") == 0);  // no bias
}

TEST_CASE("weights start with the deviations of SPOS's code, biases and momentum with 0",
          "[supernet]") {
  SpaceDescription description = tiny_description(1);
  description.stem.channels = 64;
  description.stages.front().channels = 128;
  description.head = {.channels = 256, .bias = true};
  const Supernet supernet(SearchSpace(description), torch::kCPU, 1);
  const auto tensors = supernet.tensors();
  const auto deviation = [&](const std::string& name) {
    return tensors.at(name).std().item<double>();
  };
  CHECK(deviation("stem.0") == Approx(0.01).epsilon(0.1));
  CHECK(deviation("layer0.shuffle_k3.0") == Approx(1.0).epsilon(0.1));  // depthwise
  CHECK(deviation("layer0.shuffle_k3.2") == Approx(1.0 / 64).epsilon(0.1));
  CHECK(deviation("head.0") == Approx(1.0 / 128).epsilon(0.1));
  CHECK(deviation("head.1") == Approx(0.01).epsilon(0.1));
  CHECK(tensors.at("head.2").eq(0.0).all().item<bool>());
  for (const auto& [name, tensor] : tensors) {
    INFO(name);
    if (name.ends_with(".momentum")) {
      CHECK(tensor.eq(0.0).all().item<bool>());
      CHECK(tensor.sizes() == tensors.at(name.substr(0, name.size() - 9)).sizes());
    }
  }
}

TEST_CASE("weight decay applies to everything but biases", "[supernet]") {
  SpaceDescription description = tiny_description(1);
  description.head.bias = true;
  Supernet supernet(SearchSpace(description), torch::kCPU, 1);
  CHECK(supernet.parameters(0, 0).at(0).decays);
  for (int op = 0; op < 3; ++op) {
    for (const Parameter& parameter : supernet.parameters(1, op)) CHECK(parameter.decays);
  }
  const auto& head = supernet.parameters(2, 0);
  CHECK(head.at(1).decays);
  CHECK_FALSE(head.at(2).decays);
}

TEST_CASE("the initial weights depend only on the seed", "[supernet]") {
  const SearchSpace space = tiny_space(2);
  const auto a = Supernet(space, torch::kCPU, 5).tensors();
  torch::manual_seed(99);
  const auto b = Supernet(space, torch::kCPU, 5).tensors();
  const auto c = Supernet(space, torch::kCPU, 6).tensors();
  for (const auto& [name, tensor] : a) CHECK(same_bits(tensor, b.at(name)));
  CHECK_FALSE(same_bits(a.at("stem.0"), c.at("stem.0")));
}

TEST_CASE("load() replaces every tensor, or none when one does not fit", "[supernet]") {
  const SearchSpace space = tiny_space(2);
  Supernet source(space, torch::kCPU, 1);
  source.parameters(1, 0).at(0).momentum.fill_(0.5);
  Supernet target(space, torch::kCPU, 2);
  auto before = target.tensors();
  for (auto& [name, tensor] : before) tensor = tensor.clone();

  auto missing = source.tensors();
  missing.erase("layer1.xception.0.momentum");
  CHECK(error_of([&] { target.load(missing); }) ==
        "data: checkpoint lacks the tensor layer1.xception.0.momentum");
  auto misshapen = source.tensors();
  misshapen["stem.0"] = misshapen["stem.0"].transpose(0, 1);
  CHECK(error_of([&] { target.load(misshapen); }) ==
        "data: checkpoint has another shape for the tensor stem.0");
  auto of_integers = source.tensors();
  of_integers["stem.0"] = of_integers["stem.0"].to(torch::kLong);
  CHECK(error_of([&] { target.load(of_integers); }) ==
        "data: checkpoint has another type for the tensor stem.0");
  for (const auto& [name, tensor] : target.tensors()) CHECK(same_bits(tensor, before.at(name)));

  target.load(source.tensors());
  const auto expected = source.tensors();
  for (const auto& [name, tensor] : target.tensors()) CHECK(same_bits(tensor, expected.at(name)));
  source.parameters(0, 0).at(0).value.zero_();
  CHECK_FALSE(same_bits(target.tensors().at("stem.0"), source.tensors().at("stem.0")));
}

TEST_CASE("resetting momentum does not change the weights", "[supernet]") {
  const SearchSpace space = tiny_space(1);
  Supernet supernet(space, torch::kCPU, 1);
  for (const auto& [name, tensor] : supernet.tensors()) {
    if (name.ends_with(".momentum")) torch::Tensor(tensor).fill_(1.0);
  }
  supernet.reset_momentum();
  const auto fresh = Supernet(space, torch::kCPU, 1).tensors();
  for (const auto& [name, tensor] : supernet.tensors()) CHECK(same_bits(tensor, fresh.at(name)));
}

TEST_CASE("a slice is the first rows and columns that a block uses, without a copy", "[supernet]") {
  const torch::Tensor dense = torch::arange(24.0).view({4, 6, 1, 1});
  const Primitive pointwise{.kind = PrimitiveKind::Conv, .in_channels = 2, .out_channels = 3};
  const torch::Tensor part = sliced(dense, pointwise);
  CHECK(part.sizes() == torch::IntArrayRef{3, 2, 1, 1});
  CHECK(part[2][1].item<float>() == 13.0F);
  CHECK(part.data_ptr() == dense.data_ptr());
  const Primitive depthwise{
      .kind = PrimitiveKind::Conv, .in_channels = 5, .out_channels = 5, .kernel = 3, .groups = 5};
  CHECK(sliced(torch::zeros({8, 1, 3, 3}), depthwise).sizes() == torch::IntArrayRef{5, 1, 3, 3});
}
