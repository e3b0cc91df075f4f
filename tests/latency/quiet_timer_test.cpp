#include "../../src/latency/quiet_timer.hpp"

#include <functional>
#include <limits>
#include <span>
#include <stdexcept>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "support/errors.hpp"
#include "support/fake_timer.hpp"
#include "support/spaces.hpp"

using namespace hsconas;

namespace {

/// A FakeTimer on a machine whose speed depends on the number of timings so far.
class MoodyTimer : public FakeTimer {
 public:
  using Factor = std::function<double(std::size_t call)>;
  explicit MoodyTimer(Factor factor) : factor_(std::move(factor)) {}

  double time_ms(int id, int runs) override {
    const double ms = FakeTimer::time_ms(id, runs);
    return ms * factor_(calls.size());
  }

 private:
  Factor factor_;
};

constexpr double kSampleMs = 0.01;

Block block_of(int op) {
  return tiny_space().block(0, {op, 0});
}

/// A QuietTimer over `timer`, and one block to time with it.
struct Quiet {
  explicit Quiet(FakeTimer& base) : timer(base) { chains.add({&block, 1}); }

  /// Times the block until `timer` has counted `calls` timings.
  std::vector<QuietTimer::Sample> until(std::size_t calls) {
    std::vector<QuietTimer::Sample> samples;
    while (timer.calls.size() < calls) samples.push_back(quiet.time(chains[0], 1));
    return samples;
  }
  std::vector<QuietTimer::Sample> samples(int count) {
    std::vector<QuietTimer::Sample> samples;
    for (int i = 0; i < count; ++i) samples.push_back(quiet.time(chains[0], 1));
    return samples;
  }

  FakeTimer& timer;
  StopToken stop;
  Block reference = block_of(0);
  Block block = block_of(1);
  QuietTimer quiet{timer, reference, kSampleMs, stop};
  PreparedChains chains{quiet};
};

}  // namespace

TEST_CASE("a reference is timed first, and again after every eight timings", "[latency]") {
  FakeTimer timer;
  Quiet one(timer);
  CHECK(one.quiet.noise().reference_ms == FakeTimer::block_ms(one.reference));
  const std::size_t before = timer.calls.size();
  for (std::size_t i = 0; i < 25; ++i) CHECK(one.quiet.time(one.chains[0], 2).reference == i / 8);
  std::vector<std::size_t> of_reference;
  for (std::size_t i = before; i < timer.calls.size(); ++i) {
    if (timer.calls[i].id == one.chains[0]) {
      CHECK(timer.calls[i].runs == 2);
    } else {
      of_reference.push_back(i - before);
    }
  }
  CHECK(of_reference == std::vector<std::size_t>{8, 17, 26});
}

TEST_CASE("timings beside a slow reference are dropped, and the median is the quiet machine's",
          "[latency]") {
  // The machine is slow for the middle fifth of some 400 timings.
  MoodyTimer timer([](std::size_t call) { return call > 160 && call <= 240 ? 1.6 : 1.0; });
  Quiet one(timer);
  const auto samples = one.until(400);
  const auto kept = one.quiet.keep_quiet(samples);
  CHECK(kept.size() < samples.size() - 60);
  CHECK(kept.size() > samples.size() - 120);
  for (const double ms : kept) CHECK(ms == FakeTimer::block_ms(one.block));
  const MachineNoise noise = one.quiet.noise();
  CHECK(noise.reference_ms == FakeTimer::block_ms(one.reference));
  CHECK(noise.reference_spread_percent == Approx(60.0));
  CHECK(noise.slow_percent == Approx(20.0).margin(4.0));
  CHECK(noise.is_disturbed());
}

TEST_CASE("timings of a short disturbance between two references count as slow", "[latency]") {
  // Only the reference after them shows that the machine became slow.
  MoodyTimer timer([](std::size_t call) { return call > 100 && call <= 120 ? 1.5 : 1.0; });
  Quiet one(timer);
  const auto samples = one.until(300);
  std::size_t slow = 0;
  for (const auto& sample : samples) slow += sample.ms > FakeTimer::block_ms(one.block) ? 1 : 0;
  REQUIRE(slow >= 15);
  for (const double ms : one.quiet.keep_quiet(samples)) CHECK(ms == FakeTimer::block_ms(one.block));
}

