#include "hsconas/latency/measure.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "catch.hpp"
#include "hsconas/base/statistics.hpp"
#include "hsconas/latency/network_draw.hpp"
#include "support/errors.hpp"
#include "support/fake_latency.hpp"
#include "support/fake_timer.hpp"
#include "support/spaces.hpp"

using namespace hsconas;

namespace {

LatencyConfig quick_config() {
  LatencyConfig config;
  config.rounds = 5;
  config.sample_ms = 0.05;
  config.interval_percent = 100.0;
  config.bias_networks = 20;
  config.test_networks = 10;
  return config;
}

const DeviceInfo kThisDevice{.device = "fake", .precision = "fp32", .versions = "none"};

/// Remembers the key of each chain's block; empty for networks.
class NamedTimer : public FakeTimer {
 public:
  int prepare(std::span<const Block> chain) override {
    const int id = FakeTimer::prepare(chain);
    keys[id] = chain.size() == 1 ? chain.front().key() : "";
    return id;
  }
  std::map<int, std::string> keys;
};

LatencyTable measure(const SearchSpace& space, FakeTimer& timer, const LatencyConfig& config) {
  Log log(Verbosity::Quiet, false);
  const StopToken stop;
  return measure_table(space, timer, kThisDevice, config, 1, log, stop);
}

}  // namespace

TEST_CASE("a table holds every distinct block once and no block that does nothing", "[latency]") {
  // Per stage of hsconas-a: a strided and a plain layer, 4 operators at 10 widths each, and the
  // skip, which has one width and only costs where it is strided; then the stem and the head. All
  // ten widths of 24, 64, 128 and 256 inner channels differ.
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
  CHECK(table.device == kThisDevice);
  const auto blocks = distinct_blocks(space);
  REQUIRE(table.entries.size() == blocks.size());
  for (const Block& block : blocks) {
    const TableEntry& entry = table.entries.at(block.key());
    CHECK(entry.ms == FakeTimer::block_ms(block));
    CHECK(entry.low == entry.ms);
    CHECK(entry.high == entry.ms);
    CHECK(entry.n == 5);
    CHECK(entry.network_ms == Approx(entry.ms));
  }
  CHECK(table.bias_ms == Approx(0.25));
  for (const auto* networks : {&table.test, &table.test_spread}) {
    CHECK(networks->size() == 10);
    CHECK(accuracy_on(*networks, table, Prediction::Fitted).rmse_ms == Approx(0.0).margin(1e-9));
    CHECK(accuracy_on(*networks, table, Prediction::Constant).rmse_ms == Approx(0.0).margin(1e-12));
    CHECK(accuracy_on(*networks, table, Prediction::Sum).mean_error_ms == Approx(-0.25));
  }
  CHECK(timer.ready() == 0);
}

TEST_CASE("with noise the error on test networks is small, and smaller than without correction",
          "[latency]") {
  const SearchSpace space = tiny_space(6);
  FakeTimer timer({.overhead_ms = 0.25, .noise = 0.05});
  const LatencyTable table = measure(space, timer, quick_config());
  for (const auto* networks : {&table.test, &table.test_spread}) {
    const ModelAccuracy with = accuracy_on(*networks, table, Prediction::Fitted);
    CHECK(with.n == 10);
    CHECK(with.rmse_percent < 5.0);
    CHECK(with.rmse_ms < accuracy_on(*networks, table, Prediction::Sum).rmse_ms);
    const ModelAccuracy constant = accuracy_on(*networks, table, Prediction::Constant);
    CHECK(constant.mean_error_ms == Approx(0.0).margin(0.02));
  }
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
  CHECK(table.test_spread.size() == 10);
  std::set<Architecture> seen;
  for (const auto* list : {&table.calibration, &table.test, &table.test_spread}) {
    for (const MeasuredNetwork& network : *list) {
      CHECK(seen.insert(space.canonical(space.decode(network.arch))).second);
    }
  }
}

