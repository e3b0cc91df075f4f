#include "hsconas/latency/import.hpp"

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
#include "hsconas/latency/table_fit.hpp"
#include "support/errors.hpp"
#include "support/measured_networks.hpp"
#include "support/reference_data.hpp"
#include "support/spaces.hpp"

using namespace hsconas;
using nlohmann::json;

namespace {

std::string networks_error(std::string_view text, const std::string& column = "ms") {
  return error_of([&] { read_measurements(parse(text), LatencySpace(tiny_space(2)), column); });
}

std::string blocks_error(const std::string& text, const std::string& column = "ms") {
  return error_of([&] { table_of_blocks(parse(text), tiny_space(), column, kDevice); });
}

}  // namespace

TEST_CASE("measured networks are read from the column arch or ops", "[latency]") {
  const SearchSpace space = tiny_space(2);
  const LatencySpace terms(space);
  for (const char* name : {"arch", "ops"}) {
    const auto networks = read_measurements(
        parse(fmt::format("n,{},a,ms\n1,0:1-2:1,9,1.5\n\n2,1:0-0:0,9,2.25\n", name)), terms, "ms");
    REQUIRE(networks.size() == 2);
    CHECK(networks[0].arch == Architecture{{0, 1}, {2, 1}});
    CHECK(networks[0].ms == 1.5);
    CHECK(networks[1].arch == Architecture{{1, 0}, {0, 0}});
    CHECK(networks[1].ms == 2.25);
  }
  // If there are both, "arch" is read.
  CHECK(read_measurements(parse("ops,arch,ms\nx,0:1-2:1,1"), terms, "ms").size() == 1);
}

TEST_CASE("leading zeros of an architecture are kept", "[latency]") {
  const LatencySpace cell(CellDescription{
      .name = "c", .operators = {"none", "a"}, .edges = {{0, 1}, {1, 2}, {0, 2}}, .nothing = 0});
  const auto networks = read_measurements(parse("ops,ms\n001,1\n"), cell, "ms");
  CHECK(networks.at(0).arch == Architecture{{0, 0}, {0, 0}, {1, 0}});
}

TEST_CASE("measurements that make no sense name the file and the line", "[latency]") {
  const std::string header = "arch,ms\n0:1-1:1,1\n\n";
  CHECK(networks_error(header) == "nothing");
  CHECK(networks_error("arc,ms\n0:1-1:1,1\n") ==
        "data: m.csv: has no column 'arch' (did you mean 'arc'?)");
  CHECK(networks_error(header, "mss") == "data: m.csv: has no column 'mss' (did you mean 'ms'?)");
  CHECK(networks_error("arch,ms\n") == "data: m.csv: holds no networks");
  CHECK(networks_error(header + "0:1-1:1,-0.5\n") ==
        "data: m.csv:4: ms must be a time > 0, got -0.5");
  CHECK(networks_error(header + "0:1-1:1,0\n") == "data: m.csv:4: ms must be a time > 0, got 0");
  CHECK(networks_error(header + "0:1-1:1,1e300\n") ==
        "data: m.csv:4: ms must be at most 1000000000000 ms, got 1e+300");
  for (const char* text : {"nan", "NaN", "inf", "", "1 ms"}) {
    CHECK(networks_error(header + "0:1-1:1," + text + "\n") ==
          "data: m.csv:4: ms must be a number, got '" + std::string(text) + "'");
  }
  for (const char* text : {"0:1", "0:1-1:1-1:1", "9:1-1:1", "", "x"}) {
    const std::string error = networks_error(header + text + ",1\n");
    CHECK(contains(error, "data: m.csv:4: architecture '"));
    CHECK(contains(error, fmt::format("'{}'", text)));
  }
}

TEST_CASE("blocks timed elsewhere become a table without correction", "[latency]") {
  const SearchSpace space = tiny_space();
  const LatencyTable table = table_of_blocks(parse(blocks_csv(space)), space, "ms", kDevice);
  CHECK(table.space == "tiny");
  CHECK(table.device == kDevice);
  CHECK_FALSE(table.by_position);
  CHECK(table.bias_ms == 0.0);
  CHECK(table.entries.size() == distinct_blocks(space).size());
  for (const Block& block : distinct_blocks(space)) {
    const TableEntry& entry = table.entries.at(block.key());
    CHECK(entry.ms == FakeTimer::block_ms(block));
    CHECK(entry.network_ms == entry.ms);
    CHECK(entry.half_width_percent() == 0.0);
  }
  CHECK(to_json(read_back(table)) == to_json(table));
  const Architecture arch{{0, 1}, {2, 1}, {1, 0}};
  CHECK(TableModel(space, table).predict_ms(arch) == Approx(network_ms(space, arch, 1.0) - 0.25));
}

