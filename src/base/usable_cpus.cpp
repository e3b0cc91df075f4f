#include "hsconas/base/usable_cpus.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <sched.h>
#include <thread>
#include <unistd.h>

namespace hsconas {

namespace {

namespace fs = std::filesystem;

constexpr double kNone = std::numeric_limits<double>::infinity();

/// The quota in the files of the control group `folder`.
double quota_in(const fs::path& folder) {
  double quota = 0.0;
  double period = 0.0;
  std::ifstream both(folder / "cpu.max");  // Version 2: "50000 100000" or "max 100000".
  if (both.is_open()) return both >> quota >> period && period > 0.0 ? quota / period : kNone;
  std::ifstream quota_file(folder / "cpu.cfs_quota_us");  // Version 1: -1 if there is none.
  std::ifstream period_file(folder / "cpu.cfs_period_us");
  const bool is_set = quota_file >> quota && period_file >> period && quota > 0.0 && period > 0.0;
  return is_set ? quota / period : kNone;
}

int bound_cpus() {
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  // The call fails on machines with more than 1024 cores; their number of cores is used instead.
  if (::sched_getaffinity(0, sizeof(cpus), &cpus) == 0) return CPU_COUNT(&cpus);
  return static_cast<int>(std::thread::hardware_concurrency());
}

/// The CPUs that Slurm gave to each task of its job; 0 without Slurm.
int slurm_cpus() {
  const char* text = std::getenv("SLURM_CPUS_PER_TASK");
  return text == nullptr ? 0 : std::max(0, std::atoi(text));
}

int sharing_processes = 1;

}  // namespace

double cpu_quota(const ControlGroups& groups) {
  double quota = kNone;
  groups.visit("cpu", [&](const fs::path& folder) { quota = std::min(quota, quota_in(folder)); });
  return quota;
}

int cpus_of_process(int bound, int all, double quota, int per_task, int processes) {
  constexpr double kMost = 1e6;
  const int within_quota = std::min(bound, static_cast<int>(std::floor(std::min(quota, kMost))));
  if (per_task > 0) return std::max(1, std::min(within_quota, per_task));
  return std::max(1, bound < all ? within_quota : within_quota / processes);
}

void share_cpus(int processes) {
  sharing_processes = processes;
}

int usable_cpus() {
  const auto all = static_cast<int>(::sysconf(_SC_NPROCESSORS_ONLN));
  return cpus_of_process(bound_cpus(), all, cpu_quota(), slurm_cpus(), sharing_processes);
}

int threads_for(int setting) {
  return setting > 0 ? setting : usable_cpus();
}

}  // namespace hsconas
