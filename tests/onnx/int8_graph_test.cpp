// Graphs of int8 networks: which nodes they consist of. tests/deploy runs them.

#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "catch.hpp"
#include "hsconas/base/files.hpp"
#include "hsconas/int8/rounding_points.hpp"
#include "hsconas/onnx/onnx_graph.hpp"
#include "onnx/onnx_interpreter.hpp"
#include "support/spaces.hpp"

using namespace hsconas;
using test::OnnxFile;

namespace {

ActivationScales scales_of(std::span<const Block> chain) {
  ActivationScales scales{.input = {0.25F, 7}, .points = {}};
  for (const Block& block : chain) {
    auto& points = scales.points.emplace_back();
    for (const RoundingPoint& point : points_of(block)) {
      points.push_back({0.5F, point.is_rectified ? 0 : 100});
    }
  }
  return scales;
}

OnnxFile int8_file(std::span<const Block> chain, bool takes_integers = false) {
  const ActivationScales scales = scales_of(chain);
  const std::string contents = encode_onnx(onnx_graph(
      chain, {.name = "test", .scales = &scales, .takes_integers = takes_integers},
      [](std::size_t, std::size_t, const Primitive& p) {
        const auto channels = static_cast<std::size_t>(p.out_channels);
        return OnnxWeight{std::vector<std::int8_t>(static_cast<std::size_t>(p.weight_count()), 3),
                          std::vector<std::int32_t>(channels, 1000),
                          std::vector<float>(channels, 0.125F)};
      }));
  return {contents, {}};
}

std::vector<Block> all_blocks() {
  std::vector<Block> blocks{make_stem({3, 8, 6, 1}, 3), make_head(8, 6, 16, 10, true),
                            make_head(8, 6, 16, 10, false)};
  for (const Operator& op : all_operators()) {
    for (const LayerShape& shape : {LayerShape{8, 8, 6, 1}, LayerShape{8, 16, 7, 2}}) {
      Block block = make_block(op, shape, 4 * (op.name.ends_with("_g2") ? 2 : 1));
      if (!block.is_identity()) blocks.push_back(std::move(block));
    }
  }
  return blocks;
}

/// The nodes that read the value `name`.
std::vector<const OnnxFile::Node*> readers(const OnnxFile& file, const std::string& name) {
  std::vector<const OnnxFile::Node*> found;
  for (const OnnxFile::Node& node : file.nodes) {
    if (std::count(node.inputs.begin(), node.inputs.end(), name) > 0) found.push_back(&node);
  }
  return found;
}

std::string maker(const OnnxFile& file, const std::string& name) {
  for (const OnnxFile::Node& node : file.nodes) {
    if (node.outputs.front() == name) return node.op;
  }
  return "";
}

/// Checks that a runtime can compute `node` on integers: it reads integers through conversions of
/// its own, and its result, behind a ReLU, is rounded.
void check_fusible(const OnnxFile& file, const OnnxFile::Node& node) {
  INFO(node.outputs.front());
  for (const std::string& input : node.inputs) {
    CHECK(maker(file, input) == "DequantizeLinear");
    CHECK(readers(file, input).size() == 1);
  }
  auto next = readers(file, node.outputs.front());
  if (node.op == "Gemm") return;  // Logits are real numbers.
  REQUIRE(next.size() == 1);
  if (next.front()->op == "Relu") next = readers(file, next.front()->outputs.front());
  REQUIRE(next.size() == 1);
  CHECK(next.front()->op == "QuantizeLinear");
}

}  // namespace

TEST_CASE("in an int8 graph, every operation that computes reads and returns rounded integers",
          "[int8]") {
  const std::set<std::string> moves{"Slice",          "Reshape",          "Transpose", "Flatten",
                                    "QuantizeLinear", "DequantizeLinear", "Relu"};
  for (const char* name : {"hsconas-a", "fbnet", "nas-bench-macro", "fashion-28"}) {
    const SearchSpace space = shipped_space(name);
    Rng rng(1, name);
    const OnnxFile file = int8_file(space.network(sample(Subspace::full(space), rng)));
    CHECK(file.opset >= 13);  // The first with one scale per channel.
    CHECK(file.inputs.at(0).type == 1);
    CHECK(file.outputs.at(0).type == 1);
    int convolutions = 0;
    for (const OnnxFile::Node& node : file.nodes) {
      if (!moves.contains(node.op)) check_fusible(file, node);
      convolutions += node.op == "Conv" ? 1 : 0;
    }
    CHECK(convolutions > 8);
  }
}

TEST_CASE("a block of an int8 network takes and returns uint8, a head returns logits", "[int8]") {
  for (const Block& block : all_blocks()) {
    INFO(block.key());
    const OnnxFile file = int8_file({&block, 1}, true);
    CHECK(file.inputs.at(0).type == 2);
    const bool is_head = block.name.starts_with("head");
    CHECK(file.outputs.at(0).name == (is_head ? "logits" : "features"));
    CHECK(file.outputs.at(0).type == (is_head ? 1 : 2));
    const test::Array out =
        file.run({{2, block.in_channels, block.in_size, block.in_size},
                  std::vector<float>(static_cast<std::size_t>(2 * block.in_channels *
                                                              block.in_size * block.in_size),
                                     9.0F)});
    CHECK(out.dims.at(1) == block.out_channels);
    for (const float value : out.values) {
      if (!is_head) CHECK((value >= 0.0F && value <= 255.0F && value == std::floor(value)));
    }
  }
}

TEST_CASE("the nodes of every operator's int8 block are those of the golden file", "[int8]") {
  nlohmann::json kinds;
  for (const Block& block : all_blocks()) {
    std::string text;
    for (const OnnxFile::Node& node : int8_file({&block, 1}, true).nodes) {
      text += (text.empty() ? "" : " ") + node.op;
    }
    kinds[block.key()] = text;
  }
  INFO(kinds.dump(1));
  CHECK(kinds == read_json(source_folder() / "tests/golden/int8_nodes.json"));
}

TEST_CASE("an int8 graph computes what its integers say", "[int8]") {
  // A 1x1 convolution of one channel: 0.25 (x - 7) rounded input, weight 3 * 0.125, bias 1000
  // steps.
  const Block stem = make_stem({1, 1, 2, 1}, 1);
  const OnnxFile file = int8_file({&stem, 1});
  const test::Array out = file.run({{1, 1, 2, 2}, {0.0F, 1.1F, -100.0F, 400.0F}});
  const auto expected = [](double input) {
    const double real = input * 0.375 + 1000.0 * 0.25 * 0.125;
    return static_cast<float>(std::nearbyint(real / 0.5));
  };
  CHECK(out.values ==
        std::vector<float>{expected(0.0), expected(1.0), expected(-1.75), expected(62.0)});
}
