#include "hsconas/base/cpu_load.hpp"

#include <chrono>
#include <filesystem>
#ifdef __linux__
#include <sched.h>
#endif

#include "catch.hpp"

using namespace hsconas;

TEST_CASE("the load of other programs lies between none and all of the CPUs", "[base]") {
  CHECK(CpuLoad::cpus() >= 1);
  const CpuLoad load;
  // Long enough for several ticks of the counters, which come every 10 ms. The work of this process
  // must not count as that of others.
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(100);
  volatile double sum = 0.0;
  while (std::chrono::steady_clock::now() < end) sum = sum + 1.0;
  const double others = load.other_cpus();
  CHECK(others <= CpuLoad::cpus() + 1.0);
  if (std::filesystem::exists("/proc/stat")) {
    CHECK(others >= 0.0);
  } else {
    CHECK(others < 0.0);
  }
}

#ifdef __linux__
TEST_CASE("a process bound to one CPU still sees how many the machine has", "[base]") {
  cpu_set_t before;
  REQUIRE(::sched_getaffinity(0, sizeof before, &before) == 0);
  const int cpus = CpuLoad::cpus();
  cpu_set_t one;
  CPU_ZERO(&one);
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_COUNT(&one) == 0 && CPU_ISSET(cpu, &before)) CPU_SET(cpu, &one);
  }
  REQUIRE(::sched_setaffinity(0, sizeof one, &one) == 0);
  const int bound = CpuLoad::cpus();
  REQUIRE(::sched_setaffinity(0, sizeof before, &before) == 0);
  CHECK(bound == cpus);
  CHECK(cpus >= CPU_COUNT(&before));
}
#endif

TEST_CASE("the load over no time at all is not NaN", "[base]") {
  for (int i = 0; i < 100; ++i) {
    const double others = CpuLoad().other_cpus();
    CHECK(others == others);  // Not NaN.
  }
}
