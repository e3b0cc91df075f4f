#include "hsconas/latency/table.hpp"

#include <cmath>
#include <limits>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "catch.hpp"
#include "hsconas/base/files.hpp"
#include "support/errors.hpp"
#include "support/fake_timer.hpp"
#include "support/spaces.hpp"
#include "support/temporary_folder.hpp"

using namespace hsconas;
using nlohmann::json;

namespace {

/// An invented table in which every field differs from its default.
LatencyTable example_table() {
  LatencyTable table;
  table.space = "tiny";
  table.device = {.device = "cpu: example",
                  .threads = 2,
                  .batch = 8,
                  .precision = "fp32",
                  .versions = "torch 1.13.1"};
  table.entries["head_i32_m64_o10_r8_s1"] = {
      .ms = 0.1, .low = 0.09, .high = 0.2, .n = 15, .network_ms = 0.125};
  table.entries["stem_k3_i3_m0_o16_r16_s1"] = {
      .ms = 1.0 / 3.0, .low = 0.25, .high = 0.5, .n = 15, .network_ms = -0.5};
  table.bias_ms = -0.0625;
  table.form = "per layer";
  table.trials = {{"constant", 1.5}, {"per layer", 0.75}, {"least squares", std::nan("")}};
  table.error_percent = 2.5;
  table.noise = {.reference_ms = 0.25,
                 .reference_spread_percent = 3.0,
                 .slow_percent = 12.5,
                 .drift_percent = 1.5,
                 .other_cpus = 0.5,
                 .cpus = 2.0};
  table.calibration = {
      {.arch = "2:1-0:0-1:1", .sum_ms = 1.5, .predicted_ms = 1.25, .measured_ms = 1.4375}};
  table.test = {{.arch = "0:0-0:0-0:0",
                 .sum_ms = 2.0,
                 .predicted_ms = 2.25,
                 .measured_ms = 2.125,
                 .again_ms = 2.0625}};
  table.test_spread = {{.arch = "1:1-1:1-1:1",
                        .sum_ms = 3.0,
                        .predicted_ms = 3.25,
                        .measured_ms = 3.125,
                        .again_ms = 3.0625}};
  return table;
}

/// Like example_table(), but fitted to whole networks of a cell.
LatencyTable example_by_position() {
  LatencyTable table;
  table.space = "two-edges";
  table.device = {.device = "raspi4", .precision = "int8", .versions = "unknown"};
  table.by_position = true;
  table.entries["0/conv"] = {.n = 3, .network_ms = 0.1};
  table.entries["0/none"] = {.n = 0, .network_ms = 0.0};
  table.bias_ms = 4.5;
  table.form = "per position, dead operators free";
  table.trials = {{"per position", 8.0}, {"per position, dead operators free", 0.5}};
  table.error_percent = 1.25;
  table.dead = DeadOperators::Free;
  table.calibration = {{.arch = "10", .predicted_ms = 4.75, .measured_ms = 4.625}};
  table.test = {{.arch = "01", .predicted_ms = 4.5, .measured_ms = 4.375}};
  return table;
}

std::string reading_error(const json& value) {
  return error_of([&] { read_table(value, "lat.json"); });
}

/// A table of `space` with the exact times of FakeTimer.
LatencyTable exact_table(const SearchSpace& space, double bias_ms) {
  LatencyTable table{.space = space.description().name};
  const auto add = [&](const Block& block) {
    const double ms = FakeTimer::block_ms(block);
    if (!block.is_identity()) {
      table.entries[block.key()] = {.ms = ms, .low = ms, .high = ms, .n = 1, .network_ms = ms};
    }
  };
  add(space.stem());
  add(space.head());
  for (int layer = 0; layer < space.layers(); ++layer) {
    for (int op = 0; op < space.ops(); ++op) {
      for (int width = 0; width < space.widths(); ++width) add(space.block(layer, {op, width}));
    }
  }
  table.bias_ms = bias_ms;
  return table;
}

}  // namespace

