#include "hsconas/latency/measure.hpp"

#include <algorithm>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include "catch.hpp"
#include "hsconas/base/statistics.hpp"
#include "support/errors.hpp"
#include "support/fake_timer.hpp"
#include "support/spaces.hpp"

using namespace hsconas;

namespace {

LatencyConfig quick_config() {
  LatencyConfig config;
  config.rounds = 5;
  config.sample_ms = 0.05;
  config.bias_networks = 20;
  config.test_networks = 10;
  return config;
}

const DeviceInfo kDevice{.device = "fake", .precision = "fp32", .versions = "none"};

LatencyTable measure(const SearchSpace& space, FakeTimer& timer, const LatencyConfig& config) {
  Log log(Verbosity::Quiet, false);
  const StopToken stop;
  return measure_table(space, timer, kDevice, config, 1, log, stop);
}

}  // namespace

TEST_CASE("a table holds every distinct block once and no block that does nothing", "[latency]") {
  // Per stage of hsconas-a: a strided and a plain layer, 4 operators at 10 widths each, and the
  // skip, which has one width and only costs where it is strided; then the stem and the head. The
  // mids of layout A at a tenth of 24, 64, 128 and 256 channels all differ.
  CHECK(distinct_blocks(shipped_space("hsconas-a")).size() == 4 * (2 * 4 * 10 + 1) + 2);
  std::set<std::string> keys;
  for (const Block& block : distinct_blocks(shipped_space("fashion-28"))) {
    CHECK(keys.insert(block.key()).second);
    CHECK_FALSE(block.is_identity());
  }
}

TEST_CASE("without noise the table is exact and the bias is the overhead", "[latency]") {
  const SearchSpace space = tiny_space(5);
  FakeTimer timer({.overhead_ms = 0.25});
  const LatencyTable table = measure(space, timer, quick_config());
  CHECK(table.space == "tiny");
  CHECK(table.device == kDevice);
  const auto blocks = distinct_blocks(space);
  REQUIRE(table.entries.size() == blocks.size());
  for (const Block& block : blocks) {
    const TableEntry& entry = table.at(block);
    CHECK(entry.ms == FakeTimer::block_ms(block));
    CHECK(entry.low == entry.ms);
    CHECK(entry.high == entry.ms);
    CHECK(entry.n == 5);
  }
  CHECK(table.bias_ms == Approx(0.25));
  CHECK(held_out_accuracy(table, true).rmse_ms == Approx(0.0).margin(1e-12));
  CHECK(held_out_accuracy(table, false).mean_error_ms == Approx(-0.25));
  CHECK(timer.ready() == 0);
}

TEST_CASE("with noise the bias stays near and the held-out error is small", "[latency]") {
  const SearchSpace space = tiny_space(6);
  FakeTimer timer({.overhead_ms = 0.25, .noise = 0.05});
  const LatencyTable table = measure(space, timer, quick_config());
  CHECK(table.bias_ms == Approx(0.25).margin(0.02));
  const ModelAccuracy with = held_out_accuracy(table, true);
  CHECK(with.n == 10);
  CHECK(with.rmse_percent < 5.0);
  CHECK(with.rmse_ms < held_out_accuracy(table, false).rmse_ms);
  for (const auto& [key, entry] : table.entries) {
    CHECK(entry.low <= entry.ms);
    CHECK(entry.ms <= entry.high);
    CHECK(entry.low < entry.high);
  }
}

TEST_CASE("calibration and test networks are all different networks", "[latency]") {
  const SearchSpace space = tiny_space(5);
  FakeTimer timer;
  const LatencyTable table = measure(space, timer, quick_config());
  CHECK(table.calibration.size() == 20);
  CHECK(table.test.size() == 10);
  std::set<Architecture> seen;
  for (const auto* list : {&table.calibration, &table.test}) {
    for (const MeasuredNetwork& network : *list) {
      CHECK(seen.insert(space.canonical(space.decode(network.arch))).second);
    }
  }
}

TEST_CASE("a space with fewer networks than asked for shares what it has", "[latency]") {
  const SearchSpace space = tiny_space(1);  // 2 + 2 + 1 networks.
  FakeTimer timer;
  const LatencyTable table = measure(space, timer, quick_config());
  CHECK(table.calibration.size() == 4);
  CHECK(table.test.size() == 1);
  CHECK(table.bias_ms == Approx(0.25));
}

TEST_CASE("no networks at all leave a table without bias", "[latency]") {
  LatencyConfig config = quick_config();
  config.bias_networks = 0;
  config.test_networks = 0;
  FakeTimer timer;
  const LatencyTable table = measure(tiny_space(), timer, config);
  CHECK(table.bias_ms == 0.0);
  CHECK(held_out_accuracy(table, true).n == 0);
}

