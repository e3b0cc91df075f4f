#include "hsconas/base/usable_cpus.hpp"

#include <cmath>
#include <cstdlib>
#include <limits>
#include <sched.h>
#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "support/example_groups.hpp"

using namespace hsconas;

namespace {

double quota(const ExampleGroups& groups) {
  return cpu_quota(groups.groups());
}

}  // namespace

TEST_CASE("a CPU quota is the smallest of the control group and of those above", "[base]") {
  const ExampleGroups groups("0::/pods/mine\n");
  CHECK(std::isinf(quota(groups)));
  groups.set("pods/mine", "cpu.max", "max 100000\n");
  CHECK(std::isinf(quota(groups)));
  groups.set("pods/mine", "cpu.max", "250000 100000\n");
  CHECK(quota(groups) == 2.5);
  groups.set("pods", "cpu.max", "50000 100000\n");
  CHECK(quota(groups) == 0.5);
  groups.set("others", "cpu.max", "1000 100000\n");
  CHECK(quota(groups) == 0.5);
}

TEST_CASE("a container sees its CPU quota where the control groups are mounted", "[base]") {
  const ExampleGroups groups("0::/../../host/only\n");
  groups.set("", "cpu.max", "150000 100000\n");
  CHECK(quota(groups) == 1.5);
}

TEST_CASE("a CPU quota of version 1 of control groups is read", "[base]") {
  const ExampleGroups groups("7:memory:/a\n4:cpu,cpuacct:/docker/x\n0::/\n");
  groups.set("cpu,cpuacct/docker/x", "cpu.cfs_quota_us", "-1\n");
  groups.set("cpu,cpuacct/docker/x", "cpu.cfs_period_us", "100000\n");
  CHECK(std::isinf(quota(groups)));
  groups.set("cpu,cpuacct/docker/x", "cpu.cfs_quota_us", "300000\n");
  CHECK(quota(groups) == 3.0);
  groups.set("cpu", "cpu.cfs_quota_us", "100000\n");
  groups.set("cpu", "cpu.cfs_period_us", "50000\n");
  CHECK(quota(groups) == 2.0);
}

TEST_CASE("a process that is bound to one CPU uses one", "[base]") {
  cpu_set_t before;
  REQUIRE(::sched_getaffinity(0, sizeof(before), &before) == 0);
  CHECK(usable_cpus() >= 1);
  CHECK(usable_cpus() <= CPU_COUNT(&before));
  cpu_set_t one;
  CPU_ZERO(&one);
  for (int cpu = 0; cpu < CPU_SETSIZE && CPU_COUNT(&one) == 0; ++cpu) {
    if (CPU_ISSET(cpu, &before)) CPU_SET(cpu, &one);
  }
  REQUIRE(::sched_setaffinity(0, sizeof(one), &one) == 0);
  CHECK(usable_cpus() == 1);
  CHECK(threads_for(0) == 1);
  CHECK(threads_for(3) == 3);
  ::sched_setaffinity(0, sizeof(before), &before);
}

TEST_CASE("a task of Slurm uses the CPUs that were asked for, if it is not bound to them",
          "[base]") {
  const int all = usable_cpus();
  for (const auto& [text, expected] : std::vector<std::pair<const char*, int>>{
           {"1", 1}, {"100000", all}, {"0", all}, {"", all}, {"four", all}}) {
    ::setenv("SLURM_CPUS_PER_TASK", text, 1);
    CHECK(usable_cpus() == expected);
  }
  ::unsetenv("SLURM_CPUS_PER_TASK");
}

TEST_CASE("processes of a run share a machine, but not the CPUs that a launcher gave each of them",
          "[base]") {
  constexpr double kNone = std::numeric_limits<double>::infinity();
  CHECK(cpus_of_process(16, 16, kNone, 0, 1) == 16);
  CHECK(cpus_of_process(16, 16, kNone, 0, 4) == 4);
  CHECK(cpus_of_process(16, 16, kNone, 0, 3) == 5);
  CHECK(cpus_of_process(2, 2, kNone, 0, 3) == 1);
  CHECK(cpus_of_process(4, 16, kNone, 0, 4) == 4);   // The launcher has bound each process.
  CHECK(cpus_of_process(16, 16, kNone, 8, 2) == 8);  // Slurm's number is for each task.
  CHECK(cpus_of_process(4, 16, kNone, 8, 2) == 4);
  CHECK(cpus_of_process(16, 16, 6.5, 0, 2) == 3);  // The quota of a container is for all.
  CHECK(cpus_of_process(16, 16, 0.5, 0, 2) == 1);
}

TEST_CASE("share_cpus() divides the machine", "[base]") {
  cpu_set_t cpus;
  REQUIRE(::sched_getaffinity(0, sizeof(cpus), &cpus) == 0);
  const auto all = static_cast<int>(::sysconf(_SC_NPROCESSORS_ONLN));
  for (const int processes : {2, 1000, 1}) {
    share_cpus(processes);
    CHECK(usable_cpus() == cpus_of_process(CPU_COUNT(&cpus), all, cpu_quota(), 0, processes));
  }
}
