#include "hsconas/int8/integer_network.hpp"

#include <string>
#include <vector>

#include "catch.hpp"
#include "hsconas/int8/rounding_points.hpp"
#include "hsconas/space/search_space.hpp"
#include "support/spaces.hpp"

using namespace hsconas;

namespace {

const std::vector<LayerShape>& shapes() {
  static const std::vector<LayerShape> all{{8, 8, 6, 1}, {8, 16, 7, 2}};
  return all;
}

Block block_of(const Operator& op, const LayerShape& shape) {
  return make_block(op, shape, 4 * (op.name.ends_with("_g2") ? 2 : 1));
}

/// Scales of increasing size, so that each point has another one.
std::vector<ActivationScale> increasing(const Block& block) {
  std::vector<ActivationScale> scales;
  for (const RoundingPoint& point : points_of(block)) {
    scales.push_back({static_cast<float>(scales.size() + 2), point.is_rectified ? 0 : 128});
  }
  return scales;
}

}  // namespace

TEST_CASE("in every operator's block, each convolution reads the point before it", "[int8]") {
  for (const Operator& op : all_operators()) {
    for (const LayerShape& shape : shapes()) {
      const Block block = block_of(op, shape);
      INFO(block.key());
      const auto scales = increasing(block);
      std::vector<float> seen;
      const ActivationScale last = for_each_weighted_input(
          block, {1.0F, 0}, scales,
          [&](const Primitive&, const ActivationScale& input) { seen.push_back(input.scale); });
      // Within a path the scales increase by one from each convolution to the next one, because
      // there is one point between them; each path begins at the block's input, with or without a
      // pooling.
      std::size_t at = 0;
      std::size_t points = 0;
      for (const Block::Path& path : block.paths) {
        float expected = 1.0F;
        for (std::size_t i = 0; i < path.primitives.size(); ++i) {
          if (path.primitives[i].has_weight()) CHECK(seen.at(at++) == expected);
          if (is_point(path, i)) expected = static_cast<float>(points++ + 2);
        }
      }
      CHECK(at == seen.size());
      if (block.is_identity()) {
        CHECK(scales.empty());
        CHECK(last.scale == 1.0F);
      } else {
        CHECK(last == scales.back());
      }
    }
  }
}

TEST_CASE("points follow a convolution with its ReLU, a pooling and a merge, and nothing else",
          "[int8]") {
  const auto rectified = [](const Block& block) {
    std::string text;
    for (const RoundingPoint& point : points_of(block)) text += point.is_rectified ? 'r' : '-';
    return text;
  };
  const auto of = [&](const char* op, std::size_t shape) {
    return rectified(block_of(find_operator(op), shapes()[shape]));
  };
  CHECK(of("shuffle_k3", 0) == "r-r-");      // Three convolutions and a concatenation.
  CHECK(of("shuffle_k3", 1) == "-rr-r-");    // With a projection before them.
  CHECK(of("mbconv_e3_k5", 0) == "rr--");    // The sum with the input is a point.
  CHECK(of("mbconv_e3_k5", 1) == "rr-");     // A single path needs no merge.
  CHECK(of("mbconv_e1_k5_g2", 1) == "rr-");  // A shuffle of channels is none.
  CHECK(of("skip", 0).empty());
  CHECK(of("skip", 1) == "-r");  // The pooling, and the convolution.
  CHECK(rectified(make_stem({3, 8, 6, 1}, 3)) == "r");
  CHECK(rectified(make_head(8, 6, 16, 10, true)) == "r-");  // The classifier returns reals.
}

TEST_CASE("each layer of a network gets the bits that the caller names", "[int8]") {
  const SearchSpace space = tiny_space();
  Architecture arch(3, LayerChoice{0, 1});
  std::vector<Block> blocks = space.network(arch);
  ActivationScales scales{.input = {0.5F, 0}, .points = {}};
  for (const Block& block : blocks) scales.points.push_back(increasing(block));
  std::vector<float> values;
  const WeightSource source = [&](std::size_t, std::size_t, const Primitive& p) {
    values.resize(static_cast<std::size_t>(p.weight_count()));
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i % 7) - 3.0F;
    return RealWeights{values, {}};
  };
  const IntegerNetwork eight = quantise(blocks, scales, source);
  const IntegerNetwork mixed =
      quantise(blocks, scales, source,
               [](std::size_t block, std::size_t, const Primitive&) { return block == 2 ? 4 : 8; });
  std::int64_t saved = 0;
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    std::size_t slot = 0;
    for_each_weighted(blocks[i], [&](const Primitive& p) {
      const IntegerWeights& weights = mixed.weights.at(i).at(slot++);
      CHECK(weights.bits == (i == 2 ? 4 : 8));
      CHECK(std::ssize(weights.values) == p.weight_count());
      if (i == 2) saved += p.weight_count() / 2;
    });
    CHECK(mixed.weights[i].size() == slot);
  }
  CHECK(eight.weight_bytes() - mixed.weight_bytes() == saved);
}
