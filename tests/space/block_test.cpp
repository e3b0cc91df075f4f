#include "hsconas/space/block.hpp"

#include <vector>

#include "catch.hpp"
#include "support/errors.hpp"

using namespace hsconas;

namespace {

const LayerShape kSame{.in_channels = 48, .out_channels = 48, .in_size = 28, .stride = 1};
const LayerShape kStrided{.in_channels = 16, .out_channels = 48, .in_size = 57, .stride = 2};

}  // namespace

TEST_CASE("a stride-1 shuffle block splits by parity and gives back all channels", "[space]") {
  const Block block = make_block(find_operator("shuffle_k5"), kSame, 24);
  REQUIRE(block.paths.size() == 2);
  CHECK(block.paths[0].source == Source::EvenChannels);
  CHECK(block.paths[0].primitives.empty());
  CHECK(block.paths[1].source == Source::OddChannels);
  CHECK(block.paths[1].primitives.front().in_channels == 24);
  CHECK(block.paths[1].primitives.back().out_channels == 24);
  CHECK(block.key() == "shuffle_k5_i48_m24_o48_r28_s1");
  // 1x1 24->24, depthwise 5x5, 1x1 24->24 at 28x28; three batch norms of 24.
  CHECK(cost_of(block).macs == (24 * 24 + 25 * 24 + 24 * 24) * 28 * 28);
  CHECK(cost_of(block).weights == 24 * 24 + 25 * 24 + 24 * 24);
  CHECK(cost_of(block).batch_norm == 3 * 2 * 24);
}

TEST_CASE("a strided block projects its input beside the main branch", "[space]") {
  const Block block = make_block(find_operator("shuffle_k3"), kStrided, 24);
  REQUIRE(block.paths.size() == 2);
  CHECK(block.paths[0].primitives.back().out_channels == 16);
  CHECK(block.paths[1].primitives.back().out_channels == 32);
  CHECK(block.out_size == 29);  // ceil(57 / 2)
  for (const auto& path : block.paths) CHECK(path.primitives.back().out_size == 29);
}

TEST_CASE("only a block without any primitive is an identity", "[space]") {
  CHECK(make_block(find_operator("skip"), kSame, 0).is_identity());
  CHECK(make_block(find_operator("identity"), kSame, 0).is_identity());
  CHECK_FALSE(make_block(find_operator("skip"), kStrided, 0).is_identity());
  CHECK_FALSE(make_block(find_operator("shuffle_k3"), kSame, 1).is_identity());
  CHECK_FALSE(make_stem(kStrided, 3).is_identity());
}

TEST_CASE("each primitive of a block takes the shape that the one before it gives", "[space]") {
  for (const Operator& op : all_operators()) {
    for (const LayerShape& shape : {kSame, kStrided}) {
      for (const int mid : {2, full_mid_channels(op, shape)}) {
        if (op.has_mid() && mid == 0) continue;
        const Block block = make_block(op, shape, mid);
        int delivered = 0;
        for (const auto& path : block.paths) {
          int channels = path.source == Source::All ? shape.in_channels : shape.in_channels / 2;
          int size = shape.in_size;
          for (const Primitive& p : path.primitives) {
            CHECK(p.in_channels == channels);
            CHECK(p.in_size == size);
            channels = p.out_channels;
            size = p.out_size;
          }
          CHECK(size == shape.out_size());
          delivered += channels;
        }
        CHECK(delivered == shape.out_channels);
      }
    }
  }
}

TEST_CASE("shapes that do not suit an operator are errors that say why", "[space]") {
  const auto message = [](const char* op, LayerShape shape, int mid) {
    return error_of([&] { make_block(find_operator(op), shape, mid); });
  };
  CHECK(message("shuffle_k3", {.in_channels = 7, .out_channels = 7, .in_size = 8, .stride = 1},
                3) == "usage: operator shuffle_k3 does not fit here: 7 channels cannot be halved");
  CHECK(
      message("xception", {.in_channels = 16, .out_channels = 16, .in_size = 8, .stride = 2}, 8) ==
      "usage: operator xception does not fit here: 16 -> 16 channels leave none for its main "
      "branch");
  CHECK(message("mbconv_e1_k3_g2", {.in_channels = 15, .out_channels = 16, .in_size = 8}, 15) ==
        "usage: operator mbconv_e1_k3_g2 does not fit here: 2 groups do not divide 15 -> 15 "
        "channels");
  CHECK(message("shuffle_k3", kSame, 0) ==
        "usage: operator shuffle_k3 does not fit here: it needs at least one inner channel");
}

TEST_CASE("the head counts its classifier, with the bias as a parameter only", "[space]") {
  const Cost bare = cost_of(make_head(32, 7, 64, 10, false));
  const Cost biased = cost_of(make_head(32, 7, 64, 10, true));
  CHECK(bare.macs == 32 * 64 * 7 * 7 + 64 * 10);
  CHECK(biased.macs == bare.macs);
  CHECK(biased.weights == bare.weights + 10);
  CHECK(make_head(32, 7, 64, 10, true).key() != make_head(32, 7, 64, 10, false).key());
}
