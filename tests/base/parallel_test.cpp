#include "hsconas/base/parallel.hpp"

#include <atomic>
#include <cfenv>
#include <chrono>
#include <stdexcept>
#include <thread>
#include <vector>

#include "catch.hpp"

using namespace hsconas;

TEST_CASE("every part runs once, on a thread with a valid number", "[base]") {
  for (const int threads : {1, 2, 3, 8}) {
    for (const std::size_t parts :
         {std::size_t{0}, std::size_t{1}, std::size_t{7}, std::size_t{100}}) {
      std::vector<std::atomic<int>> times(parts);
      std::atomic<bool> has_stranger = false;
      in_parallel(threads, parts, [&](std::size_t thread, std::size_t part) {
        ++times[part];
        if (thread >= static_cast<std::size_t>(threads)) has_stranger = true;
      });
      for (const auto& count : times) CHECK(count == 1);
      CHECK_FALSE(has_stranger);
    }
  }
}

TEST_CASE("an exception of a part reaches the caller, and no further parts begin", "[base]") {
  for (const int threads : {1, 2}) {
    std::atomic<int> begun = 0;
    const auto work = [&](std::size_t, std::size_t) {
      ++begun;
      throw std::runtime_error("no memory");
    };
    CHECK_THROWS_AS(in_parallel(threads, 100, work), std::runtime_error);
    CHECK(begun <= threads);
  }
}

TEST_CASE("a parallel region within another runs all of its parts", "[base]") {
  std::atomic<int> count = 0;
  in_parallel(2, 4, [&](std::size_t, std::size_t) {
    in_parallel(2, 5, [&](std::size_t, std::size_t) { ++count; });
  });
  CHECK(count == 20);
}

TEST_CASE("several threads deal out work at the same time", "[base]") {
  constexpr int kCallers = 4;
  constexpr int kCalls = 200;
  std::atomic<int> count = 0;
  {
    std::vector<std::jthread> callers;
    callers.reserve(kCallers);
    for (int caller = 0; caller < kCallers; ++caller) {
      callers.emplace_back([&] {
        for (int call = 0; call < kCalls; ++call) {
          in_parallel(3, 10, [&](std::size_t, std::size_t) { ++count; });
        }
      });
    }
  }
  CHECK(count == kCallers * kCalls * 10);
}

TEST_CASE("no two parts run under the same thread number at the same time", "[base]") {
  constexpr int kThreads = 4;
  std::vector<std::atomic<int>> users(kThreads);
  std::atomic<bool> is_shared = false;
  for (int call = 0; call < 200; ++call) {
    in_parallel(kThreads, 16, [&](std::size_t thread, std::size_t) {
      if (++users[thread] != 1) is_shared = true;
      std::this_thread::yield();
      --users[thread];
    });
  }
  CHECK_FALSE(is_shared);
}

TEST_CASE("all parts are rounded as the calling thread rounds", "[base]") {
  const int before = std::fegetround();
  for (const int mode : {FE_DOWNWARD, FE_TONEAREST}) {
    std::fesetround(mode);
    std::atomic<bool> is_other = false;
    in_parallel(2, 64, [&](std::size_t, std::size_t) {
      if (std::fegetround() != mode) is_other = true;
      std::this_thread::yield();
    });
    CHECK_FALSE(is_other);
  }
  std::fesetround(before);
}

TEST_CASE("a pause of the pool does not lose work that comes later", "[base]") {
  std::atomic<int> count = 0;
  for (int call = 0; call < 5; ++call) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));  // The pool sleeps after 50 us.
    in_parallel(2, 8, [&](std::size_t, std::size_t) { ++count; });
  }
  CHECK(count == 5 * 8);
}

TEST_CASE("a thread knows whether it runs a part", "[base]") {
  CHECK_FALSE(runs_part());
  std::atomic<int> yes = 0;
  in_parallel(2, 6, [&](std::size_t, std::size_t) { yes += runs_part() ? 1 : 0; });
  CHECK(yes == 6);
  CHECK_FALSE(runs_part());
}