TEST_CASE("a timing lasts the time asked for, after a first pass that is dropped", "[latency]") {
  const SearchSpace space = tiny_space();
  FakeTimer timer;
  const LatencyConfig config = quick_config();
  const LatencyTable table = measure(space, timer, config);
  const auto blocks = distinct_blocks(space);
  // The chains' ids are 0, 1, ... in the order of the blocks; the last timing is of a round.
  std::vector<int> runs(blocks.size());
  for (std::size_t i = 0; i < blocks.size(); ++i) CHECK(timer.calls[i].runs == 1);
  for (const auto& call : timer.calls) {
    if (!call.is_network) runs.at(static_cast<std::size_t>(call.id)) = call.runs;
  }
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    const double ms = FakeTimer::block_ms(blocks[i]);
    CHECK(runs[i] * ms >= config.sample_ms);
    CHECK((runs[i] == 1 || runs[i] * ms < 1.2 * config.sample_ms + ms));
    CHECK(table.at(blocks[i]).ms == ms);
  }
}

TEST_CASE("every round times every block once, in an order of its own", "[latency]") {
  const SearchSpace space = tiny_space();
  FakeTimer timer;
  measure(space, timer, quick_config());
  const std::size_t blocks = distinct_blocks(space).size();
  std::vector<int> ids;
  for (const auto& call : timer.calls) {
    if (!call.is_network) ids.push_back(call.id);
  }
  ids.erase(ids.begin(), ids.end() - static_cast<std::ptrdiff_t>(5 * blocks));  // The five rounds.
  std::set<std::vector<int>> orders;
  for (std::size_t round = 0; round < 5; ++round) {
    const auto first = ids.begin() + static_cast<std::ptrdiff_t>(round * blocks);
    std::vector<int> order(first, first + static_cast<std::ptrdiff_t>(blocks));
    orders.insert(order);
    std::sort(order.begin(), order.end());
    for (std::size_t i = 0; i < blocks; ++i) CHECK(order[i] == static_cast<int>(i));
  }
  CHECK(orders.size() == 5);
}

TEST_CASE("a drift of the device hits all blocks alike", "[latency]") {
  // Twice as slow half-way: an order without interleaving would double half of the blocks.
  class DriftingTimer : public FakeTimer {
   public:
    double time_ms(int id, int runs) override {
      return FakeTimer::time_ms(id, runs) * (calls.size() > 220 ? 2.0 : 1.0);
    }
  };
  const SearchSpace space = tiny_space();
  DriftingTimer timer;
  LatencyConfig config = quick_config();
  config.rounds = 40;
  config.bias_networks = 0;
  config.test_networks = 0;
  const LatencyTable table = measure(space, timer, config);
  std::vector<double> ratios;
  for (const Block& block : distinct_blocks(space)) {
    ratios.push_back(table.at(block).ms / FakeTimer::block_ms(block));
  }
  REQUIRE(timer.calls.size() > 300);
  CHECK(quantile(ratios, 1.0) == Approx(quantile(ratios, 0.0)));
}

TEST_CASE("whole networks come back in order, and few are ready at once", "[latency]") {
  const SearchSpace space = tiny_space(4);
  FakeTimer timer({.overhead_ms = 0.5});
  Log log(Verbosity::Quiet, false);
  const StopToken stop;
  Rng rng(1, "test");
  std::vector<Architecture> archs;
  for (int i = 0; i < 60; ++i) archs.push_back(sample(Subspace::full(space), rng));
  const auto measured = measure_networks(space, archs, timer, quick_config(), 1, log, stop);
  REQUIRE(measured.size() == archs.size());
  for (std::size_t i = 0; i < archs.size(); ++i) {
    double expected = 0.5;
    for (const Block& block : space.network(archs[i])) expected += FakeTimer::block_ms(block);
    CHECK(measured[i] == Approx(expected));
  }
  CHECK(timer.most_ready <= 24);
  CHECK(timer.ready() == 0);
  CHECK(measure_networks(space, {}, timer, quick_config(), 1, log, stop).empty());
}

TEST_CASE("a stop while measuring is obeyed at once and frees the device", "[latency]") {
  for (const int after : {1, 10, 100, 150}) {
    StopToken stop;
    FakeTimer timer({.stop_after = after, .stop = &stop});
    Log log(Verbosity::Quiet, false);
    CHECK(contains(error_of([&] {
                     measure_table(tiny_space(), timer, kDevice, quick_config(), 1, log, stop);
                   }),
                   "interrupted: "));
    CHECK(std::ssize(timer.calls) == after);
    CHECK(timer.ready() == 0);
  }
}

TEST_CASE("a timer whose answer is no time is a device error", "[latency]") {
  class BrokenTimer : public FakeTimer {
   public:
    explicit BrokenTimer(double answer) : answer_(answer) {}
    double time_ms(int /*id*/, int /*runs*/) override { return answer_; }

   private:
    double answer_;
  };
  for (const double answer : {-1.0, std::numeric_limits<double>::quiet_NaN()}) {
    BrokenTimer timer(answer);
    CHECK(contains(error_of([&] { measure(tiny_space(), timer, quick_config()); }), "device: "));
    CHECK(timer.ready() == 0);
  }
  BrokenTimer stuck(0.0);  // A clock too coarse to see one pass must not loop for ever.
  CHECK_NOTHROW(measure(tiny_space(), stuck, quick_config()));
}