TEST_CASE("a machine that is always slow counts as quiet", "[latency]") {
  MoodyTimer timer([](std::size_t) { return 2.0; });
  Quiet one(timer);
  const auto samples = one.samples(50);
  CHECK(one.quiet.keep_quiet(samples).size() == 50);
  CHECK(one.quiet.noise().slow_percent == 0.0);
}

TEST_CASE("all timings are kept if more than half were slow, or fewer than three were not",
          "[latency]") {
  MoodyTimer timer([](std::size_t call) { return call > 120 ? 1.6 : 1.0; });
  Quiet one(timer);
  const auto samples = one.until(300);
  CHECK(one.quiet.keep_quiet(samples).size() == samples.size());
  const std::span<const QuietTimer::Sample> all(samples);
  CHECK(one.quiet.keep_quiet(all.subspan(0, 40)).size() == 40);              // All quiet.
  CHECK(one.quiet.keep_quiet(all.subspan(samples.size() - 2)).size() == 2);  // All slow.
  const std::vector<QuietTimer::Sample> three{samples[0], samples[1], samples.back()};
  CHECK(one.quiet.keep_quiet(three).size() == 3);  // Two quiet ones are too few.
  const std::vector<QuietTimer::Sample> four{samples[0], samples[1], samples[2], samples.back()};
  CHECK(one.quiet.keep_quiet(four).size() == 3);
  CHECK(one.quiet.keep_quiet({}).empty());
}

TEST_CASE("noise of a few percent drops nothing", "[latency]") {
  FakeTimer timer({.noise = 0.05});
  Quiet one(timer);
  const auto samples = one.samples(400);
  CHECK(one.quiet.keep_quiet(samples).size() == 400);
  const MachineNoise noise = one.quiet.noise();
  CHECK(noise.slow_percent == 0.0);
  CHECK(noise.reference_spread_percent > 1.0);
  CHECK(noise.reference_spread_percent < 8.0);
  CHECK(noise.cpus >= 1.0);
}

TEST_CASE("the number of runs makes a timing last as long as asked for, and not much longer",
          "[latency]") {
  FakeTimer timer;
  Quiet one(timer);
  const double ms = FakeTimer::block_ms(one.block);
  for (const double sample_ms : {0.0, 0.5 * ms, ms, 3.0 * ms, 1000.0 * ms}) {
    const int runs = one.quiet.choose_runs(one.chains[0], sample_ms);
    CHECK(runs >= 1);
    CHECK(runs * ms >= sample_ms);
    CHECK((runs == 1 || runs * ms <= 1.2 * sample_ms + ms));
  }
}

TEST_CASE("chains are released whenever the timer throws", "[latency]") {
  class ThrowingTimer : public FakeTimer {
   public:
    explicit ThrowingTimer(std::size_t at) : at_(at) {}
    double time_ms(int id, int runs) override {
      if (calls.size() + 1 == at_) throw std::runtime_error("out of memory");
      return FakeTimer::time_ms(id, runs);
    }
    int prepare(std::span<const Block> chain) override {
      if (prepared_++ == 3) throw std::runtime_error("no room");
      return FakeTimer::prepare(chain);
    }

   private:
    std::size_t at_;
    int prepared_ = 0;
  };
  const StopToken stop;
  const Block block = block_of(1);
  for (std::size_t at = 1; at <= 40; ++at) {
    ThrowingTimer timer(at);
    CHECK_THROWS_AS(
        [&] {
          QuietTimer quiet(timer, block_of(0), kSampleMs, stop);
          PreparedChains chains(quiet);
          chains.add({&block, 1});
          chains.add({&block, 1});
          for (int i = 0; i < 10; ++i) quiet.time(chains[0], 1);
          chains.add({&block, 1});  // Throws here at the latest.
        }(),
        std::runtime_error);
    CHECK(timer.ready() == 0);
  }
}

TEST_CASE("a stop or an invalid time ends the timing and frees the device", "[latency]") {
  const Block block = block_of(0);
  StopToken stop;
  stop.request();
  FakeTimer timer;
  CHECK(contains(error_of([&] { QuietTimer quiet(timer, block, kSampleMs, stop); }),
                 "interrupted: "));
  CHECK(timer.ready() == 0);
  const StopToken go_on;
  for (const double answer :
       {-1.0, std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    MoodyTimer broken([answer](std::size_t) { return answer; });
    CHECK(contains(error_of([&] { QuietTimer quiet(broken, block, kSampleMs, go_on); }),
                   "device: the device's timer gave "));
    CHECK(broken.ready() == 0);
  }
}
