#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <span>

#include "hsconas/base/launch.hpp"
#include "hsconas/base/process_group.hpp"
#include "hsconas/cluster/join_group.hpp"

namespace hsconas {

/// The launch of a rank on this machine.
inline ProcessLaunch local_launch(int rank, int size, int port) {
  ProcessLaunch launch;
  launch.launcher = "torchrun";
  launch.rank = rank;
  launch.size = size;
  launch.local_rank = -1;
  launch.local_size = -1;
  launch.address = "127.0.0.1";
  launch.port = port;
  launch.serves_store = rank == 0;
  launch.prefix = "hsconas/test/0";
  return launch;
}

inline JoinOptions quick_options() {
  return {.program = "test",
          .join_timeout = std::chrono::seconds(20),
          .timeout = std::chrono::seconds(20),
          .grace = std::chrono::seconds(10),
          .on_hang = {}};
}

using GroupWork = std::function<void(ProcessGroup&)>;

inline void max_of_one(ProcessGroup& group) {
  std::int32_t value = 0;
  group.max(std::span(&value, 1));
}

}  // namespace hsconas
