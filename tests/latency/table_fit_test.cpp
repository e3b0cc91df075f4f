#include "hsconas/latency/table_fit.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "catch.hpp"
#include "hsconas/base/statistics.hpp"
#include "hsconas/base/text.hpp"
#include "hsconas/latency/measure.hpp"
#include "support/errors.hpp"
#include "support/measured_networks.hpp"
#include "support/reference_data.hpp"
#include "support/spaces.hpp"

using namespace hsconas;
using nlohmann::json;

TEST_CASE("repeated-measurements: 30 networks leave an error bar that holds on fresh ones",
          "[latency]") {
  const SearchSpace chain = shipped_space("nas-bench-macro");
  const LatencySpace space(chain);
  Rng rng(3, "import-test");
  for (const std::size_t rows_each : {1, 10}) {
    std::vector<double> coverages;
    for (int device = 0; device < 20; ++device) {
      // A device whose blocks have times of their own, timed with an error of 3 %.
      std::vector<double> times(8 * 3);
      for (double& ms : times) ms = 0.2 + 2.0 * rng.uniform();
      const auto timed = [&](std::size_t count, std::size_t rows) {
        std::string csv = "arch,ms\n";
        for (std::size_t i = 0; i < count; ++i) {
          const Architecture arch = sample(Subspace::full(chain), rng);
          double ms = 1.0;
          for (std::size_t layer = 0; layer < arch.size(); ++layer) {
            ms += times[layer * 3 + static_cast<std::size_t>(arch[layer].op)];
          }
          for (std::size_t row = 0; row < rows; ++row) {
            csv += chain.encode(arch) + "," + format_exact(ms * (1.0 + 0.03 * rng.normal())) + "\n";
          }
        }
        return read_measurements(parse(csv), space, "ms");
      };
      const auto networks = timed(30, rows_each);
      REQUIRE(networks.size() >= 29);  // One may have been drawn twice.
      MeasurementSplit split = split_measurements(networks, 0, 1);
      CHECK(split.fit.size() < networks.size());
      split.test = timed(200, rows_each);  // Measured in the same way.
      const LatencyTable table = fit_table(space, split, {}, kDevice);
      coverages.push_back(error_bar_coverage(table.test, table));
    }
    INFO(rows_each << " rows each");
    CHECK(mean(coverages) == Approx(0.9).margin(0.05));
  }
}

TEST_CASE("repeated measurements of real devices leave error bars that hold, 2 to 10 rows each",
          "[latency][reference]") {
  const std::string name = "nas_bench_201/nb201.csv.gz";
  const auto path = reference_data(name);
  if (!path) return skip_test(no_reference_data(name));
  const LatencySpace space = load_latency_space(std::filesystem::path(HSCONAS_SOURCE_DIR) /
                                                "configs/cells/nas-bench-201.json");
  const CsvTable csv = CsvTable::load(*path);
  Rng rng(5, "import-test");
  std::vector<double> all;
  for (const char* device : {"1080ti_1", "gold_6226", "pixel3", "raspi4", "eyeriss", "fpga"}) {
    std::vector<Measurement> cells;
    for (std::size_t row = 0; row < csv.rows(); ++row) {
      cells.push_back(
          {space.decode(csv.text(row, csv.column("ops"))), csv.number(row, csv.column(device))});
    }
    rng.shuffle(std::span(cells));
    const auto repeat = [&](std::size_t begin, std::size_t end, std::size_t rows_each) {
      std::vector<Measurement> rows;
      for (std::size_t i = begin; i < end; ++i) {
        for (std::size_t row = 0; row < rows_each; ++row) {
          rows.push_back({cells[i].arch, cells[i].ms * (1.0 + 0.03 * rng.normal())});
        }
      }
      return merge_repeats(space, rows);
    };
    std::vector<double> coverages;
    for (const std::size_t rows_each : {2U, 4U, 6U, 8U, 10U}) {
      const std::size_t count = 60;
      const MeasurementSplit split{.fit = repeat(0, count, rows_each),
                                   .test = repeat(count, 2000, rows_each)};
      REQUIRE(split.fit.size() == count);
      const LatencyTable table = fit_table(space, split, {}, kDevice);
      coverages.push_back(error_bar_coverage(table.test, table));
      rng.shuffle(std::span(cells));
    }
    INFO(device << ": " << mean(coverages));
    CHECK(mean(coverages) == Approx(0.9).margin(0.07));
    all.push_back(mean(coverages));
  }
  CHECK(mean(all) == Approx(0.9).margin(0.03));
}

