#include "hsconas/data/parallel.hpp"

#include <atomic>
#include <sched.h>
#include <stdexcept>
#include <thread>
#include <vector>

#include "catch.hpp"

using namespace hsconas;

TEST_CASE("every item is processed exactly once, with any number of threads", "[data]") {
  for (const int workers : {1, 2, 7}) {
    for (const std::int64_t count : {0, 1, 16, 1000}) {
      std::vector<std::atomic<int>> visits(static_cast<std::size_t>(count));
      parallel_for(count, workers, [&](std::int64_t i) { ++visits[static_cast<std::size_t>(i)]; });
      int once = 0;
      for (const auto& visit : visits) once += visit == 1 ? 1 : 0;
      CHECK(once == count);
    }
  }
}

TEST_CASE("an exception from a thread reaches the caller", "[data]") {
  const auto work = [](std::int64_t i) {
    if (i == 500) throw std::runtime_error("item 500");
  };
  CHECK_THROWS_WITH(parallel_for(1000, 3, work), "item 500");
}

TEST_CASE("0 workers means one per core that the process may run on", "[data]") {
  CHECK(resolve_workers(3) == 3);
  CHECK(resolve_workers(0) >= 1);
  int on_one_core = 0;
  std::thread([&] {
    cpu_set_t allowed;
    CPU_ZERO(&allowed);
    REQUIRE(::sched_getaffinity(0, sizeof(allowed), &allowed) == 0);
    int core = 0;
    while (!CPU_ISSET(core, &allowed)) ++core;
    CPU_ZERO(&allowed);
    CPU_SET(core, &allowed);
    REQUIRE(::sched_setaffinity(0, sizeof(allowed), &allowed) == 0);
    on_one_core = resolve_workers(0);
  }).join();
  CHECK(on_one_core == 1);
}
