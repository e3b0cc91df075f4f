#include "hsconas/pipeline/scaling.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "hsconas/config/groups.hpp"
#include "hsconas/report/table.hpp"

namespace hsconas {

namespace {

constexpr double kExchanges = 3.0;  ///< Of which only one carries the gradients.

std::string text_of(ScalingLimit limit) {
  switch (limit) {
    case ScalingLimit::Images:
      return "computing";
    case ScalingLimit::Latency:
      return "latency of the link";
    case ScalingLimit::Bandwidth:
      return "bandwidth of the link";
    case ScalingLimit::Groups:
      return "uneven shares of groups";
  }
  return "";
}

}  // namespace

ScaledStep scaled_step(const SupernetConfig& training, double images_per_second,
                       double gradient_bytes, const Link& link, int processes) {
  const double others = processes - 1;
  ScaledStep step{.processes = processes};
  for (int rank = 0; rank < processes; ++rank) {
    step.images = std::max(step.images, share_of(training, rank, processes).images());
  }
  const double ms_per_image = 1e3 / images_per_second;
  step.compute_ms = step.images * ms_per_image;
  const double latency_ms = kExchanges * 4.0 * others * link.message_us * 1e-3;
  const double transfer_ms =
      2.0 * others / processes * gradient_bytes / (link.gigabytes_per_second * 1e6);
  step.exchange_ms = latency_ms + transfer_ms;
  step.speed_up = training.batch * ms_per_image / step.milliseconds();
  // The largest part of what the step takes longer than with processes that lose no time.
  const double idle_ms =
      step.compute_ms - static_cast<double>(training.batch) / processes * ms_per_image;
  const double most = std::max({latency_ms, transfer_ms, idle_ms});
  constexpr double kMatters = 0.1;  // Of the step.
  if (most < kMatters * step.milliseconds()) {
    step.limit = ScalingLimit::Images;
  } else if (most == idle_ms) {
    step.limit = ScalingLimit::Groups;
  } else {
    step.limit = most == latency_ms ? ScalingLimit::Latency : ScalingLimit::Bandwidth;
  }
  return step;
}

std::string describe_scaling(const std::vector<ScaledStep>& steps) {
  TextTable table({"processes", "images each", "computing ms", "exchange ms", "speed-up",
                   "efficiency", "limited by"});
  for (const ScaledStep& step : steps) {
    table.add({fmt::format("{}", step.processes), fmt::format("{}", step.images),
               fmt::format("{:.1f}", step.compute_ms), fmt::format("{:.1f}", step.exchange_ms),
               fmt::format("{:.1f}", step.speed_up), fmt::format("{:.2f}", step.efficiency()),
               text_of(step.limit)});
  }
  return table.str();
}

}  // namespace hsconas
