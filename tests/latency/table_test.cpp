#include "hsconas/latency/table.hpp"

#include <cmath>
#include <limits>
#include <string>
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

/// A made-up table in which every field differs from its default.
LatencyTable example_table() {
  LatencyTable table;
  table.space = "tiny";
  table.device = {.device = "cpu: example",
                  .threads = 2,
                  .batch = 8,
                  .precision = "fp32",
                  .versions = "torch 1.13.1"};
  table.entries["head_i32_m64_o10_r8_s1"] = {.ms = 0.1, .low = 0.09, .high = 0.2, .n = 15};
  table.entries["stem_k3_i3_m0_o16_r16_s1"] = {.ms = 1.0 / 3.0, .low = 0.25, .high = 0.5, .n = 15};
  table.bias_ms = -0.0625;
  table.calibration = {{.arch = "2:1-0:0-1:1", .sum_ms = 1.5, .measured_ms = 1.4375}};
  table.test = {{.arch = "0:0-0:0-0:0", .sum_ms = 2.0, .measured_ms = 2.125}};
  return table;
}

std::string reading_error(const json& value) {
  return error_of([&] { read_table(value, "lat.json"); });
}

/// The table of every block of `space`, with times that are exact.
LatencyTable exact_table(const SearchSpace& space, double bias_ms) {
  LatencyTable table{.space = space.description().name};
  const auto add = [&](const Block& block) {
    if (!block.is_identity()) table.entries[block.key()] = {.ms = FakeTimer::block_ms(block)};
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
  const auto golden = source_folder() / "tests" / "golden" / "latency_table.json";
  const TemporaryFolder folder;
  write_json(folder / "table.json", to_json(example_table()));
  CHECK(read_file(folder / "table.json") == read_file(golden));
  CHECK(to_json(load_table(golden)) == to_json(example_table()));
}

TEST_CASE("every value of a latency table survives writing and reading, bit by bit", "[latency]") {
  const LatencyTable table = exact_table(tiny_space(), 1.0 / 7.0);
  json value = to_json(table);
  for (auto& entry : value["entries"]) entry["n"] = 1;
  const LatencyTable back = read_table(json::parse(value.dump()), "lat.json");
  CHECK(back.bias_ms == table.bias_ms);
  REQUIRE(back.entries.size() == table.entries.size());
  for (const auto& [key, entry] : table.entries) CHECK(back.entries.at(key).ms == entry.ms);
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
  CHECK(contains(broken((key + "/low").c_str(), 0.3), "low must not exceed high"));
  CHECK(contains(broken((key + "/n").c_str(), 0), "n must be at least 1"));
  CHECK(broken((key + "/ms").c_str(), nullptr) ==
        "data: lat.json: entries.head_i32_m64_o10_r8_s1.ms has the wrong type: null");
  CHECK(broken("/calibration/0/sum_ms", "1") ==
        "data: lat.json: calibration[0].sum_ms has the wrong type: \"1\"");
  CHECK(broken("/test/0/measured_ms", -0.5) ==
        "data: lat.json: test[0].measured_ms must be a finite time >= 0, got -0.5");
  CHECK(broken("/test", 3) == "data: lat.json: test must be a list of networks");
  CHECK(broken("/bias_ms", nullptr) == "data: lat.json: bias_ms has the wrong type: null");
  CHECK(contains(broken("/bias_ms", std::nan("")), "bias_ms must be finite"));
  CHECK(broken("/format", "hsconas-latency-2") ==
        "data: lat.json: format must be 'hsconas-latency-1', got 'hsconas-latency-2'");
  CHECK(broken("/device/batch", 0) == "data: lat.json: device.batch must be at least 1, got 0");
  CHECK(contains(broken("/device/threds", 1), "device.threds is not a known key (did you mean"));
  CHECK(contains(broken("/extra", 1), "lat.json: extra is not a known key"));
  CHECK(reading_error(json::array()) == "data: lat.json: must be a JSON object");
}

TEST_CASE("leaving out any key of a latency table is an error that names it", "[latency]") {
  const json good = to_json(example_table());
  for (const auto& item : good.items()) {
    json copy = good;
    copy.erase(item.key());
    CHECK(reading_error(copy) == "data: lat.json: " + item.key() + " is required");
  }
}

TEST_CASE("a latency file that is missing or no JSON is named", "[latency]") {
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
      for (const Block& block : space.network(arch)) sum += table.at(block).ms;
      CHECK(model.predict_ms(arch) == Approx(sum).epsilon(1e-12));
      CHECK(model.predict_ms(space.canonical(arch)) == model.predict_ms(arch));
    }
  }
}

TEST_CASE("a block that does nothing costs nothing and needs no entry", "[latency]") {
  const SearchSpace space = tiny_space();
  const LatencyTable table;
  CHECK(table.at(space.block(1, {2, 0})).ms == 0.0);
}

TEST_CASE("a table that lacks a block of the space names it", "[latency]") {
  const SearchSpace space = tiny_space();
  LatencyTable table = exact_table(space, 0.0);
  const std::string key = space.block(1, {1, 0}).key();
  table.entries.erase(key);
  CHECK(error_of([&] { TableModel model(space, table); }) ==
        "data: the latency table of space tiny has no entry " + key + "; measure it again");
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
