#include "hsconas/codesign/compression.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "catch.hpp"
#include "hsconas/codesign/compressed_region.hpp"
#include "support/errors.hpp"
#include "support/fake_compressed_evaluator.hpp"
#include "support/spaces.hpp"
#include "support/temporary_folder.hpp"

using namespace hsconas;

namespace {

/// Three trained networks of a small space, designs, and a fake that knows accuracies.
struct CompressionBench {
  SearchSpace space = shipped_space("quickstart-32");
  std::vector<Architecture> starts{space.uniform(0), space.uniform(1), space.uniform(2, 5)};
  std::vector<double> start_accuracies{0.90, 0.93, 0.91};
  DesignSpace designs{nlohmann::json::parse(R"({"name": "some", "dataflow": ["rs", "ws-kc"],
    "pes": [64, 128, 256], "offchip_bytes": [2, 8], "noc_words": [4, 16], "buffer_bytes": 131072,
    "bits": {"input": 16, "weight": 16, "psum": 32},
    "supported_bits": {"input": [8], "weight": [4, 8]}})")};
  FakeCompressedEvaluator evaluator{space, starts, start_accuracies};
  Limits limits;
  Log log{Verbosity::Quiet, false};
  StopToken stop;
  CodesignConfig config;
  SearchConfig search{.population = 15, .generations = 9, .parents = 5};

  CompressionResult run(const std::filesystem::path& csv = {}) {
    CompressedCosts costs(space, designs.designs());
    CompressedAccuracies accuracies(space, evaluator, {.path = csv, .weights = "w"});
    config.method = "compress";
    return compress({.space = space,
                     .starts = starts,
                     .start_accuracies = start_accuracies,
                     .designs = designs,
                     .costs = costs,
                     .accuracies = accuracies,
                     .limits = limits},
                    config, search, 1, log, stop);
  }
  /// The shortest latency that a start has on any design, uncompressed.
  double fastest_start() {
    CompressedCosts costs(space, designs.designs());
    double least = std::numeric_limits<double>::infinity();
    for (const Architecture& arch : starts) {
      for (std::size_t design = 0; design < designs.size(); ++design) {
        least = std::min(least, costs.cost({.start = 0, .arch = arch, .bits = {}}, design).ms);
      }
    }
    return least;
  }
};

bool is_equal(const Pair& a, const Pair& b) {
  return a.network == b.network && a.design == b.design && a.accuracy == b.accuracy &&
         a.cost.ms == b.cost.ms && a.cost.energy == b.cost.energy;
}

/// Whether `a` is at least as good as `b` in accuracy, latency and energy.
bool covers(const Pair& a, const Pair& b) {
  return a.accuracy >= b.accuracy && a.cost.ms <= b.cost.ms && a.cost.energy <= b.cost.energy;
}

}  // namespace

TEST_CASE("without limits, compression leaves the most accurate start at the most bits",
          "[compress]") {
  CompressionBench bench;
  const CompressionResult result = bench.run();
  const CompressedNetwork& best = result.networks[result.best.network];
  CHECK(best.start == 1);
  CHECK(best.arch == bench.space.canonical(bench.starts[1]));
  CHECK(std::count(best.bits.begin(), best.bits.end(), 8) == std::ssize(best.bits));
  CHECK(result.best.accuracy == 0.93);
  CHECK(result.counts.networks == std::ssize(bench.evaluator.asked));
  CHECK(result.networks.size() == 150);
}

TEST_CASE("the first networks are the starts at each number of bits, cut as far as limits require",
          "[compress]") {
  CompressionBench bench;
  bench.limits.ms = bench.fastest_start() / 2;
  const CompressionResult result = bench.run();
  std::size_t uniform = 0;
  for (std::size_t i = 0; i < std::min<std::size_t>(6, result.networks.size()); ++i) {
    const std::vector<int>& bits = result.networks[i].bits;
    if (std::count(bits.begin(), bits.end(), bits[0]) == std::ssize(bits)) ++uniform;
  }
  CHECK(uniform >= 2);
  CHECK(result.networks[0].start == 1);  // The most accurate one.
  CHECK(bench.limits.meets(result.best.cost));
}

TEST_CASE("each network runs on the design that meets the limits at the lowest energy x delay",
          "[compress]") {
  CompressionBench bench;
  bench.limits.ms = bench.fastest_start() * 0.7;
  const CompressionResult result = bench.run();
  CompressedCosts costs(bench.space, bench.designs.designs());
  std::vector<PairCost> row(bench.designs.size());
  for (const Pair& pair : result.scored) {
    costs.costs(result.networks[pair.network], row);
    CHECK(pair.cost.ms == row[pair.design].ms);
    for (const PairCost& other : row) {
      if (bench.limits.meets(other)) CHECK(pair.cost.product() <= other.product());
    }
  }
  for (const Pair& pair : result.scored) CHECK_FALSE(is_better(pair, result.best));
}

