#pragma once

#include <filesystem>

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

/// Bytes that this process can still allocate without others being swapped out, also by the limit
/// of its address space (ulimit -v); negative if that is not known.
double available_memory();

/// Looks at this machine and at the disk of `folder`. Takes half a second, for `busy_cpus`.
Machine inspect_machine(const std::filesystem::path& folder);

}  // namespace hsconas