TEST_CASE("a latency table is written exactly as its golden file", "[latency]") {
  const TemporaryFolder folder;
  const std::pair<const char*, LatencyTable> cases[] = {
      {"latency_table.json", example_table()},
      {"latency_table_by_position.json", example_by_position()}};
  for (const auto& [name, table] : cases) {
    const auto golden = source_folder() / "tests" / "golden" / name;
    write_json(folder / name, to_json(table));
    CHECK(read_file(folder / name) == read_file(golden));
    const LatencyTable back = load_table(golden);
    CHECK(to_json(back).dump() == to_json(table).dump());  // NaN is not equal to itself.
    CHECK(back.by_position == table.by_position);
    CHECK(back.dead == table.dead);
  }
}

TEST_CASE("every value of a latency table survives writing and reading, bit by bit", "[latency]") {
  LatencyTable table = exact_table(tiny_space(), 1.0 / 7.0);
  Rng rng(1, "test");
  for (auto& [key, entry] : table.entries) entry.network_ms = rng.uniform(-1.0, 1.0);
  table.error_percent = 10.0 / 3.0;
  const LatencyTable back = read_table(json::parse(to_json(table).dump()), "lat.json");
  CHECK(back.bias_ms == table.bias_ms);
  CHECK(back.error_percent == table.error_percent);
  REQUIRE(back.entries.size() == table.entries.size());
  for (const auto& [key, entry] : table.entries) {
    CHECK(back.entries.at(key).ms == entry.ms);
    CHECK(back.entries.at(key).network_ms == entry.network_ms);
  }
}

TEST_CASE("a table measured on a GPU keeps the mode it was measured in", "[latency]") {
  LatencyTable table = example_table();
  CHECK_FALSE(to_json(table)["device"].contains("mode"));  // No mode, no key.
  table.device.mode = "graph";
  table.device.precision = "fp16";
  const LatencyTable back = read_table(json::parse(to_json(table).dump()), "lat.json");
  CHECK(back.device == table.device);
  table.device.mode = "fast";
  CHECK(reading_error(to_json(table)) ==
        "data: lat.json: device.mode must be 'graph', 'eager' or 'mixed', got 'fast'");
}

TEST_CASE("a device is described with all that its times depend on", "[latency]") {
  DeviceInfo info{.device = "cpu: example", .precision = "fp32", .versions = "torch 1.13.1"};
  CHECK(describe(info) == "cpu: example");
  info = {.device = "cuda: example, 3 SMs", .precision = "tf32", .versions = "", .mode = "eager"};
  CHECK(describe(info) == "cuda: example, 3 SMs, tf32, eager");
}

TEST_CASE("an unknown left-out error is null in the file and unknown again when read",
          "[latency]") {
  const json value = to_json(example_table());
  const json parsed = json::parse(value.dump());
  CHECK(parsed["trials"][2]["left_out_percent"].is_null());
  const LatencyTable back = read_table(parsed, "lat.json");
  REQUIRE(back.trials.size() == 3);
  CHECK(back.trials[2].form == "least squares");
  CHECK(std::isnan(back.trials[2].left_out_percent));
  CHECK(back.trials[1].left_out_percent == 0.75);
}