TEST_CASE("the front holds what no other pair that meets the limits covers", "[compress]") {
  CompressionBench bench;
  bench.limits.ms = bench.fastest_start() * 0.9;
  const CompressionResult result = bench.run();
  CompressedCosts costs(bench.space, bench.designs.designs());
  std::vector<PairCost> row(bench.designs.size());
  for (const Pair& tried : result.scored) {
    if (!bench.limits.meets(tried.cost)) continue;
    costs.costs(result.networks[tried.network], row);
    for (std::size_t design = 0; design < row.size(); ++design) {
      if (!bench.limits.meets(row[design])) continue;
      const Pair pair{tried.network, design, tried.accuracy, row[design]};
      CHECK(std::any_of(result.front.begin(), result.front.end(),
                        [&](const Pair& other) { return covers(other, pair); }));
    }
  }
  for (const Pair& pair : result.front) {
    CHECK(pair.accuracy == bench.evaluator.accuracy_of(result.networks[pair.network]));
    CHECK(bench.limits.meets(pair.cost));
  }
}

TEST_CASE("compression with 8 bits covers the front of the starts where rounding loses nothing",
          "[compress]") {
  CompressionBench bench;
  const CompressionResult result = bench.run();
  CHECK(result.start_front.size() >= 2);
  for (const Pair& start : result.start_front) {
    CHECK(start.accuracy == bench.start_accuracies[start.network]);
    CHECK(std::any_of(result.front.begin(), result.front.end(),
                      [&](const Pair& pair) { return covers(pair, start); }));
  }
  CHECK(result.starts.size() == 3);
  for (std::size_t i = 0; i < 3; ++i) {
    REQUIRE(result.starts[i]);
    CHECK(result.starts[i]->network == i);
    CHECK(result.starts[i]->accuracy == bench.start_accuracies[i]);
  }
}

TEST_CASE("evolution finds more accurate compressed networks than random search", "[compress]") {
  double evolved = 0.0;
  double random = 0.0;
  for (const double share : {0.4, 0.5, 0.7}) {
    CompressionBench bench;
    bench.limits.ms = bench.fastest_start() * share;
    evolved += bench.run().best.accuracy;
    bench.search.method = "random";
    random += bench.run().best.accuracy;
  }
  CHECK(evolved > random);
}

TEST_CASE("every search method compresses, and networks outside the limits cost no evaluation",
          "[compress]") {
  for (const char* method : {"evolution", "random", "local", "nsga2", "bayesian", "reinforce"}) {
    CAPTURE(method);
    CompressionBench bench;
    bench.limits.ms = bench.fastest_start() / 2;
    bench.search.method = method;
    bench.search.generations = 3;
    const CompressionResult result = bench.run();
    CHECK(bench.limits.meets(result.best.cost));
    CHECK(bench.evaluator.asked.size() <= 60);
    CHECK(result.counts.networks == std::ssize(bench.evaluator.asked));
    CompressedCosts costs(bench.space, bench.designs.designs());
    for (const CompressedNetwork& network : bench.evaluator.asked) {
      bool meets = false;
      for (std::size_t design = 0; design < bench.designs.size(); ++design) {
        meets = meets || bench.limits.meets(costs.cost(network, design));
      }
      CHECK(meets);
    }
  }
}

TEST_CASE("a compression that was stopped finds the same and evaluates only what is missing",
          "[compress]") {
  const TemporaryFolder folder;
  CompressionBench whole;
  whole.limits.ms = whole.fastest_start() / 2;
  const CompressionResult expected = whole.run(folder / "whole.csv");
  const auto csv = folder / "part.csv";
  std::size_t evaluated = 0;
  for (const std::size_t stop : {7, 40}) {
    CompressionBench part;
    part.limits = whole.limits;
    part.evaluator.interrupt_at = stop;
    CHECK(error_of([&] { part.run(csv); }) == "interrupted: stopped by the test");
    evaluated += stop;
  }
  CompressionBench rest;
  rest.limits = whole.limits;
  const CompressionResult found = rest.run(csv);
  CHECK(rest.evaluator.asked.size() + evaluated == whole.evaluator.asked.size());
  CHECK(found.networks == expected.networks);
  CHECK(is_equal(found.best, expected.best));
  CHECK(std::equal(found.front.begin(), found.front.end(), expected.front.begin(),
                   expected.front.end(), is_equal));
  CHECK(found.counts.networks == expected.counts.networks);
  CHECK(read_file(csv) == read_file(folder / "whole.csv"));
  // Once more: nothing is evaluated.
  CompressionBench again;
  again.limits = whole.limits;
  again.run(csv);
  CHECK(again.evaluator.asked.empty());
}