TEST_CASE("half of the calibration networks and one list of test networks span the latency range",
          "[latency]") {
  const SearchSpace space = tiny_space(8);
  FakeTimer timer;
  LatencyConfig config = quick_config();
  config.bias_networks = 40;
  config.test_networks = 30;
  const LatencyTable table = measure(space, timer, config);
  const TableModel model(space, table);
  const LatencyRange range = latency_range(model, Subspace::full(space));
  const auto place = [&](const MeasuredNetwork& network) {
    return (network.predicted_ms - range.fastest_ms) / (range.slowest_ms - range.fastest_ms);
  };
  const auto places = [&](const std::vector<MeasuredNetwork>& networks) {
    std::vector<double> all;
    for (const MeasuredNetwork& network : networks) all.push_back(place(network));
    return all;
  };
  // Spread networks lie evenly from 0 to 1; sums of eight random layers crowd around the middle.
  const auto spread = places(table.test_spread);
  CHECK(quantile(spread, 0.0) < 0.15);
  CHECK(quantile(spread, 1.0) > 0.85);
  const auto random = places(table.test);
  CHECK(standard_deviation(spread) > 1.3 * standard_deviation(random));
  const std::size_t half = table.calibration.size() / 2;
  const std::vector<MeasuredNetwork> first(table.calibration.begin(),
                                           table.calibration.begin() + static_cast<int>(half));
  const std::vector<MeasuredNetwork> second(table.calibration.begin() + static_cast<int>(half),
                                            table.calibration.end());
  CHECK(standard_deviation(places(second)) > 1.3 * standard_deviation(places(first)));
}

TEST_CASE("spread architectures are new and lie evenly between the fastest and the slowest",
          "[latency]") {
  const SearchSpace space = tiny_space(8);
  const FakeLatency model(space);
  const LatencyRange range = latency_range(model, Subspace::full(space));
  Rng rng(1, "test");
  std::set<Architecture> taken;
  const auto first = spread_architectures(space, model, 20, taken, rng);
  const auto second = spread_architectures(space, model, 20, taken, rng);
  CHECK(taken.size() == first.size() + second.size());
  REQUIRE(first.size() >= 15);
  for (std::size_t i = 1; i < first.size(); ++i) {
    CHECK(space.canonical(first[i]) == first[i]);
    const double step = (model.predict_ms(first[i]) - model.predict_ms(first[i - 1])) /
                        (range.slowest_ms - range.fastest_ms);
    CHECK(step > -0.02);  // They ascend, up to the distance by which a walk may miss its goal.
    CHECK(step < 0.25);
  }
  CHECK(spread_architectures(tiny_space(1), FakeLatency(tiny_space(1)), 50, taken, rng).size() <=
        5);
}

TEST_CASE("test networks are timed twice, calibration networks once", "[latency]") {
  const SearchSpace space = tiny_space(5);
  FakeTimer timer({.noise = 0.05});
  const LatencyTable table = measure(space, timer, quick_config());
  for (const auto* list : {&table.test, &table.test_spread}) {
    for (const MeasuredNetwork& network : *list) {
      CHECK(network.again_ms == Approx(network.measured_ms).epsilon(0.1));
      CHECK(network.again_ms != network.measured_ms);
    }
    CHECK(kendall_ceiling(*list) > 0.5);
  }
  for (const MeasuredNetwork& network : table.calibration) CHECK(network.again_ms == 0.0);
  // 20 + 10 + 10 networks in two passes, then the 20 test networks again; each pass prepares anew.
  std::set<int> chains;
  for (const auto& call : timer.calls) {
    if (call.is_network) chains.insert(call.id);
  }
  CHECK(chains.size() == 120);
}

TEST_CASE("in a space with fewer networks than asked for, the lists share them", "[latency]") {
  const SearchSpace space = tiny_space(1);  // 2 + 2 + 1 networks.
  FakeTimer timer;
  const LatencyTable table = measure(space, timer, quick_config());
  CHECK(table.calibration.size() >= 2);
  CHECK(table.test.size() + table.test_spread.size() >= 1);
  CHECK(table.calibration.size() + table.test.size() + table.test_spread.size() == 5);
  CHECK(accuracy_on(table.test, table, Prediction::Constant).rmse_ms == Approx(0.0).margin(1e-9));
}