TEST_CASE("too few networks for a table are refused with what is missing", "[latency]") {
  const SearchSpace space = tiny_space(4);
  const LatencySpace terms(space);
  const auto networks = measured(space, 9, 1.0);
  const std::string error =
      error_of([&] { fit_table(terms, {.fit = networks, .test = {}}, {}, kDevice); });
  CHECK(contains(error, "data: 9 networks to fit on are too few for the "));
  CHECK(contains(error, "choices of space tiny: at least 10 different ones are needed"));
}

TEST_CASE("too few networks for the unknowns, and choices that none contains, are shortcomings",
          "[latency]") {
  const SearchSpace space = tiny_space(6);
  const LatencySpace terms(space);
  const auto sentences = [&](std::vector<Measurement> networks) {
    return join(shortcomings(
                    fit_table(terms, {.fit = std::move(networks), .test = {}}, {}, kDevice), terms),
                "; ");
  };
  const std::string few = sentences(measured(space, 12, 1.5));
  CHECK(contains(few, "12 networks do not determine the "));
  auto without = measured(space, 120, 1.5);
  std::erase_if(without, [](const Measurement& network) { return network.arch[3].op == 2; });
  CHECK(contains(sentences(without), "are in no network that the table is fitted on, first 3/"));
  CHECK(sentences(measured(space, 100, 1.5)).empty());

  const LatencyTable blocks = table_of_blocks(parse(blocks_csv(space)), space, "ms", kDevice);
  const LatencyTable adapted =
      adapt_table(terms, {&blocks, 1}, {.fit = measured(space, 4, 2.0), .test = {}}, kDevice);
  CHECK(contains(join(shortcomings(adapted, terms), "; "),
                 "the error bar rests on 4 networks, too few"));
}

TEST_CASE("too few networks never make a prediction below 0", "[latency]") {
  const SearchSpace space = tiny_space(6);
  const LatencySpace terms(space);
  // No sum over layers explains these times, and some are nearly 0.
  Rng rng(3, "import-test");
  bool is_any_zero = false;
  for (int trial = 0; trial < 20; ++trial) {
    auto networks = measured(space, 12, 1.0, static_cast<std::uint64_t>(trial) + 10);
    for (Measurement& network : networks) network.ms = std::pow(10.0, rng.uniform() * 3.0 - 2.0);
    const LatencyTable table =
        fit_table(terms, {.fit = networks, .test = {}}, {.least_squares = true}, kDevice);
    CHECK(std::isfinite(table.error_percent));
    const TableModel model(space, table);
    for (int i = 0; i < 200; ++i) {
      const double ms = model.predict_ms(random_architecture(terms, rng));
      if (ms < 0.0) FAIL(ms);
      is_any_zero = is_any_zero || ms == 0.0;
    }
    const bool is_said =
        contains(join(shortcomings(table, terms), "; "), "are predicted to take no time at all");
    if (table.bias_ms < -0.5) CHECK(is_said);
  }
  CHECK(is_any_zero);
}