TEST_CASE("nothing inside the limits is an error that names the nearest network", "[compress]") {
  CompressionBench bench;
  bench.limits.ms = 1e-6;
  bench.search.generations = 1;
  const std::string error = error_of([&] { bench.run(); });
  CHECK(
      error.starts_with("infeasible: compress: no network that was tried meets the limits "
                        "(latency <= 1e-06 ms); the nearest is network "));
  CHECK(error.find(" with 4-4-") != std::string::npos);
  CHECK(error.find("feasible with limits") != std::string::npos);
  CHECK(bench.evaluator.asked.empty());
  bench.limits = {.area_mm2 = 1e-9};
  CHECK(error_of([&] { bench.run(); }).starts_with("infeasible: no design meets"));
}

TEST_CASE("limits that only the narrowest networks meet are met", "[compress]") {
  CompressionBench bench;
  CompressedCosts costs(bench.space, bench.designs.designs());
  const CompressedRegion region(bench.space, bench.starts, {.bits = {4, 8}});
  const auto narrowest = region.network_of(region.uniform(0, region.deepest_cut(), 0));
  double least = std::numeric_limits<double>::infinity();
  for (std::size_t design = 0; design < bench.designs.size(); ++design) {
    least = std::min(least, costs.cost(narrowest, design).ms);
  }
  bench.limits.ms = least;
  bench.search.generations = 1;
  CHECK(bench.run().best.cost.ms <= least);
}

TEST_CASE("bits that no design supports are not tried, and none at all is an error", "[compress]") {
  CompressionBench bench;
  bench.config.weight_bits = {5, 8};
  bench.search.generations = 1;
  for (const CompressedNetwork& network : bench.run().networks) {
    CHECK(std::count(network.bits.begin(), network.bits.end(), 8) == std::ssize(network.bits));
  }
  bench.config.weight_bits = {5, 6};
  CHECK(error_of([&] { bench.run(); }) ==
        "usage: codesign.weight_bits 5, 6: no design of some supports such weights beside "
        "activations of 8 bits: choose other bits, give the designs supported_bits, or set "
        "codesign.weight_bits=[] to round nothing");
}

TEST_CASE("without bits only widths are searched, on the designs' own words", "[compress]") {
  CompressionBench bench;
  bench.config.weight_bits = {};
  bench.limits.ms = bench.fastest_start() * 0.8;
  const CompressionResult result = bench.run();
  for (const CompressedNetwork& network : result.networks) CHECK(network.bits.empty());
  CHECK(bench.limits.meets(result.best.cost));
  bench.config.weight_bits = {4, 8};
  bench.config.cut_widths = false;
  bench.limits = {};
  const CompressionResult bits = bench.run();
  for (const CompressedNetwork& network : bits.networks) {
    CHECK(network.arch == bench.space.canonical(bench.starts[network.start]));
  }
}

TEST_CASE("the file of accuracies refuses damage, and other weights do not mix", "[compress]") {
  const TemporaryFolder folder;
  const auto csv = folder / "accuracies.csv";
  CompressionBench bench;
  const CompressedNetwork network{.start = 0, .arch = bench.starts[0], .bits = {}};
  const auto evaluate = [&](const std::string& weights) {
    CompressedAccuracies accuracies(bench.space, bench.evaluator,
                                    {.path = csv, .weights = weights});
    CHECK(accuracies.accuracies(std::vector{network, network}) == std::vector{0.9, 0.9});
    return accuracies.evaluations();
  };
  CHECK(evaluate("a") == 1);
  CHECK(evaluate("a") == 0);
  CHECK(evaluate("b") == 1);
  CHECK(evaluate("a") == 0);
  std::string text = read_file(csv);
  CHECK(text.starts_with("weights,start,arch,bits,accuracy,crc32\na,0,"));
  const std::size_t digit = text.find("0.9");
  text[digit + 2] = '8';
  write_file(csv, text);
  CHECK(error_of([&] { evaluate("a"); }) ==
        "data: " + csv.string() +
            ", line 2: does not match its checksum; remove the line, and its network is "
            "tested again");
  write_file(csv, "weights,arch\n");
  CHECK(error_of([&] {
          evaluate("a");
        }).starts_with("data: " + csv.string() + ", line 1: must be 'weights,start,"));
}
