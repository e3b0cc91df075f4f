#include "hsconas/latency/pair_terms.hpp"

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "catch.hpp"
#include "hsconas/base/rng.hpp"
#include "hsconas/latency/table_fit.hpp"
#include "support/errors.hpp"
#include "support/measured_networks.hpp"
#include "support/spaces.hpp"

using namespace hsconas;

namespace {

LatencySpace four_edges() {
  return LatencySpace(CellDescription{.name = "cell",
                                      .operators = {"none", "a", "b", "c"},
                                      .edges = {{0, 1}, {0, 2}, {1, 3}, {2, 3}},
                                      .nothing = 0});
}

/// All 256 cells, on a device that runs two operators of the first two edges at the same time.
std::vector<Measurement> side_by_side() {
  std::vector<Measurement> networks;
  for (int code = 0; code < 256; ++code) {
    const Architecture arch{{code / 64, 0}, {code / 16 % 4, 0}, {code / 4 % 4, 0}, {code % 4, 0}};
    const int first = arch[0].op;
    const int second = arch[1].op;
    const int last = arch[2].op + arch[3].op;
    networks.push_back({arch, 5.0 + std::max(first, second) + 0.5 * last});
  }
  return networks;
}

/// The same cells on a device that runs one operator after the other.
std::vector<Measurement> one_by_one() {
  std::vector<Measurement> networks = side_by_side();
  for (Measurement& network : networks) {
    network.ms = 5.0;
    for (const LayerChoice choice : network.arch) network.ms += choice.op;
  }
  return networks;
}

}  // namespace

TEST_CASE("a pair of choices is named by both of them", "[latency]") {
  const LatencySpace space = four_edges();
  PairTerms pairs(space.terms());
  pairs.at(space.index(0, {1, 0}), space.index(2, {3, 0})) = -0.5;
  pairs.at(space.index(1, {2, 0}), space.index(3, {0, 0})) = 0.25;
  const auto named = named_pairs(pairs, space);
  CHECK(named == std::map<std::string, double>{{"0/a 2/c", -0.5}, {"1/b 3/none", 0.25}});

  const PairTerms read = pairs_by_name(named, space);
  const std::vector<std::size_t> both{space.index(0, {1, 0}), space.index(1, {2, 0}),
                                      space.index(2, {3, 0}), space.index(3, {0, 0})};
  CHECK(read.sum(both) == -0.25);
  CHECK(named_pairs(read, space) == named);
  CHECK(PairTerms().sum(both) == 0.0);
}

TEST_CASE("main effects are moved from pairs to terms without changing a network's time",
          "[latency]") {
  const LatencySpace space = four_edges();
  constexpr std::size_t kChoices = 4;
  PairTerms pairs(space.terms());
  Rng rng(1, "pairs");
  for (std::size_t first = 0; first < space.terms(); ++first) {
    for (std::size_t second = (first / kChoices + 1) * kChoices; second < space.terms(); ++second) {
      pairs.at(first, second) = rng.normal();
    }
  }
  const PairTerms before = pairs;
  const std::vector<double> effects = pairs.take_main_effects(kChoices);
  for (const Measurement& network : side_by_side()) {
    std::vector<std::size_t> terms;
    double sum = 0.0;
    for (std::size_t i = 0; i < network.arch.size(); ++i) {
      terms.push_back(space.index(static_cast<int>(i), network.arch[i]));
      sum += effects[terms.back()];
    }
    CHECK(sum + pairs.sum(terms) == Approx(before.sum(terms)));
  }
  for (std::size_t term = 0; term < kChoices; ++term) {
    double rest = 0.0;
    for (std::size_t other = 0; other < kChoices; ++other) rest += pairs.at(term, kChoices + other);
    CHECK(rest == Approx(0.0).margin(1e-12));
  }
}