TEST_CASE("no networks at all leave a table without correction", "[latency]") {
  LatencyConfig config = quick_config();
  config.bias_networks = 0;
  config.test_networks = 0;
  FakeTimer timer;
  const LatencyTable table = measure(tiny_space(), timer, config);
  CHECK(table.bias_ms == 0.0);
  CHECK(table.form == "constant");
  CHECK(table.trials.empty());
  CHECK(table.test.empty());
  for (const auto& [key, entry] : table.entries) CHECK(entry.network_ms == entry.ms);
}

TEST_CASE("a correction that predicts no time for some networks is not used", "[latency]") {
  const SearchSpace space = tiny_space(5);
  const LatencyRange sum = [&] {
    FakeTimer timer({.overhead_ms = 0.0});
    const LatencyTable table = measure(space, timer, quick_config());
    return latency_range(TableModel(space, table), Subspace::full(space));
  }();
  // Networks take less time than their blocks, by more than the blocks of the fastest one take.
  const double less_ms = (sum.fastest_ms + sum.slowest_ms) / 2.0;
  const LatencyTable table = [&] {
    class FastNetworks : public FakeTimer {
     public:
      explicit FastNetworks(double less_ms) : FakeTimer({.overhead_ms = 0.0}), less_ms_(less_ms) {}
      int prepare(std::span<const Block> chain) override {
        const int id = FakeTimer::prepare(chain);
        is_network_[id] = chain.size() > 1;
        return id;
      }
      double time_ms(int id, int runs) override {
        const double ms = FakeTimer::time_ms(id, runs);
        return is_network_.at(id) ? std::max(ms - less_ms_, 1e-3) : ms;
      }

     private:
      double less_ms_;
      std::map<int, bool> is_network_;
    } timer(less_ms);
    return measure(space, timer, quick_config());
  }();
  CHECK(table.form == "constant");
  CHECK(table.bias_ms == 0.0);
  CHECK(table.error_percent == 0.0);
  CHECK(table.calibration.size() == 20);
  for (const auto& [key, entry] : table.entries) CHECK(entry.network_ms == entry.ms);
  for (const MeasuredNetwork& network : table.test) {
    CHECK(network.predicted_ms == Approx(network.sum_ms));
  }
}

TEST_CASE("no networks to judge by still give a correction", "[latency]") {
  LatencyConfig config = quick_config();
  config.test_networks = 0;
  FakeTimer timer;
  const LatencyTable table = measure(tiny_space(5), timer, config);
  CHECK(table.bias_ms == Approx(0.25));
  CHECK(table.test.empty());
  CHECK(table.test_spread.empty());
}

TEST_CASE("a timing lasts the time asked for, after a first pass that is dropped", "[latency]") {
  const SearchSpace space = tiny_space();
  NamedTimer timer;
  const LatencyConfig config = quick_config();
  const LatencyTable table = measure(space, timer, config);
  std::set<int> seen;
  std::map<std::string, int> runs;  // Runs of a block's last timing, which belongs to a round.
  for (const auto& call : timer.calls) {
    if (seen.insert(call.id).second) CHECK(call.runs == 1);
    if (!call.is_network && call.id != 0) runs[timer.keys[call.id]] = call.runs;
  }
  for (const Block& block : distinct_blocks(space)) {
    const double ms = FakeTimer::block_ms(block);
    const int n = runs.at(block.key());
    CHECK(n * ms >= config.sample_ms);
    CHECK((n == 1 || n * ms < 1.2 * config.sample_ms + ms));
    CHECK(table.entries.at(block.key()).ms == ms);
  }
}

