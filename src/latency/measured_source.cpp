#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "hsconas/latency/measure.hpp"
#include "hsconas/latency/source.hpp"

namespace hsconas {

namespace {

std::string describe_timing(const Config& config) {
  const LatencyConfig& latency = config.latency;
  const std::string& device = config.latency_device();
  const std::string how = is_cuda(device)
                              ? fmt::format("on {} in {}, {}", device, word_of(latency.precision),
                                            launch_mode(latency, device))
                              : fmt::format("with {} threads on {}", latency.threads, device);
  return fmt::format("batch {} {}", latency.batch, how);
}

LatencyTable measure(const Config& config, const LatencySpace& space,
                     const SourceContext& context) {
  const auto timer = context.open_timer();
  LatencyTable table = measure_table(space.space_of_layers(), *timer, timer->info(), config.latency,
                                     config.seed, context.log, context.stop);
  table.device = timer->info();  // Asked again: now it says whether CUDA graphs could be used.
  if (table.noise.is_disturbed()) {
    context.log.warn(fmt::format(
        "the machine was not quiet while the latency table was measured: a reference block was "
        "slow {:.0f} % of the time, and other processes kept {:.2f} of {:.0f} CPUs busy",
        table.noise.slow_percent, std::max(0.0, table.noise.other_cpus), table.noise.cpus));
  }
  return table;
}

}  // namespace

LatencySource measured_source() {
  return {.name = "measured",
          .meaning = "every block of the space is timed on the device",
          .is_measured = true,
          .describe = describe_timing,
          .make = measure};
}

}  // namespace hsconas