TEST_CASE("a fitted table has no negative entry, and predicts the same when read back",
          "[latency]") {
  const SearchSpace space = tiny_space(5);
  const LatencySpace terms(space);
  const auto networks = split_measurements(measured(space, 90, 1.5), 60, 1);
  for (const bool least_squares : {false, true}) {
    const LatencyTable table =
        fit_table(terms, networks, {.least_squares = least_squares}, kDevice);
    CHECK(table.by_position);
    CHECK(table.device == kDevice);
    CHECK(table.calibration.size() == 60);
    CHECK(table.test.size() == 30);
    CHECK(table.trials.size() == (least_squares ? 1 : 4));
    for (int layer = 0; layer < terms.positions(); ++layer) {
      double cheapest = 1e9;
      for (int op = 0; op < terms.ops(); ++op) {
        for (int width = 0; width < terms.widths(); ++width) {
          const auto& term = terms.term(terms.index(layer, {op, width}));
          const TableEntry& entry = table.entries.at(term.position_key);
          CHECK(entry.network_ms >= 0.0);
          cheapest = std::min(cheapest, entry.network_ms);
        }
      }
      CHECK(cheapest == 0.0);
    }
    const LatencyTable back = read_back(table);
    CHECK(to_json(back) == to_json(table));
    const TableModel model(space, table);
    const TableModel again(space, back);
    for (const Architecture& arch : enumerate(Subspace::full(space))) {
      const Architecture one = space.canonical(arch);
      if (again.predict_ms(one) != model.predict_ms(one)) FAIL(space.encode(one));
    }
    for (const MeasuredNetwork& network : table.test) {
      CHECK(network.predicted_ms == model.predict_ms(space.decode(network.arch)));
    }
    CHECK(accuracy_on(table.test, table, Prediction::Fitted).rmse_percent < 1.0);
  }
}

TEST_CASE("a table by position tells how many of the networks hold each choice", "[latency]") {
  const SearchSpace space = tiny_space(3);
  const LatencySpace terms(space);
  const auto networks = split_measurements(measured(space, 60, 1.5), 40, 1);
  const LatencyTable table = fit_table(terms, networks, {}, kDevice);
  std::map<std::string, int> counts;
  for (const Measurement& network : networks.fit) {
    for (std::size_t i = 0; i < network.arch.size(); ++i) {
      ++counts[terms.term(terms.index(static_cast<int>(i), network.arch[i])).position_key];
    }
  }
  for (const auto& [key, entry] : table.entries) CHECK(entry.n == counts[key]);
}

TEST_CASE("the width of a skip does not change a fitted table's prediction", "[latency]") {
  // Architectures that are not canonical are predicted too: a skip costs the same at every width.
  const SearchSpace space = tiny_space(4);
  const LatencyTable table = fit_table(
      LatencySpace(space), split_measurements(measured(space, 90, 1.5), 90, 1), {}, kDevice);
  const TableModel model(space, table);
  for (const Architecture& arch : enumerate(Subspace::full(space))) {
    if (std::abs(model.predict_ms(arch) / network_ms(space, arch, 1.5) - 1.0) > 0.02) {
      FAIL(space.encode(arch) << ": " << model.predict_ms(arch) << " for "
                              << network_ms(space, arch, 1.5));
    }
  }
}

TEST_CASE("blocks timed alone are corrected by whole networks of the same device", "[latency]") {
  const SearchSpace space = tiny_space(5);
  const LatencySpace terms(space);
  LatencyTable table = table_of_blocks(parse(blocks_csv(space)), space, "ms", kDevice);
  const auto networks = split_measurements(measured(space, 80, 1.5), 50, 1);
  correct_table(table, terms, networks);
  CHECK_FALSE(table.by_position);
  CHECK((table.form == "per operator" || table.form == "per block"));
  for (const auto& [key, entry] : table.entries) {
    CHECK(entry.ms == entry.low);  // The time alone is unchanged.
  }
  CHECK(accuracy_on(table.test, table, Prediction::Fitted).rmse_percent < 0.1);
  CHECK(accuracy_on(table.test, table, Prediction::Constant).rmse_percent > 1.0);
  for (const MeasuredNetwork& network : table.test) {
    CHECK(network.sum_ms == Approx(network_ms(space, space.decode(network.arch), 1.0) - 0.25));
  }
  // A second correction changes nothing.
  LatencyTable twice = table;
  correct_table(twice, terms, networks);
  CHECK(to_json(twice) == to_json(table));
  CHECK(to_json(read_back(table)) == to_json(table));
}