TEST_CASE("a broken latency table names the file and the value at fault", "[latency]") {
  const json good = to_json(example_table());
  CHECK(reading_error(good) == "nothing");
  const auto broken = [&](const char* pointer, const json& value) {
    json copy = good;
    copy[json::json_pointer(pointer)] = value;
    return reading_error(copy);
  };
  const std::string key = "/entries/head_i32_m64_o10_r8_s1";
  CHECK(broken((key + "/ms").c_str(), -1.0) ==
        "data: lat.json: entries.head_i32_m64_o10_r8_s1.ms must be a finite time >= 0, got -1");
  CHECK(contains(broken((key + "/high").c_str(), std::nan("")), "must be a finite time >= 0"));
  CHECK(contains(broken((key + "/ms").c_str(), std::numeric_limits<double>::infinity()),
                 "must be a finite time >= 0"));
  CHECK(contains(broken((key + "/ms").c_str(), 1e308), "ms must be at most 1000000000000 ms"));
  CHECK(contains(broken("/bias_ms", -1e13), "bias_ms must be at most 1000000000000 ms"));
  CHECK(contains(broken("/pairs", {{"0/a 1/b", 1e308}}), "pairs.0/a 1/b must be at most"));
  CHECK(broken("/error_percent", 1e15) == "nothing");  // Of a network that is predicted to be free.
  CHECK(contains(broken((key + "/low").c_str(), 0.3), "low must not exceed high"));
  CHECK(contains(broken((key + "/n").c_str(), 0), "n must be at least 1"));
  CHECK(broken((key + "/ms").c_str(), nullptr) ==
        "data: lat.json: entries.head_i32_m64_o10_r8_s1.ms has the wrong type: null (expected: a "
        "number)");
  CHECK(broken("/calibration/0/sum_ms", "1") ==
        "data: lat.json: calibration[0].sum_ms has the wrong type: \"1\" (expected: a number)");
  CHECK(broken("/test/0/measured_ms", -0.5) ==
        "data: lat.json: test[0].measured_ms must be a finite time >= 0, got -0.5");
  CHECK(broken("/test", 3) == "data: lat.json: test must be a list of networks");
  CHECK(broken("/bias_ms", nullptr) ==
        "data: lat.json: bias_ms has the wrong type: null (expected: a number)");
  CHECK(contains(broken("/bias_ms", std::nan("")), "bias_ms must be finite"));
  CHECK(broken("/test_spread/0/again_ms", -0.5) ==
        "data: lat.json: test_spread[0].again_ms must be a finite time >= 0, got -0.5");
  CHECK(contains(broken("/test/0/predicted_ms", std::nan("")), "test[0].predicted_ms must be"));
  CHECK(contains(broken((key + "/network_ms").c_str(), std::nan("")), "network_ms must be finite"));
  CHECK(broken("/entries_by", "layer") ==
        "data: lat.json: entries_by must be 'block' or 'position', got 'layer'");
  CHECK(broken("/trials", 3) == "data: lat.json: trials must be a list");
  CHECK(broken("/trials/0/left_out_percent", "1") ==
        "data: lat.json: trials[0].left_out_percent must be a number or null");
  CHECK(broken("/error_percent", -1.0) ==
        "data: lat.json: error_percent must be a finite time >= 0, got -1");
  CHECK(broken("/dead_operators", "gone") ==
        "data: lat.json: dead_operators must be cost, unread free or free, got 'gone'");
  CHECK(contains(broken("/noise/slow_percent", std::nan("")), "noise.slow_percent must be finite"));
  CHECK(contains(broken("/noise/cpu", 2), "noise.cpu is not a known key (did you mean"));
  CHECK(broken("/format", "hsconas-latency-1") ==
        "data: lat.json: format must be 'hsconas-latency-2', got 'hsconas-latency-1'; measure the "
        "table again");
  CHECK(broken("/device/batch", 0) == "data: lat.json: device.batch must be at least 1, got 0");
  CHECK(contains(broken("/device/threds", 1), "device.threds is not a known key (did you mean"));
  CHECK(contains(broken("/extra", 1), "lat.json: extra is not a known key"));
  CHECK(reading_error(json::array()) == "data: lat.json: must be a JSON object");
}

TEST_CASE("a table by position has no negative times", "[latency]") {
  json value = to_json(example_by_position());
  CHECK(reading_error(value) == "nothing");
  value["entries"]["0/conv"]["network_ms"] = -0.1;
  CHECK(reading_error(value) ==
        "data: lat.json: entries.0/conv.network_ms must be a finite time >= 0, got -0.1");
  value["entries"]["0/conv"] = {{"network_ms", 0.1}, {"n", -1}};
  CHECK(contains(reading_error(value), "n must not be negative"));
}

