#include "hsconas/base/machine.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <fstream>
#include <initializer_list>
#include <limits>
#include <string>
#include <sys/resource.h>
#include <system_error>
#include <thread>
#include <unistd.h>

#include "hsconas/base/cpu_load.hpp"
#include "hsconas/base/usable_cpus.hpp"

namespace hsconas {

namespace {

/// Bytes that the limit of the address space leaves; infinite without a limit.
double left_of_address_space() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) {
    return std::numeric_limits<double>::infinity();
  }
  double pages = 0.0;
  std::ifstream("/proc/self/statm") >> pages;
  return static_cast<double>(limit.rlim_cur) - pages * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

constexpr double kUnlimited = std::numeric_limits<double>::infinity();

/// The number in `file`; `otherwise` if there is none, as in a file that says "max".
double number_in(const std::filesystem::path& file, double otherwise) {
  double number = 0.0;
  return std::ifstream(file) >> number ? number : otherwise;
}

/// The sum of the values of `names` in a file with lines of a name and a value.
double sum_in(const std::filesystem::path& file, std::initializer_list<const char*> names) {
  double sum = 0.0;
  std::ifstream in(file);
  std::string name;
  for (double value = 0.0; in >> name >> value;) {
    if (std::find(names.begin(), names.end(), name) != names.end()) sum += value;
  }
  return sum;
}

/// Bytes that the limit of the control group in `folder` leaves.
double left_in(const std::filesystem::path& folder) {
  // Version 2. Beyond memory.high a process is slowed down until it does hardly anything.
  double limit = std::min(number_in(folder / "memory.max", kUnlimited),
                          number_in(folder / "memory.high", kUnlimited));
  double used = number_in(folder / "memory.current", 0.0);
  double dropped =
      sum_in(folder / "memory.stat", {"inactive_file", "active_file", "slab_reclaimable"});
  if (std::isinf(limit)) {  // Version 1, whose limit is a huge number if there is none.
    limit = number_in(folder / "memory.limit_in_bytes", kUnlimited);
    used = number_in(folder / "memory.usage_in_bytes", 0.0);
    dropped = sum_in(folder / "memory.stat", {"total_inactive_file", "total_active_file"});
  }
  return std::max(0.0, limit - std::max(0.0, used - dropped));
}

double free_disk(const std::filesystem::path& folder) {
  std::error_code unknown;
  const auto space = std::filesystem::space(folder, unknown);
  return unknown ? -1.0 : static_cast<double>(space.available);
}

}  // namespace

double memory_left(const ControlGroups& groups) {
  double left = kUnlimited;
  groups.visit("memory", [&](const std::filesystem::path& folder) {
    left = std::min(left, left_in(folder));
  });
  return left;
}

double available_memory() {
  std::ifstream file("/proc/meminfo");
  for (std::string line; std::getline(file, line);) {
    constexpr const char* kName = "MemAvailable:";
    if (!line.starts_with(kName)) continue;
    const double bytes = 1024.0 * std::stod(line.substr(std::string(kName).size()));
    return std::clamp(std::min(left_of_address_space(), memory_left()), 0.0, bytes);
  }
  return -1.0;
}

Machine inspect_machine(const std::filesystem::path& folder) {
  constexpr std::chrono::milliseconds kLook{500};
  const CpuLoad load;
  std::this_thread::sleep_for(kLook);
  return {.cpus = CpuLoad::cpus(),
          .usable_cpus = usable_cpus(),
          .cpu_quota = cpu_quota(),
          .busy_cpus = load.other_cpus(),
          .available_bytes = available_memory(),
          .free_disk_bytes = free_disk(folder)};
}

}  // namespace hsconas