TEST_CASE("every round prepares and times every block once, in a new order", "[latency]") {
  const SearchSpace space = tiny_space();
  NamedTimer timer;
  LatencyConfig config = quick_config();
  config.bias_networks = 0;
  config.test_networks = 0;
  measure(space, timer, config);
  const auto blocks = distinct_blocks(space);
  // Chain 0 is the reference; every round that follows has new ids.
  REQUIRE(timer.keys.size() == 1 + 5 * blocks.size());
  std::set<std::vector<std::string>> orders;
  for (std::size_t round = 0; round < 5; ++round) {
    std::vector<std::string> order;
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      order.push_back(timer.keys[static_cast<int>(1 + round * blocks.size() + i)]);
    }
    orders.insert(order);
    std::sort(order.begin(), order.end());
    for (std::size_t i = 0; i < blocks.size(); ++i) CHECK(order[i] == blocks[i].key());
  }
  CHECK(orders.size() == 5);
  // From the second round on each chain has its warm-up and one timing.
  std::map<int, int> timings;
  for (const auto& call : timer.calls) ++timings[call.id];
  for (std::size_t i = 1 + blocks.size(); i < timer.keys.size(); ++i) {
    CHECK(timings[static_cast<int>(i)] == 2);
  }
}

TEST_CASE("a reference block is timed between the others", "[latency]") {
  const SearchSpace space = tiny_space(5);
  FakeTimer timer;
  const LatencyTable table = measure(space, timer, quick_config());
  // The reference is chain 0. It is timed after every eight timings, not counting warm-ups and the
  // choice of runs, and a few times more.
  const auto references = std::count_if(timer.calls.begin(), timer.calls.end(),
                                        [](const auto& call) { return call.id == 0; });
  const std::size_t blocks = distinct_blocks(space).size();
  const std::size_t timings = 5 * blocks + 6 * (40 + 20);
  CHECK(references >= static_cast<std::ptrdiff_t>(timings / 8));
  CHECK(references <= static_cast<std::ptrdiff_t>(timings / 8 + 10));
  CHECK(table.noise.reference_ms > 0.0);
  CHECK(table.noise.reference_spread_percent == Approx(0.0).margin(1e-9));
  CHECK(table.noise.slow_percent == 0.0);
  CHECK(table.noise.cpus >= 1.0);
  const auto macs = [&](const Block& block) { return cost_of(block).macs; };
  std::vector<double> all;
  for (const Block& block : distinct_blocks(space)) {
    all.push_back(static_cast<double>(macs(block)));
  }
  bool is_median_block = false;
  for (const Block& block : distinct_blocks(space)) {
    const auto own = static_cast<double>(macs(block));
    is_median_block = is_median_block || (FakeTimer::block_ms(block) == table.noise.reference_ms &&
                                          own >= quantile(all, 0.4) && own <= quantile(all, 0.6));
  }
  CHECK(is_median_block);
}

TEST_CASE("timings taken while the machine was slow do not count", "[latency]") {
  // For a quarter of the calls the machine is three times slower, which raises the mean by half.
  class SlowSpell : public FakeTimer {
   public:
    double time_ms(int id, int runs) override {
      const double ms = FakeTimer::time_ms(id, runs);
      return calls.size() > 200 && calls.size() <= 300 ? 3.0 * ms : ms;
    }
  };
  const SearchSpace space = tiny_space();
  SlowSpell timer;
  LatencyConfig config = quick_config();
  config.rounds = 20;
  config.bias_networks = 0;
  config.test_networks = 0;
  const LatencyTable table = measure(space, timer, config);
  REQUIRE(timer.calls.size() > 400);
  for (const Block& block : distinct_blocks(space)) {
    const TableEntry& entry = table.entries.at(block.key());
    CHECK(entry.ms == FakeTimer::block_ms(block));
    CHECK(entry.low == entry.high);
    CHECK(entry.n < 20);
    CHECK(entry.n >= 10);
  }
  CHECK(table.noise.slow_percent > 10.0);
  CHECK(table.noise.is_disturbed());
}