TEST_CASE("leaving out any key of a latency table is an error that names it", "[latency]") {
  for (const json& good : {to_json(example_table()), to_json(example_by_position())}) {
    const json flat = good.flatten();
    for (const auto& item : flat.items()) {
      // Removes every key in turn, except the names of entries; list indices are no keys.
      json::json_pointer parent(item.key());
      do {
        const std::string key = parent.back();
        parent.pop_back();
        json copy = good;
        if (!copy[parent].is_object() || parent.to_string() == "/entries") continue;
        copy[parent].erase(key);
        const std::string error = reading_error(copy);
        CHECK(contains(error, "data: lat.json: "));
        CHECK(contains(error, key + " is required"));
      } while (!parent.empty());
    }
  }
}

TEST_CASE("two tables are compared entry by entry against their joint intervals", "[latency]") {
  LatencyTable first;
  first.entries["a"] = {.ms = 1.0, .low = 0.97, .high = 1.03, .n = 9};
  first.entries["b"] = {.ms = 2.0, .low = 1.96, .high = 2.04, .n = 9};
  first.entries["only here"] = {.ms = 1.0, .low = 1.0, .high = 1.0, .n = 9};
  LatencyTable second = first;
  second.entries.erase("only here");
  CHECK(compare_entries(first, second).covered == 1.0);
  second.entries["a"].ms = 1.04;  // The joint half width is 0.0424.
  second.entries["b"].ms = 2.06;  // Here it is 0.0566.
  const TableDifference difference = compare_entries(first, second);
  CHECK(difference.entries == 2);
  CHECK(difference.covered == 0.5);
  CHECK(difference.median_ratio == Approx(1.035));
  CHECK(difference.largest_percent == Approx(4.0));
  CHECK(difference.largest_key == "a");
  CHECK(compare_entries(first, LatencyTable{}).entries == 0);
}

TEST_CASE("a latency file that is missing or not JSON is an error that names it", "[latency]") {
  const TemporaryFolder folder;
  CHECK(contains(error_of([&] { load_table(folder / "none.json"); }), "none.json: cannot read"));
  write_file(folder / "bad.json", R"({"format": NaN})");
  CHECK(contains(error_of([&] { load_table(folder / "bad.json"); }), "bad.json is not valid JSON"));
}

TEST_CASE("the table's prediction is the sum of its entries plus the bias", "[latency]") {
  for (const char* name : {"fashion-28", "nas-bench-macro"}) {
    const SearchSpace space = shipped_space(name);
    const LatencyTable table = exact_table(space, 0.125);
    const TableModel model(space, table);
    Rng rng(1, "test");
    for (int i = 0; i < 50; ++i) {
      const Architecture arch = sample(Subspace::full(space), rng);
      double sum = 0.125;
      for (const Block& block : space.network(arch)) {
        if (!block.is_identity()) sum += table.entries.at(block.key()).network_ms;
      }
      CHECK(model.predict_ms(arch) == Approx(sum).epsilon(1e-12));
      CHECK(model.predict_ms(space.canonical(arch)) == model.predict_ms(arch));
    }
  }
}

TEST_CASE("the prediction uses corrected times, a prior either kind", "[latency]") {
  const SearchSpace space = tiny_space();
  const LatencySpace terms(space);
  LatencyTable table = exact_table(space, 0.5);
  for (auto& [key, entry] : table.entries) entry.network_ms = 3.0 * entry.ms;
  const TermPrior alone = prior_from(terms, table, false);
  const TermPrior corrected = prior_from(terms, table, true);
  CHECK(corrected.fixed_ms == Approx(3.0 * alone.fixed_ms + 0.5));
  REQUIRE(alone.ms.size() == terms.terms());
  REQUIRE(corrected.ms.size() == terms.terms());
  const Architecture arch{{0, 0}, {2, 1}, {1, 1}};
  double predicted = corrected.fixed_ms;
  for (std::size_t i = 0; i < arch.size(); ++i) {
    const std::size_t term = terms.index(static_cast<int>(i), arch[i]);
    CHECK(corrected.ms[term] == Approx(3.0 * alone.ms[term]));
    predicted += corrected.ms[term];
  }
  CHECK(alone.ms[terms.index(1, {2, 1})] == 0.0);  // An identity.
  CHECK(TableModel(space, table).predict_ms(arch) == Approx(predicted));
}

