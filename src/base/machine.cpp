#include "hsconas/base/machine.hpp"

#include <algorithm>
#include <chrono>
#include <fstream>
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

double free_disk(const std::filesystem::path& folder) {
  std::error_code unknown;
  const auto space = std::filesystem::space(folder, unknown);
  return unknown ? -1.0 : static_cast<double>(space.available);
}

}  // namespace

double available_memory() {
  std::ifstream file("/proc/meminfo");
  for (std::string line; std::getline(file, line);) {
    constexpr const char* kName = "MemAvailable:";
    if (!line.starts_with(kName)) continue;
    const double bytes = 1024.0 * std::stod(line.substr(std::string(kName).size()));
    return std::clamp(left_of_address_space(), 0.0, bytes);
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
