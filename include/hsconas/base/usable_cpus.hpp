#pragma once

#include "hsconas/base/control_groups.hpp"

namespace hsconas {

/// CPUs that this process may use at the same time, at least 1: those that it is bound to (taskset,
/// Slurm, cpusets), no more than the environment's SLURM_CPUS_PER_TASK, which not every cluster
/// enforces, and no more than the whole CPUs of its quota. More threads than that would be stopped
/// for part of the time, each of them while the others wait for it.
int usable_cpus();

/// The number of threads for a setting, of which 0 means usable_cpus().
int threads_for(int setting);

/// The quota of a process in CPUs, as containers, Kubernetes limits and systemd set it: the
/// smallest of its control group and of those above; infinite if there is none.
double cpu_quota(const ControlGroups& groups = {});

}  // namespace hsconas
