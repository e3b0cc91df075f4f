#pragma once

#include <filesystem>

#include "hsconas/base/control_groups.hpp"

namespace hsconas {

/// The processors, memory and disk space that a run would find on this machine now. A negative
/// number means that the value could not be found out.
struct Machine {
  int cpus = 1;                   ///< Of the machine.
  int usable_cpus = 1;            ///< See usable_cpus().
  double cpu_quota = 0.0;         ///< See cpu_quota(); infinite without one.
  double busy_cpus = -1.0;        ///< CPUs that other programs keep busy.
  double available_bytes = -1.0;  ///< Memory that programs can still get.
  double free_disk_bytes = -1.0;  ///< On the disk of a folder.
};

/// Bytes that this process can still allocate without others being swapped out, also by the limits
/// of its address space (ulimit -v) and of its control group; negative if that is not known.
double available_memory();

/// Bytes that a process can still allocate before it reaches the memory limit of its control group
/// or of one above, as containers, Kubernetes, Slurm and systemd set it; infinite if there is none.
/// Cached files do not count as used, because the system drops them when memory runs short.
double memory_left(const ControlGroups& groups = {});

/// Looks at this machine and at the disk of `folder`. Takes half a second, for `busy_cpus`.
Machine inspect_machine(const std::filesystem::path& folder);

}  // namespace hsconas
