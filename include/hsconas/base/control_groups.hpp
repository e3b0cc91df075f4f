#pragma once

#include <filesystem>
#include <functional>
#include <string_view>

namespace hsconas {

/// Where the system tells about control groups (cgroups, version 1 or 2), by which containers,
/// Kubernetes, Slurm and systemd limit processes.
struct ControlGroups {
  std::filesystem::path membership = "/proc/self/cgroup";  ///< The groups of a process.
  std::filesystem::path mount = "/sys/fs/cgroup";          ///< Where the groups are mounted.

  /// Calls `visit` with the folder of the process' group for `controller` ("cpu", "memory") and
  /// with those of the groups above it, whose limits hold for it, too. A folder may be missing, and
  /// may come twice.
  void visit(std::string_view controller,
             const std::function<void(const std::filesystem::path& folder)>& each) const;
};

}  // namespace hsconas
