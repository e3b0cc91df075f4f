#include "hsconas/base/usable_cpus.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <sched.h>
#include <thread>

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

/// The CPUs that Slurm gave to each task of its job.
int slurm_cpus() {
  const char* text = std::getenv("SLURM_CPUS_PER_TASK");
  const int cpus = text == nullptr ? 0 : std::atoi(text);
  return cpus > 0 ? cpus : std::numeric_limits<int>::max();
}

}  // namespace

double cpu_quota(const ControlGroups& groups) {
  double quota = kNone;
  groups.visit("cpu", [&](const fs::path& folder) { quota = std::min(quota, quota_in(folder)); });
  return quota;
}

int usable_cpus() {
  const double quota = std::min(cpu_quota(), 1e6);
  return std::max(1, std::min({bound_cpus(), slurm_cpus(), static_cast<int>(std::floor(quota))}));
}

int threads_for(int setting) {
  return setting > 0 ? setting : usable_cpus();
}

}  // namespace hsconas