TEST_CASE("blocks that do not fit the space name the file and the line", "[latency]") {
  const std::string good = blocks_csv(tiny_space());
  CHECK(blocks_error(good) == "nothing");
  const auto lines = split(good, '\n');
  const std::size_t blocks = lines.size() - 2;  // The header, and nothing after the last newline.
  const std::string first = split(lines[1], ',')[0];
  CHECK(blocks_error("kex,ms\nx,1") == "data: m.csv: has no column 'key' (did you mean 'kex'?)");
  CHECK(contains(blocks_error(good, "us"), "data: m.csv: has no column 'us'"));
  CHECK(blocks_error("key,ms\n") == "data: m.csv: holds no operators");
  CHECK(blocks_error(good + "conv_i3,1\n") ==
        fmt::format("data: m.csv:{}: key conv_i3 is no block of space tiny", blocks + 2));
  CHECK(blocks_error("key,ms\n" + first + ",-1\n") ==
        "data: m.csv:2: ms must be a time >= 0, got -1");
  CHECK(contains(blocks_error("key,ms\n" + first + ",1e13\n"), "m.csv:2: ms must be at most"));
  for (const char* text : {"nan", "", "x"}) {
    CHECK(blocks_error("key,ms\n" + first + "," + text + "\n") ==
          "data: m.csv:2: ms must be a number, got '" + std::string(text) + "'");
  }
  // An identity costs nothing by construction, so a time for it is an error.
  const std::string identity = tiny_space().block(1, {2, 0}).key();
  CHECK(contains(blocks_error(good + identity + ",1\n"), "is no block of space tiny"));
  std::string lacking = "key,ms\n";
  for (std::size_t i = 3; i <= blocks; ++i) lacking += lines[i] + "\n";
  CHECK(
      blocks_error(lacking) ==
      fmt::format("data: m.csv: lacks 2 of the {} blocks of space tiny, first {}", blocks, first));
}

TEST_CASE("a split is a partition, the same for the same seed", "[latency]") {
  const auto all = measured(tiny_space(4), 40, 1.0);
  const auto times = [](const std::vector<Measurement>& networks) {
    std::vector<double> ms;
    for (const Measurement& network : networks) ms.push_back(network.ms);
    return ms;
  };
  const auto archs = [](const MeasurementSplit& networks) {
    std::multiset<Architecture> result;
    for (const auto* part : {&networks.fit, &networks.test}) {
      for (const Measurement& network : *part) result.insert(network.arch);
    }
    return result;
  };
  for (const std::size_t count : {2U, 10U, 39U, 40U}) {
    const MeasurementSplit split = split_measurements(all, count, 7);
    CHECK(split.fit.size() == count);
    CHECK(split.test.size() == 40 - count);
    CHECK(archs(split) == archs({all, {}}));
    CHECK(times(split_measurements(all, count, 7).fit) == times(split.fit));
  }
  CHECK(times(split_measurements(all, 10, 8).fit) != times(split_measurements(all, 10, 7).fit));
  // A larger share to fit on contains the smaller one.
  auto larger = times(split_measurements(all, 20, 7).fit);
  larger.resize(10);
  CHECK(larger == times(split_measurements(all, 10, 7).fit));
  CHECK(split_measurements(all, 0, 7).fit.size() == 32);
  for (const std::size_t count : {1U, 41U}) {
    CHECK(error_of([&] { split_measurements(all, count, 7); }) ==
          fmt::format("usage: --fit must be 2 to 40, as many different networks as are given, not "
                      "{}",
                      count));
  }
  CHECK(contains(error_of([&] { split_measurements({all.front()}, 0, 7); }),
                 "data: a fit needs two different networks"));
  const std::vector<Measurement> few(all.begin(), all.begin() + 11);
  CHECK(split_measurements(few, 0, 7).fit.size() == kFewestToFit);
}

TEST_CASE("repeated-measurements: rows of one network are merged to their median before any split",
          "[latency]") {
  const SearchSpace space = tiny_space(4);
  const LatencySpace terms(space);
  // Operator 2 is a skip, whose width makes no difference: two ways to write one network.
  const auto networks =
      read_measurements(parse("arch,ms\n0:1-2:0,4\n1:0-0:0,9\n0:1-2:1,1\n0:1-2:0,2\n1:0-0:0,7\n"),
                        LatencySpace(tiny_space(2)), "ms");
  REQUIRE(networks.size() == 2);
  CHECK(networks[0].arch == Architecture{{0, 1}, {2, 0}});
  CHECK(networks[0].ms == 2.0);
  CHECK(networks[1].ms == 8.0);

  // Ten rows each change nothing: neither the table nor what it is judged on.
  const auto once = measured(space, 40, 1.5);
  std::vector<Measurement> rows;
  for (int repeat = 0; repeat < 10; ++repeat) rows.insert(rows.end(), once.begin(), once.end());
  const auto merged = merge_repeats(terms, rows);
  CHECK(to_json(fit_table(terms, split_measurements(merged, 0, 3), {}, kDevice)) ==
        to_json(fit_table(terms, split_measurements(once, 0, 3), {}, kDevice)));
}

TEST_CASE("repeated measurements of a block count as their median, with an interval", "[latency]") {
  const SearchSpace space = tiny_space();
  const std::string csv = blocks_csv(space);
  const std::string first = split(split(csv, '\n')[1], ',')[0];
  const double ms = table_of_blocks(parse(csv), space, "ms", kDevice).entries.at(first).ms;
  const LatencyTable table =
      table_of_blocks(parse(fmt::format("{}{},{}\n{},{}\n", csv, first, 3 * ms, first, 2 * ms)),
                      space, "ms", kDevice);
  const TableEntry& entry = table.entries.at(first);
  CHECK(entry.ms == Approx(2 * ms));
  CHECK(entry.network_ms == entry.ms);
  CHECK(entry.n == 3);
  CHECK(entry.low < entry.ms);
  CHECK(entry.high > entry.ms);
}
