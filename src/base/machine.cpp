#include "hsconas/base/machine.hpp"

#include <chrono>
#include <fstream>
#include <string>
#include <system_error>
#include <thread>

#include "hsconas/base/cpu_load.hpp"
#include "hsconas/base/usable_cpus.hpp"

namespace hsconas {

namespace {

double available_memory() {
  std::ifstream file("/proc/meminfo");
  for (std::string line; std::getline(file, line);) {
    constexpr const char* kName = "MemAvailable:";
    if (line.starts_with(kName)) return 1024.0 * std::stod(line.substr(std::string(kName).size()));
  }
  return -1.0;
}

double free_disk(const std::filesystem::path& folder) {
  std::error_code unknown;
  const auto space = std::filesystem::space(folder, unknown);
  return unknown ? -1.0 : static_cast<double>(space.available);
}

}  // namespace

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
