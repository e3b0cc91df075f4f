#include "hsconas/pipeline/scaling.hpp"

#include <vector>

#include "catch.hpp"
#include "support/errors.hpp"

using namespace hsconas;

namespace {

constexpr double kImagesPerSecond = 300.0;
constexpr double kGradientBytes = 8.3e6;

SupernetConfig training(int batch, int groups) {
  SupernetConfig config;
  config.batch = batch;
  config.groups = groups;
  return config;
}

ScaledStep step_of(int processes, const Link& link = {}, int batch = 1024, int groups = 1024) {
  return scaled_step(training(batch, groups), kImagesPerSecond, kGradientBytes, link, processes);
}

}  // namespace

TEST_CASE("one process exchanges nothing and has a speed-up of 1", "[pipeline]") {
  const ScaledStep step = step_of(1);
  CHECK(step.images == 1024);
  CHECK(step.exchange_ms == 0.0);
  CHECK(step.speed_up == Approx(1.0));
  CHECK(step.limit == ScalingLimit::Images);
}

TEST_CASE("a step waits for the messages and the bytes of its exchanges", "[pipeline]") {
  // 25-Gigabit Ethernet: 3 x 4 x 7 messages of 60 us, and 2 x 7 / 8 x 8.3 MB at 2.8 GB/s.
  const ScaledStep step = step_of(8, {.gigabytes_per_second = 2.8, .message_us = 60});
  CHECK(step.compute_ms == Approx(128 / 0.3));
  CHECK(step.exchange_ms == Approx(5.04 + 5.1875));
  CHECK(step.efficiency() == Approx(0.977).margin(0.001));
}

TEST_CASE("a perfect link gives a perfect speed-up if the shares are even", "[pipeline]") {
  const Link perfect{.gigabytes_per_second = 1e12, .message_us = 0.0};
  for (const int processes : {1, 2, 4, 64, 1024}) {
    CHECK(step_of(processes, perfect).speed_up == Approx(processes));
  }
}

TEST_CASE("the process with the most groups determines the time", "[pipeline]") {
  const Link perfect{.gigabytes_per_second = 1e12, .message_us = 0.0};
  const ScaledStep step = step_of(3, perfect, 64, 4);
  CHECK(step.images == 32);
  CHECK(step.speed_up == Approx(2.0));
  CHECK(step.limit == ScalingLimit::Groups);
}

TEST_CASE("the limit is what costs the most time", "[pipeline]") {
  CHECK(step_of(1000, {.gigabytes_per_second = 1e12, .message_us = 60}, 1000, 1000).limit ==
        ScalingLimit::Latency);
  CHECK(step_of(4, {.gigabytes_per_second = 0.01, .message_us = 1}).limit ==
        ScalingLimit::Bandwidth);
  CHECK(step_of(4, {.gigabytes_per_second = 100, .message_us = 1}).limit == ScalingLimit::Images);
}

TEST_CASE("more processes never make a step's computing longer", "[pipeline]") {
  double before = 1e9;
  for (int processes = 1; processes <= 64; ++processes) {
    const double now = step_of(processes, {}, 1024, 64).compute_ms;
    CHECK(now <= before);
    before = now;
  }
}

TEST_CASE("the table has a line for each number of processes", "[pipeline]") {
  const std::string text = describe_scaling({step_of(1), step_of(1000, {}, 1000, 1000)});
  CHECK(contains(text, "limited by"));
  CHECK(contains(text, "latency of the link"));
  CHECK(contains(text, "1024"));
}
