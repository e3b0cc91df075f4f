#pragma once

#include "hsconas/base/control_groups.hpp"

namespace hsconas {

/// CPUs that this process may use at the same time, at least 1: those that it is bound to (taskset,
/// Slurm, cpusets), no more than the environment's SLURM_CPUS_PER_TASK, which not every cluster
/// enforces, and no more than the whole CPUs of its quota. More threads than that would be stopped
/// for part of the time, each of them while the others wait for it.
/// Processes that share the machine, see share_cpus(), get equal parts of it, unless the launcher
/// has bound each of them to CPUs of its own.
int usable_cpus();

/// Tells usable_cpus() how many processes of a run are on this machine. Call it before there are
/// other threads.
void share_cpus(int processes);

/// The part of each of `processes`, at least 1. `bound` CPUs is what a process is bound to, of
/// `all` in the machine, and `quota` what its control group may use; `per_task` is Slurm's number
/// of CPUs per task, 0 if there is none. Slurm's number is already a process' own, and so are the
/// CPUs that it is bound to if these are not the whole machine.
int cpus_of_process(int bound, int all, double quota, int per_task, int processes);

/// The number of threads for a setting, of which 0 means usable_cpus().
int threads_for(int setting);

/// The quota of a process in CPUs, as containers, Kubernetes limits and systemd set it: the
/// smallest of its control group and of those above; infinite if there is none.
double cpu_quota(const ControlGroups& groups = {});

}  // namespace hsconas
