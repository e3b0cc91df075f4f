#include "hsconas/pipeline/run_devices.hpp"

#include <fmt/format.h>

#include "hsconas/config/groups.hpp"
#include "hsconas/kernels/conv_kernels.hpp"
#include "hsconas/supernet/device.hpp"

namespace hsconas {

void check_run_devices(const Config& config, ProcessGroup& group, Log& log) {
  const auto device = open_device(config.device.type);
  if (group.size() == 1) return;
  const std::string kind =
      fmt::format("{}, {} kernels", describe_device(device), conv_kernels().front().isa);
  if (check_equal_devices(group, kind, config.cluster.mixed)) {
    log.warn(
        "the processes of this run compute on different kinds of devices: the result depends "
        "on which of them computes what");
  }
}

}  // namespace hsconas