TEST_CASE("a table brought to another device needs few networks there", "[latency]") {
  const SearchSpace space = tiny_space(6);
  const LatencySpace terms(space);
  LatencyTable by_block = table_of_blocks(parse(blocks_csv(space)), space, "ms", kDevice);
  const LatencyTable by_position =
      fit_table(terms, split_measurements(measured(space, 120, 1.0), 100, 1), {}, kDevice);
  auto there = measured(space, 80, 2.0, 2);
  for (Measurement& network : there) network.ms = 1.0 + 7.0 * network.ms;
  const auto networks = split_measurements(there, 20, 1);
  const DeviceInfo board{.device = "board", .precision = "int8", .versions = "unknown"};
  for (const LatencyTable& source : {by_block, by_position}) {
    const LatencyTable table = adapt_table(terms, {&source, 1}, networks, board);
    CHECK(table.device == board);
    CHECK(table.by_position == source.by_position);
    CHECK(table.calibration.size() == 20);
    CHECK(table.test.size() == 60);
    CHECK(accuracy_on(table.test, table, Prediction::Fitted).rmse_percent < 2.0);
    CHECK(accuracy_on(table.test, table, Prediction::Fitted).kendall > 0.95);
    const LatencyTable back = read_back(table);
    CHECK(to_json(back) == to_json(table));
    const TableModel model(terms, back);
    for (const MeasuredNetwork& network : table.test) {
      CHECK(model.predict_ms(space.decode(network.arch)) == network.predicted_ms);
    }
  }
}

namespace {

/// A table with entries by position, whose times are drawn by `seed`.
LatencyTable drawn_table(const LatencySpace& space, std::uint64_t seed) {
  LatencyTable table{.space = space.name(), .by_position = true, .bias_ms = 2.0};
  table.device = {.device = fmt::format("board {}", seed), .precision = "int8", .versions = "1"};
  Rng rng(seed, "drawn-table");
  for (std::size_t i = 0; i < space.terms(); ++i) {
    const double ms = space.term(i).is_free ? 0.0 : rng.uniform(0.1, 2.0);
    table.entries[space.term(i).position_key] = {.ms = ms, .network_ms = ms};
  }
  return table;
}

/// Multiplies all times of a table.
LatencyTable times(LatencyTable table, double factor) {
  table.bias_ms *= factor;
  for (auto& [key, entry] : table.entries) entry.network_ms *= factor;
  return table;
}

/// Networks of a device whose times are a mixture of those of two tables.
std::vector<Measurement> mixed(const SearchSpace& space, const LatencyTable& first,
                               const LatencyTable& second, std::size_t count) {
  const TableModel a(space, first);
  const TableModel b(space, second);
  auto networks = measured(space, count, 1.0, 3);
  for (Measurement& network : networks) {
    network.ms = 0.7 * a.predict_ms(network.arch) + 0.3 * b.predict_ms(network.arch);
  }
  return networks;
}

}  // namespace

