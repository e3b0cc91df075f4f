#include "hsconas/base/cpu_load.hpp"

#include <algorithm>
#include <fstream>
#include <string>
#include <sys/resource.h>
#include <unistd.h>

namespace hsconas {

namespace {

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
}

}  // namespace

CpuLoad::CpuLoad() : start_(now()), begin_(std::chrono::steady_clock::now()) {}

CpuLoad::Seconds CpuLoad::now() {
  Seconds result;
  std::ifstream file("/proc/stat");
  std::string cpu;
  // user nice system idle iowait irq softirq steal; time for guests is part of user already.
  double user = 0.0, nice = 0.0, system = 0.0, idle = 0.0, iowait = 0.0, irq = 0.0, softirq = 0.0,
         steal = 0.0;
  if (file >> cpu >> user >> nice >> system >> idle >> iowait >> irq >> softirq >> steal) {
    const double ticks = user + nice + system + irq + softirq + steal;
    result.machine = ticks / static_cast<double>(::sysconf(_SC_CLK_TCK));
  }
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  result.own = seconds(usage.ru_utime) + seconds(usage.ru_stime);
  return result;
}

double CpuLoad::other_cpus() const {
  const Seconds end = now();
  const double elapsed =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
  if (start_.machine < 0.0 || end.machine < 0.0 || elapsed <= 0.0) return -1.0;
  const double others = (end.machine - start_.machine) - (end.own - start_.own);
  // The kernel counts in ticks, which a short time does not contain a whole number of.
  return std::clamp(others / elapsed, 0.0, static_cast<double>(cpus()));
}

int CpuLoad::cpus() {
  // std::thread::hardware_concurrency() would count only the CPUs that this process is bound to.
  return std::max(1, static_cast<int>(::sysconf(_SC_NPROCESSORS_ONLN)));
}

}  // namespace hsconas
