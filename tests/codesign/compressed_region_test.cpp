#include "hsconas/codesign/compressed_region.hpp"

#include <algorithm>
#include <cmath>
#include <set>
#include <vector>

#include "catch.hpp"
#include "support/spaces.hpp"

using namespace hsconas;

namespace {

/// Four layers of the paper's space, whose ten width factors give few different inner channels in
/// narrow layers, and starts of different widths with skips.
struct CompressedBench {
  SearchSpace space = shipped_space("quickstart-32");
  std::vector<Architecture> starts;
  CompressedRegion region;

  explicit CompressedBench(CompressedRegion::Choices choices = {.bits = {8, 4, 6}})
      : starts(random_starts(space)), region(space, starts, std::move(choices)) {}

  static std::vector<Architecture> random_starts(const SearchSpace& space) {
    Rng rng(3, "starts");
    std::vector<Architecture> starts;
    for (int i = 0; i < 3; ++i) starts.push_back(sample(Subspace::full(space), rng));
    return starts;
  }
  /// Whether `network` is one that its start can be compressed to.
  bool is_below_start(const CompressedNetwork& network) const {
    const Architecture& start = region.start(network.start);
    for (std::size_t layer = 0; layer < start.size(); ++layer) {
      if (network.arch[layer].op != start[layer].op) return false;
      if (network.arch[layer].width > start[layer].width) return false;
    }
    return true;
  }
};

}  // namespace

TEST_CASE("what is drawn, mutated, crossed or a step away is below one of the starts",
          "[compress]") {
  const CompressedBench bench;
  const CompressedRegion& region = bench.region;
  Rng rng(1, "region");
  Genes genes = region.sample(rng);
  for (int i = 0; i < 2000; ++i) {
    const Genes other = region.sample(rng);
    for (const Genes& child : {other, region.mutate(genes, 0.3, rng), region.step(genes, rng),
                               region.cross(genes, other, rng)}) {
      REQUIRE(region.contains(child));
      const CompressedNetwork network = region.network_of(child);
      REQUIRE(bench.is_below_start(network));
      REQUIRE(network.arch == bench.space.canonical(network.arch));
      genes = child;
    }
  }
}

TEST_CASE("a step changes one gene by one, or the start", "[compress]") {
  const CompressedBench bench;
  Rng rng(1, "steps");
  for (int i = 0; i < 500; ++i) {
    const Genes genes = bench.region.sample(rng);
    const Genes next = bench.region.step(genes, rng);
    if (next[0] != genes[0]) continue;
    int distance = 0;
    for (std::size_t axis = 0; axis < genes.size(); ++axis) {
      distance += std::abs(next[axis] - genes[axis]);
    }
    CHECK(distance == 1);
  }
}

TEST_CASE("genes have one canonical form for each compressed network", "[compress]") {
  const CompressedBench bench;
  const CompressedRegion& region = bench.region;
  Rng rng(2, "canonical");
  for (int i = 0; i < 500; ++i) {
    const Genes genes = region.sample(rng);
    const Genes canonical = region.canonical(genes);
    REQUIRE(region.contains(canonical));
    CHECK(region.canonical(canonical) == canonical);
    CHECK(region.network_of(canonical) == region.network_of(genes));
    CHECK(region.genes_of(region.network_of(genes)) == canonical);
  }
}

TEST_CASE("the cut and the bits of a layer without weights mean nothing", "[compress]") {
  const SearchSpace space = tiny_space();
  const int skip = 2;
  // In the first layer, which changes the shape, a skip has weights, but no inner channels.
  const std::vector<Architecture> starts{{{0, 1}, {skip, 0}, {1, 1}}};
  const CompressedRegion region(space, starts, {.bits = {4, 8}});
  const Genes whole = region.uniform(0, 0, 1);
  Genes changed = whole;
  changed[1 + 1] = 1;          // The cut of layer 1.
  changed[1 + 3 + 1 + 1] = 0;  // The bits of layer 1.
  REQUIRE(region.contains(changed));
  CHECK(region.canonical(changed) == region.canonical(whole));
  CHECK(region.network_of(changed).bits == std::vector<int>{8, 8, 8, 8, 8});
}

TEST_CASE("the axes are those of the widest start, and none for what is fixed", "[compress]") {
  const SearchSpace space = tiny_space();
  const std::vector<Architecture> starts{{{0, 0}, {0, 1}, {1, 0}}, {{1, 1}, {0, 0}, {1, 0}}};
  const std::vector<std::vector<int>> both{{0, 1}, {0, 1}, {0, 1}, {0}};
  CHECK(CompressedRegion(space, starts, {.bits = {}}).axes() == both);
  const CompressedRegion fixed(space, starts, {.bits = {6, 4, 8}, .cuts_widths = false});
  const std::vector<int> bits{0, 1, 2};
  CHECK(fixed.axes() ==
        std::vector<std::vector<int>>{{0, 1}, {0}, {0}, {0}, bits, bits, bits, bits, bits});
  CHECK(fixed.bits() == std::vector<int>{4, 6, 8});
  CHECK(fixed.deepest_cut() == 0);
  // Start 0 has one layer to cut, start 1 one, too.
  const CompressedRegion region(space, starts, {.bits = {}});
  CHECK(region.log10_size() == Approx(std::log10(4.0)));
  CHECK_FALSE(region.contains({0, 1, 0, 0}));
  CHECK_FALSE(region.contains({2, 0, 0, 0}));
  CHECK_FALSE(region.contains({0, 0, 0}));
  CHECK(region.contains({1, 1, 0, 0}));
}

TEST_CASE("a uniform cut stops at the narrowest width of each layer", "[compress]") {
  const CompressedBench bench;
  for (std::size_t start = 0; start < bench.region.starts(); ++start) {
    const auto whole = bench.region.network_of(bench.region.uniform(start, 0, 2));
    CHECK(whole.arch == bench.space.canonical(bench.starts[start]));
    CHECK(std::set<int>(whole.bits.begin(), whole.bits.end()) == std::set<int>{8});
    const Genes narrow = bench.region.uniform(start, bench.region.deepest_cut(), 0);
    CHECK(bench.region.contains(narrow));
    for (std::size_t layer = 0; layer < whole.arch.size(); ++layer) {
      CHECK(narrow[1 + layer] == whole.arch[layer].width);
    }
  }
}
