#include "hsconas/space/activation_memory.hpp"

#include <vector>

#include "catch.hpp"
#include "support/spaces.hpp"

using namespace hsconas;

namespace {

std::int64_t peak_of(const char* op, const LayerShape& shape, int mid_channels) {
  return peak_activations(make_block(find_operator(op), shape, mid_channels));
}

}  // namespace

TEST_CASE("peak activations are those computed by hand", "[space][limits]") {
  const LayerShape same{.in_channels = 16, .out_channels = 16, .in_size = 8, .stride = 1};
  const LayerShape strided{.in_channels = 16, .out_channels = 32, .in_size = 8, .stride = 2};
  constexpr int kPixels = 8 * 8;
  SECTION("a skip needs its input only") {
    CHECK(peak_of("skip", same, 0) == 16 * kPixels);
  }
  SECTION("a skip that changes the shape pools, then convolves") {
    // The input and the pooled image; later pooled image and output, which are smaller.
    CHECK(peak_of("skip", strided, 0) == 16 * 64 + 16 * 16);
  }
  SECTION("a shortcut keeps the input to the end") {
    // 16 input channels stay; the depthwise convolution reads and writes 48 each.
    CHECK(peak_of("mbconv_e3_k3", same, 48) == (16 + 48 + 48) * kPixels);
  }
  SECTION("without a shortcut the input goes once it has been read") {
    // The expansion: 16 x 64 in, 48 x 64 out. The strided depthwise convolution: 48 x 64 in, 48 x
    // 16 out.
    CHECK(peak_of("mbconv_e3_k3", strided, 48) == 16 * 64 + 48 * 64);
    // With few input channels the depthwise convolution is the peak.
    const LayerShape narrow{.in_channels = 4, .out_channels = 32, .in_size = 8, .stride = 2};
    CHECK(peak_of("mbconv_e6_k3", narrow, 24) == 24 * 64 + 24 * 16);
  }
  SECTION("a shuffle is one more array between two groups of channels") {
    CHECK(peak_of("mbconv_e1_k3_g2", same, 16) == (16 + 16 + 16) * kPixels);
  }
  SECTION("a split layer copies the channels that it passes on") {
    // 16 input channels and 8 copied ones stay until the first convolution of the main branch has
    // written 4; without the input there are at most 8 + 4 + 8.
    CHECK(peak_of("shuffle_k3", same, 4) == (16 + 8 + 4) * kPixels);
    // With wide inner channels, copied + depthwise in and out.
    CHECK(peak_of("shuffle_k3", same, 24) == (8 + 24 + 24) * kPixels);
  }
  SECTION("the projection of a strided split layer is done before the main branch") {
    // Projection: at most 16 x 64 + 16 x 16 + 16 x 16. Main branch: input 16 x 64, projected 16 x
    // 16, inner 16 x 64; then 16 x 16 + 16 x 64 + 16 x 16.
    CHECK(peak_of("shuffle_k3", strided, 16) == 16 * 64 + 16 * 16 + 16 * 64);
  }
}

TEST_CASE("the peak of a network is that of its worst block, stem and head included",
          "[space][limits]") {
  const SearchSpace space = tiny_space(2);
  // Stem: 3 x 16 x 16 in, 16 x 16 x 16 out. The layers halve the image first.
  const auto skips = space.network(space.uniform(2));
  CHECK(peak_activations(space.stem()) == (3 + 16) * 256);
  CHECK(peak_activations(space.head()) == 32 * 64 + 64 * 64);
  CHECK(peak_activations(skips) == 32 * 64 + 64 * 64);
  // Strided shuffle: 16 x 256 in, 16 x 64 projected, 16 x 256 inner.
  const auto shuffles = space.network(space.uniform(0));
  CHECK(peak_activations(shuffles) == 16 * 256 + 16 * 64 + 16 * 256);
}

TEST_CASE("a wider layer never needs less memory, and every layer at least input and output",
          "[space][limits]") {
  for (const char* name : {"hsconas-a", "fbnet", "quickstart-32"}) {
    const SearchSpace space = shipped_space(name);
    for (int layer = 0; layer < space.layers(); ++layer) {
      for (int op = 0; op < space.ops(); ++op) {
        std::int64_t narrower = 0;
        for (int width = 0; width < space.widths(); ++width) {
          const Block block = space.block(layer, {op, width});
          const std::int64_t peak = peak_activations(block);
          CAPTURE(name, block.key());
          CHECK(peak >= narrower);
          CHECK(peak >= std::int64_t{block.in_channels} * block.in_size * block.in_size);
          CHECK(peak >= std::int64_t{block.out_channels} * block.out_size * block.out_size);
          narrower = peak;
        }
      }
    }
  }
}
