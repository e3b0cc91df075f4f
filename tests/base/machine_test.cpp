#include "hsconas/base/machine.hpp"

#include <cmath>

#include "catch.hpp"
#include "support/example_groups.hpp"

using namespace hsconas;

TEST_CASE("the memory left is the least of the control group and of those above", "[base]") {
  const ExampleGroups groups("0::/pods/mine\n");
  const auto left = [&] { return memory_left(groups.groups()); };
  CHECK(std::isinf(left()));
  groups.set("pods/mine", "memory.max", "max\n");
  groups.set("pods/mine", "memory.current", "700\n");
  CHECK(std::isinf(left()));
  groups.set("pods/mine", "memory.max", "1000\n");
  CHECK(left() == 300.0);
  groups.set("pods", "memory.max", "5000\n");
  groups.set("pods", "memory.current", "4900\n");
  CHECK(left() == 100.0);
  groups.set("others", "memory.max", "10\n");
  CHECK(left() == 100.0);
  groups.set("pods", "memory.current", "6000\n");  // As just after the limit was lowered.
  CHECK(left() == 0.0);
}

TEST_CASE("cached files of a control group do not count as used memory", "[base]") {
  const ExampleGroups groups("0::/a\n");
  const auto left = [&] { return memory_left(groups.groups()); };
  groups.set("a", "memory.max", "1000\n");
  groups.set("a", "memory.current", "900\n");
  groups.set("a", "memory.stat",
             "anon 300\nfile 590\nshmem 90\ninactive_file 400\nactive_file 100\n"
             "slab_reclaimable 7\nslab_unreclaimable 3\n");
  CHECK(left() == 1000.0 - (900.0 - 507.0));
  groups.set("a", "memory.high", "800\n");
  CHECK(left() == 800.0 - (900.0 - 507.0));
}

TEST_CASE("a container sees its memory limit where the control groups are mounted", "[base]") {
  const ExampleGroups groups("0::/../../host/only\n");
  groups.set("", "memory.max", "4096\n");
  groups.set("", "memory.current", "96\n");
  CHECK(memory_left(groups.groups()) == 4000.0);
}

TEST_CASE("a memory limit of version 1 of control groups is read", "[base]") {
  const ExampleGroups groups("7:memory:/docker/x\n4:cpu,cpuacct:/docker/x\n0::/\n");
  const auto left = [&] { return memory_left(groups.groups()); };
  groups.set("memory", "memory.limit_in_bytes", "9223372036854771712\n");
  groups.set("memory", "memory.usage_in_bytes", "5000\n");
  CHECK(left() > 1e18);
  groups.set("memory/docker/x", "memory.limit_in_bytes", "1000\n");
  groups.set("memory/docker/x", "memory.usage_in_bytes", "900\n");
  groups.set("memory/docker/x", "memory.stat",
             "inactive_file 1\ntotal_inactive_file 200\ntotal_active_file 50\n");
  CHECK(left() == 350.0);
}

TEST_CASE("this process's available memory is within the limit of its control group", "[base]") {
  const double available = available_memory();
  CHECK(available > 0.0);
  CHECK(available <= memory_left() + 1e8);  // It changes meanwhile.
}
