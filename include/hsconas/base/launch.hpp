#pragma once

#include <map>
#include <string>
#include <vector>

namespace hsconas {

/// How this process was started: alone, or by a launcher as one of several processes that do a run
/// together.
struct ProcessLaunch {
  std::string launcher;  ///< "torchrun", "Open MPI", "srun" or "MPICH"; empty without a launcher.
  int rank = 0;
  int size = 1;
  /// The same among the processes on this host, or -1 if the launcher does not say.
  int local_rank = 0;
  int local_size = 1;
  std::string address;  ///< Of the host that serves the store where the processes meet.
  int port = 0;
  /// Rank 0 serves the store, unless an agent of torchrun already does.
  bool serves_store = false;
  std::string prefix;  ///< Of the keys in the store; another one for every restart of the run.
  std::vector<std::string> interfaces;  ///< Network interfaces to use; empty means choose one.
  std::string warning;                  ///< Empty, or a sentence for the user.
};

/// Reads how this process was started from its environment variables. The first complete set
/// counts: torchrun's, Open MPI's, MPICH's with a local rank, Slurm's, MPICH's. Variables that are
/// empty count as unset. Throws Error(Usage) for an incomplete set, or values that contradict each
/// other.
ProcessLaunch read_launch(const std::map<std::string, std::string>& environment);

/// The first host of a list in Slurm's notation: n001 for "n[001-003,7],gpu5". Throws Error(Usage)
/// for another notation.
std::string first_host(const std::string& list);

}  // namespace hsconas
