#include "hsconas/onnx/onnx_graph.hpp"

#include <cmath>
#include <deque>
#include <functional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "catch.hpp"
#include "hsconas/base/rng.hpp"
#include "onnx/onnx_interpreter.hpp"
#include "support/spaces.hpp"

using namespace hsconas;
using test::Array;
using test::OnnxFile;

namespace {

/// Draws random weights and keeps them alive.
struct Weights {
  std::deque<std::vector<float>> values;
  Rng rng{5, "weights"};

  OnnxWeight::Values draw(std::int64_t count) {
    auto& list = values.emplace_back();
    for (std::int64_t i = 0; i < count; ++i) list.push_back(static_cast<float>(rng.normal()));
    return OnnxTensor::Floats{list.data()};
  }
  OnnxWeight operator()(std::size_t, std::size_t, const Primitive& p) {
    return {
        draw(std::int64_t{1} * p.out_channels * (p.in_channels / p.groups) * p.kernel * p.kernel),
        draw(p.out_channels)};
  }
};

OnnxFile encoded(std::span<const Block> chain, std::int64_t batch = kAnyBatch) {
  Weights weights;
  const std::string contents =
      encode_onnx(onnx_graph(chain, {.name = "test", .batch = batch}, std::ref(weights)));
  return {contents, {}};
}

Array images(const OnnxFile& file, std::int64_t batch) {
  Array array;
  for (const std::string& dim : file.inputs.at(0).dims) {
    array.dims.push_back(dim == "batch" ? batch : std::stoll(dim));
  }
  Rng rng(6, "images");
  for (std::int64_t i = 0; i < test::count_of(array.dims); ++i) {
    array.values.push_back(static_cast<float>(rng.normal()));
  }
  return array;
}

}  // namespace

TEST_CASE("in a network's graph every input of a node is computed before it is used", "[deploy]") {
  for (const char* name : {"hsconas-a", "fbnet", "nas-bench-macro", "fashion-28"}) {
    const SearchSpace space = shipped_space(name);
    Rng rng(1, name);
    for (int i = 0; i < 3; ++i) {
      const OnnxFile file = encoded(space.network(sample(Subspace::full(space), rng)));
      CHECK(file.ir_version == 7);
      CHECK(file.opset == 13);
      std::set<std::string> known{file.inputs.at(0).name};
      for (const auto& [weight, array] : file.floats) known.insert(weight);
      for (const auto& [constant, values] : file.integers) known.insert(constant);
      for (const OnnxFile::Node& node : file.nodes) {
        for (const std::string& input : node.inputs) CHECK(known.contains(input));
        CHECK(known.insert(node.outputs.at(0)).second);
      }
      CHECK(known.contains(file.outputs.at(0).name));
      CHECK(file.nodes.back().outputs.at(0) == "logits");
      const auto& shape = space.description();
      const std::string size = std::to_string(shape.image_size);
      CHECK(file.inputs[0].dims ==
            std::vector<std::string>{"batch", std::to_string(shape.image_channels), size, size});
      CHECK(file.outputs[0].dims ==
            std::vector<std::string>{"batch", std::to_string(shape.classes)});
    }
  }
}

TEST_CASE("every operator's block runs as a graph and has the declared output shape", "[deploy]") {
  for (const Operator& op : all_operators()) {
    for (const LayerShape& shape : {LayerShape{8, 8, 6, 1}, LayerShape{8, 16, 7, 2}}) {
      const Block block = make_block(op, shape, 4 * (op.name.ends_with("_g2") ? 2 : 1));
      if (block.is_identity()) continue;
      const OnnxFile file = encoded({&block, 1}, 2);
      const Array out = file.run(images(file, 2));
      CHECK(out.dims ==
            std::vector<std::int64_t>{2, shape.out_channels, shape.out_size(), shape.out_size()});
      CHECK(file.outputs[0].name == "features");
      CHECK(file.outputs[0].dims[0] == "2");
      double spread = 0.0;
      for (const float value : out.values) spread += std::abs(value - out.values.front());
      CHECK(spread > 0.0);
      CHECK(std::isfinite(spread));
    }
  }
}

TEST_CASE("a shuffle block copies the even channels to its first outputs", "[deploy]") {
  const Block block = make_block(find_operator("shuffle_k3"), {8, 8, 3, 1}, 4);
  const OnnxFile file = encoded({&block, 1});
  const Array in = images(file, 1);
  const Array out = file.run(in);
  for (std::size_t channel = 0; channel < 4; ++channel) {
    for (std::size_t pixel = 0; pixel < 9; ++pixel) {
      CHECK(out.values[channel * 9 + pixel] == in.values[2 * channel * 9 + pixel]);
    }
  }
}