TEST_CASE("the error bar is a share of the prediction", "[latency]") {
  LatencyTable table = exact_table(tiny_space(), 0.0);
  table.error_percent = 4.0;
  CHECK(TableModel(tiny_space(), table).error_ms(2.5) == Approx(0.1));
}

TEST_CASE("a block that does nothing costs nothing and needs no entry", "[latency]") {
  const SearchSpace space = tiny_space();
  const LatencyTable table = exact_table(space, 0.0);
  REQUIRE(space.block(1, {2, 0}).is_identity());
  REQUIRE_FALSE(table.entries.contains(space.block(1, {2, 0}).key()));
  const TableModel model(space, table);
  double without = model.predict_ms({{0, 0}, {0, 0}, {0, 0}});
  without -= 2.0 * table.entries.at(space.block(1, {0, 0}).key()).ms;
  CHECK(model.predict_ms({{0, 0}, {2, 0}, {2, 1}}) == Approx(without));
}

TEST_CASE("a table by position that lacks a position names it", "[latency]") {
  const LatencySpace space(tiny_space());
  LatencyTable table{.space = "tiny", .by_position = true};
  for (std::size_t i = 0; i < space.terms(); ++i) table.entries[space.term(i).position_key] = {};
  CHECK(error_of([&] { TableModel model(space, table); }) == "nothing");
  table.entries.erase("1/xception:0");
  CHECK(error_of([&] { TableModel model(space, table); }) ==
        "data: the latency table of space tiny has no entry 1/xception:0; it was fitted for "
        "another space");
}

TEST_CASE("a fit written into a table predicts as the fit itself", "[latency]") {
  const SearchSpace space = tiny_space();
  const LatencySpace terms(space);
  NetworkFit fit{.form = "made up", .bias_ms = -0.25, .fixed_ms = 0.5, .error_percent = 3.0};
  Rng rng(1, "test");
  std::map<std::string, double> of_block;  // Layers of one shape share their blocks' times.
  for (std::size_t i = 0; i < terms.terms(); ++i) {
    const LatencySpace::Term& term = terms.term(i);
    const auto added = of_block.try_emplace(term.block_key, rng.uniform(-0.5, 1.0)).first;
    fit.terms.push_back(term.is_free ? 0.0 : added->second);
  }
  LatencyTable by_block = exact_table(space, 0.0);
  LatencyTable timeless = by_block;  // Stem and head take 0 ms, which cannot be scaled.
  for (const Block& block : {space.stem(), space.head()}) timeless.entries[block.key()] = {.n = 1};
  LatencyTable by_position{.space = "tiny", .by_position = true};
  for (LatencyTable* table : {&by_block, &timeless, &by_position}) {
    apply_fit(*table, terms, fit);
    CHECK(table->form == "made up");
    CHECK(table->error_percent == 3.0);
    const TableModel model(terms, *table);
    for (const Architecture& arch : enumerate(Subspace::full(space))) {
      CHECK(model.predict_ms(arch) == Approx(fit.predict_ms(terms, arch)).margin(1e-12));
    }
  }
  for (const auto& [key, entry] : by_position.entries) CHECK(entry.network_ms >= 0.0);
}

TEST_CASE("a table that lacks a block of the space names it", "[latency]") {
  const SearchSpace space = tiny_space();
  LatencyTable table = exact_table(space, 0.0);
  const std::string key = space.block(1, {1, 0}).key();
  table.entries.erase(key);
  CHECK(error_of([&] { TableModel model(space, table); }) ==
        "data: the latency table of space tiny has no entry " + key +
            "; it was measured for another space or is "
            "not complete: measure the space at hand");
}