TEST_CASE("a device that is a mixture of known ones needs few networks", "[latency]") {
  const SearchSpace space = tiny_space(8);
  const LatencySpace terms(space);
  std::vector<LatencyTable> sources;
  for (std::uint64_t seed = 1; seed <= 5; ++seed) sources.push_back(drawn_table(terms, seed));
  const auto networks = split_measurements(mixed(space, sources[1], sources[3], 200), 20, 1);
  const LatencyTable mixture = adapt_table(terms, sources, networks, kDevice);
  CHECK(mixture.device == kDevice);
  CHECK(mixture.by_position);
  CHECK(mixture.form.starts_with("mixture"));
  const double error = accuracy_on(mixture.test, mixture, Prediction::Fitted).rmse_percent;
  CHECK(error < 1.0);
  for (const LatencyTable& source : sources) {
    const LatencyTable single = adapt_table(terms, {&source, 1}, networks, kDevice);
    CHECK(error < 0.5 * accuracy_on(single.test, single, Prediction::Fitted).rmse_percent);
  }
}

TEST_CASE("the units of the tables that are mixed do not matter", "[latency]") {
  const SearchSpace space = tiny_space(6);
  const LatencySpace terms(space);
  const LatencyTable a = drawn_table(terms, 1);
  const LatencyTable b = drawn_table(terms, 2);
  const auto networks = split_measurements(mixed(space, a, b, 60), 20, 1);
  const LatencyTable ones = adapt_table(terms, std::vector{a, b}, networks, kDevice);
  const LatencyTable others =
      adapt_table(terms, std::vector{times(a, 1e3), times(b, 1e-3)}, networks, kDevice);
  for (std::size_t i = 0; i < ones.test.size(); ++i) {
    CHECK(others.test[i].predicted_ms == Approx(ones.test[i].predicted_ms).epsilon(1e-6));
  }
}

TEST_CASE("tables by block and by position can be mixed, and one without time is refused",
          "[latency]") {
  const SearchSpace space = tiny_space(6);
  const LatencySpace terms(space);
  const LatencyTable blocks = table_of_blocks(parse(blocks_csv(space)), space, "ms", kDevice);
  const LatencyTable drawn = drawn_table(terms, 1);
  const auto networks = split_measurements(mixed(space, blocks, drawn, 60), 30, 1);
  CHECK_FALSE(adapt_table(terms, std::vector{blocks, blocks}, networks, kDevice).by_position);
  const LatencyTable table = adapt_table(terms, std::vector{blocks, drawn}, networks, kDevice);
  CHECK(table.by_position);
  CHECK(accuracy_on(table.test, table, Prediction::Fitted).rmse_percent < 1.0);
  CHECK(error_of([&] {
          adapt_table(terms, std::vector{blocks, times(drawn, 0.0)}, networks, kDevice);
        }) ==
        "data: the latency table of board 1 says that networks take 0 ms on average: leave it "
        "out, or measure it again");
}

TEST_CASE("the networks to measure depend on the tables that are known", "[latency]") {
  const SearchSpace space = tiny_space(6);
  const LatencySpace terms(space);
  const std::vector<LatencyTable> sources{drawn_table(terms, 1), drawn_table(terms, 2)};
  const TermPrior prior = prior_from_devices(terms, sources);
  REQUIRE(prior.device_differences.size() == 2);
  std::vector<Architecture> candidates;
  for (const Measurement& network : measured(space, 100, 1.0)) candidates.push_back(network.arch);
  const auto chosen = choose_networks(terms, candidates, 10, &prior);
  CHECK(std::set<std::size_t>(chosen.begin(), chosen.end()).size() == 10);
  CHECK(chosen != choose_networks(terms, candidates, 10));
}

TEST_CASE("a table brought to another device keeps nothing of the source's measurements",
          "[latency]") {
  const SearchSpace space = tiny_space(5);
  LatencyTable source = table_of_blocks(parse(blocks_csv(space)), space, "ms", kDevice);
  source.noise = {.reference_ms = 1.0, .slow_percent = 50.0, .cpus = 2.0};
  source.test_spread = {{.arch = "0:0-0:0-0:0-0:0-0:0", .predicted_ms = 1.0, .measured_ms = 1.0}};
  const LatencyTable table =
      adapt_table(LatencySpace(space), {&source, 1},
                  split_measurements(measured(space, 30, 2.0), 20, 1), kDevice);
  CHECK(table.noise.reference_ms == 0.0);
  CHECK_FALSE(table.noise.is_disturbed());
  CHECK(table.test_spread.empty());
}