TEST_CASE("pairs of a device that others do not share do no harm to them", "[latency]") {
  const LatencySpace space = four_edges();
  std::vector<Measurement> sums = one_by_one();
  const std::vector<LatencyTable> sources{
      fit_table(space, split_measurements(side_by_side(), 200, 1), {}, kDevice),
      fit_table(space, split_measurements(sums, 200, 1), {}, kDevice)};
  for (Measurement& network : sums) network.ms *= 2.0;
  const LatencyTable table = adapt_table(space, sources, split_measurements(sums, 20, 2), kDevice);
  CHECK(accuracy_on(table.test, table, Prediction::Fitted).rmse_percent < 1.0);
}

TEST_CASE("a pair that the space lacks is an error that names it", "[latency]") {
  CHECK(contains(error_of([] {
                   pairs_by_name({{"0/a 2/x", 1.0}}, four_edges());
                 }),
                 "a pair '0/a 2/x' that the space cell does not have"));
  const LatencySpace chain(shipped_space("nas-bench-macro"));
  CHECK(contains(error_of([&] {
                   pairs_by_name({{"0/a 2/c", 1.0}}, chain);
                 }),
                 "times of pairs, which only tables of cells have"));
}

TEST_CASE("a cell whose operators run side by side is fitted by pairs, written and read as such",
          "[latency]") {
  const LatencySpace space = four_edges();
  const LatencyTable table =
      fit_table(space, split_measurements(side_by_side(), 200, 1), {}, kDevice);
  CHECK(contains(table.form, "per pair"));
  CHECK(accuracy_on(table.test, table, Prediction::Fitted).rmse_percent < 1.0);

  const LatencyTable read = read_back(table);
  CHECK(read.pairs == table.pairs);
  const TableModel model(space, read);
  for (const MeasuredNetwork& network : table.test) {
    const Architecture arch = space.canonical(space.decode(network.arch), read.dead);
    CHECK(model.predict_ms(arch) == Approx(network.predicted_ms));
  }
}

TEST_CASE("a table with pairs that is brought to another device keeps them", "[latency]") {
  const LatencySpace space = four_edges();
  const LatencyTable source =
      fit_table(space, split_measurements(side_by_side(), 200, 1), {}, kDevice);
  std::vector<Measurement> slower = side_by_side();
  for (Measurement& network : slower) network.ms *= 3.0;
  const LatencyTable table =
      adapt_table(space, std::vector{source}, split_measurements(slower, 12, 2), kDevice);
  CHECK(accuracy_on(table.test, table, Prediction::Fitted).rmse_percent < 1.5);
}

TEST_CASE("a table that is a sum has no pairs", "[latency]") {
  const LatencySpace space = four_edges();
  const LatencyTable table =
      fit_table(space, split_measurements(one_by_one(), 200, 1), {}, kDevice);
  CHECK(accuracy_on(table.test, table, Prediction::Fitted).rmse_percent < 0.01);
  CHECK_FALSE(to_json(table).contains("pairs"));
}

TEST_CASE("pairs that noise alone suggests are not used", "[latency]") {
  const LatencySpace space = four_edges();
  int used = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    std::vector<Measurement> networks = one_by_one();
    Rng rng(seed, "noise");
    for (Measurement& network : networks) network.ms += rng.normal();
    const LatencyTable table = fit_table(space, split_measurements(networks, 200, 1), {}, kDevice);
    used += table.pairs.empty() ? 0 : 1;
  }
  CHECK(used <= 1);
}

TEST_CASE("a table without pairs can be asked for", "[latency]") {
  const LatencySpace space = four_edges();
  const LatencyTable table =
      fit_table(space, split_measurements(side_by_side(), 200, 1), {.pairs = false}, kDevice);
  CHECK(table.pairs.empty());
}

TEST_CASE("pairs are tried only where there are enough networks to fit them to", "[latency]") {
  const LatencySpace space = four_edges();
  const LatencyTable table =
      fit_table(space, split_measurements(side_by_side(), 150, 1), {}, kDevice);
  CHECK(table.pairs.empty());
  CHECK_FALSE(contains(table.form, "per pair"));
}