TEST_CASE("judging a model gives its errors and rank correlations", "[latency]") {
  const std::vector<double> predicted{1.0, 2.0, 4.0};
  const std::vector<double> measured{2.0, 3.0, 4.0};
  const ModelAccuracy accuracy = judge(predicted, measured);
  CHECK(accuracy.n == 3);
  CHECK(accuracy.rmse_ms == Approx(std::sqrt(2.0 / 3.0)));
  CHECK(accuracy.rmse_percent == Approx(100.0 * std::sqrt(2.0 / 3.0) / 3.0));
  CHECK(accuracy.mean_error_ms == Approx(-2.0 / 3.0));
  CHECK(accuracy.pearson == Approx(3.0 / std::sqrt(14.0 / 3.0 * 2.0)));
  CHECK(accuracy.spearman == Approx(1.0));
  CHECK(accuracy.kendall == Approx(1.0));
  CHECK(judge({}, {}).n == 0);
  CHECK(std::isnan(judge(std::vector{1.0}, std::vector{1.0}).kendall));
}

TEST_CASE("the constant is the mean difference over the calibration networks alone", "[latency]") {
  LatencyTable table;
  table.calibration = {{.sum_ms = 1.0, .measured_ms = 1.5}, {.sum_ms = 2.0, .measured_ms = 3.0}};
  table.test = {{.sum_ms = 4.0, .predicted_ms = 4.5, .measured_ms = 5.0},
                {.sum_ms = 8.0, .predicted_ms = 9.0, .measured_ms = 9.0}};
  CHECK(accuracy_on(table.test, table, Prediction::Sum).mean_error_ms == Approx(-1.0));
  CHECK(accuracy_on(table.test, table, Prediction::Constant).mean_error_ms == Approx(-0.25));
  CHECK(accuracy_on(table.test, table, Prediction::Fitted).mean_error_ms == Approx(-0.25));
  CHECK(accuracy_on(table.test, table, Prediction::Constant).rmse_ms == Approx(0.25));
  CHECK(accuracy_on(table.test, table, Prediction::Fitted).rmse_ms == Approx(std::sqrt(0.125)));
  CHECK(accuracy_on({}, table, Prediction::Fitted).n == 0);
}

TEST_CASE("the ceiling is the agreement of two measurements, unknown without a second one",
          "[latency]") {
  std::vector<MeasuredNetwork> networks{{.measured_ms = 1.0, .again_ms = 1.1},
                                        {.measured_ms = 2.0, .again_ms = 2.1},
                                        {.measured_ms = 3.0, .again_ms = 2.0}};
  CHECK(kendall_ceiling(networks) == Approx(1.0 / 3.0));
  networks[1].again_ms = 0.0;
  CHECK(std::isnan(kendall_ceiling(networks)));
  CHECK(std::isnan(kendall_ceiling({})));
}

TEST_CASE("the error bar covers the networks measured inside it", "[latency]") {
  const LatencyTable table{.error_percent = 10.0};
  CHECK(error_bar_coverage({{.predicted_ms = 10.0, .measured_ms = 10.9},
                            {.predicted_ms = 10.0, .measured_ms = 9.1},
                            {.predicted_ms = 10.0, .measured_ms = 11.1},
                            {.predicted_ms = 10.0, .measured_ms = 8.9}},
                           table) == 0.5);
  CHECK(error_bar_coverage({}, table) == 0.0);
}

TEST_CASE("a machine slow for a tenth of the time or a quarter at work for others is disturbed",
          "[latency]") {
  CHECK_FALSE(MachineNoise{}.is_disturbed());
  CHECK_FALSE(MachineNoise{.slow_percent = 9.0, .other_cpus = 0.9, .cpus = 4.0}.is_disturbed());
  CHECK(MachineNoise{.slow_percent = 11.0, .cpus = 4.0}.is_disturbed());
  CHECK(MachineNoise{.other_cpus = 1.1, .cpus = 4.0}.is_disturbed());
}