TEST_CASE("a cell whose dead operators are free is judged, written and read as such", "[latency]") {
  const LatencySpace cell(CellDescription{.name = "cell",
                                          .operators = {"none", "a", "b"},
                                          .edges = {{0, 1}, {0, 2}, {1, 2}},
                                          .nothing = 0});
  std::vector<Measurement> networks;
  for (int code = 0; code < 27; ++code) {
    const Architecture arch{{code / 9, 0}, {code / 3 % 3, 0}, {code % 3, 0}};
    double ms = 4.0;
    for (const LayerChoice choice : cell.canonical(arch, DeadOperators::Free)) ms += choice.op;
    networks.push_back({arch, ms});
  }
  const LatencyTable table = fit_table(cell, split_measurements(networks, 20, 1), {}, kDevice);
  CHECK(table.dead == DeadOperators::Free);
  CHECK(contains(table.form, "dead operators free"));
  for (const MeasuredNetwork& network : table.test) {
    CHECK(network.predicted_ms == Approx(network.measured_ms).epsilon(0.01));
  }
  CHECK(read_back(table).dead == DeadOperators::Free);
}

TEST_CASE("networks of real devices take the sum of their choices and the bias, to 1e-5 ms",
          "[latency]") {
  const SearchSpace chain = shipped_space("fbnet");
  const LatencySpace space(chain);
  const CsvTable networks = CsvTable::load(fixture("fbnet_networks.csv"));
  const CsvTable entries = CsvTable::load(fixture("fbnet_entries.csv"));
  REQUIRE(networks.rows() == 2);
  for (const auto& [device, bias_ms] : std::map<std::string, double>{
           {"raspi4", 7.798227}, {"pixel3", 2.838627}, {"eyeriss", 2.788352}, {"fpga", 0.0}}) {
    LatencyTable table{.space = space.name(), .by_position = true, .bias_ms = bias_ms};
    for (std::size_t i = 0; i < space.terms(); ++i) table.entries[space.term(i).position_key] = {};
    for (std::size_t row = 0; row < entries.rows(); ++row) {
      const auto of = [&](const char* column) {
        return std::stoi(entries.text(row, entries.column(column)));
      };
      const auto& term = space.term(space.index(of("layer"), {.op = of("op"), .width = 0}));
      table.entries.at(term.position_key).network_ms = entries.number(row, entries.column(device));
    }
    const TableModel model(space, table);
    for (const Measurement& network : read_measurements(networks, space, device)) {
      CAPTURE(device, model.predict_ms(network.arch), network.ms);
      CHECK(std::abs(model.predict_ms(network.arch) - network.ms) < 1e-5);
    }
  }
}

TEST_CASE("devices whose latencies are sums over layers are fitted exactly from some networks",
          "[latency][reference]") {
  const std::string name = "fbnet_latency/fbnet_latency_ms.csv.gz";
  const auto path = reference_data(name);
  if (!path) return skip_test(no_reference_data(name));
  const CsvTable csv = CsvTable::load(*path);
  const LatencySpace space(shipped_space("fbnet"));
  for (const char* device : {"raspi4", "pixel3", "eyeriss", "fpga"}) {
    const auto networks = read_measurements(csv, space, device);
    REQUIRE(networks.size() == 5000);
    const LatencyTable table =
        fit_table(space, split_measurements(networks, 2000, 1), {.least_squares = true}, kDevice);
    double worst = 0.0;
    for (const auto* part : {&table.calibration, &table.test}) {
      for (const MeasuredNetwork& network : *part) {
        worst = std::max(worst, std::abs(network.predicted_ms - network.measured_ms));
      }
    }
    INFO(device);
    CHECK(worst < 1e-5);
  }
}