TEST_CASE("a drift of the device affects all blocks alike", "[latency]") {
  // After a third of the timings the device is 10 % slower, too little to count as slow. Without
  // interleaving, this would affect only some blocks.
  class DriftingTimer : public FakeTimer {
   public:
    double time_ms(int id, int runs) override {
      return FakeTimer::time_ms(id, runs) * (calls.size() > 250 ? 1.1 : 1.0);
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
    ratios.push_back(table.entries.at(block.key()).ms / FakeTimer::block_ms(block));
  }
  REQUIRE(timer.calls.size() > 600);
  CHECK(quantile(ratios, 1.0) == Approx(quantile(ratios, 0.0)));
}

TEST_CASE("entries with a wide interval get more rounds, but no more than twenty times as many",
          "[latency]") {
  const SearchSpace space = tiny_space();
  LatencyConfig config = quick_config();
  config.bias_networks = 0;
  config.test_networks = 0;
  config.interval_percent = 2.0;
  FakeTimer noisy({.noise = 0.05});
  int most = 0;
  const LatencyTable table = measure(space, noisy, config);
  // At the end the machine's drift widens the intervals, whatever the number of rounds.
  const double widest = std::hypot(2.0, table.noise.drift_percent);
  for (const auto& [key, entry] : table.entries) {
    CHECK(entry.n >= 5);
    CHECK(entry.n % 5 == 0);
    CHECK(entry.half_width_percent() <= widest * 1.1);
    most = std::max(most, entry.n);
  }
  CHECK(most > 5);
  config.interval_percent = 1e-6;  // Out of reach.
  FakeTimer hopeless({.noise = 0.05});
  for (const auto& [key, entry] : measure(space, hopeless, config).entries) {
    CHECK(entry.n == 5 * 21);
  }
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
  CHECK(timer.most_ready <= 24 + 1);  // One is the reference block.
  CHECK(timer.ready() == 0);
  CHECK(measure_networks(space, {}, timer, quick_config(), 1, log, stop).empty());
}

TEST_CASE("a stop while measuring is obeyed at once and frees the device", "[latency]") {
  for (const int after : {1, 10, 100, 150}) {
    StopToken stop;
    FakeTimer timer({.stop_after = after, .stop = &stop});
    Log log(Verbosity::Quiet, false);
    CHECK(contains(error_of([&] {
                     measure_table(tiny_space(), timer, kThisDevice, quick_config(), 1, log, stop);
                   }),
                   "interrupted: "));
    CHECK(std::ssize(timer.calls) == after);
    CHECK(timer.ready() == 0);
  }
}

TEST_CASE("a timer that returns no valid time is a device error", "[latency]") {
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

TEST_CASE("a GPU replays graphs unless it is told otherwise, a CPU has no mode", "[latency]") {
  LatencyConfig config;
  CHECK(launch_mode(config, "cpu").empty());
  CHECK(launch_mode(config, "cuda:1") == "graph");
  config.cuda = Launch::Eager;
  CHECK(launch_mode(config, "cuda") == "eager");
}

TEST_CASE("networks are timed in the table's mode and precision, or an error says why not",
          "[latency]") {
  DeviceInfo table{.device = "cuda: example", .precision = "fp32", .versions = "", .mode = "eager"};
  CHECK(settings_beside(table, {}, "cuda").cuda == Launch::Eager);
  table.mode = "mixed";
  CHECK(settings_beside(table, {}, "cuda").cuda == Launch::Graph);
  CHECK(settings_beside(table, {.cuda = Launch::Graph}, "cuda").cuda == Launch::Graph);
  CHECK(error_of([&] { settings_beside(table, {.cuda = Launch::Eager}, "cuda"); }) ==
        "usage: the latency table was measured with latency.cuda=graph, not eager: set "
        "latency.cuda=graph, or measure another table");
  table.precision = "fp16";
  CHECK(error_of([&] { settings_beside(table, {}, "cuda"); }) ==
        "usage: the latency table was measured with latency.precision=fp16, not fp32: set "
        "latency.precision=fp16, or measure another table");
  CHECK(settings_beside(table, {.precision = TimedPrecision::Fp16}, "cuda").precision ==
        TimedPrecision::Fp16);
  // A table of another kind of device sets no conditions.
  CHECK(settings_beside(table, {}, "cpu").cuda == Launch::Auto);
  table.mode = "";
  CHECK(settings_beside(table, {.cuda = Launch::Eager}, "cuda").cuda == Launch::Eager);
}
