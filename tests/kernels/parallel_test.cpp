#include "hsconas/kernels/parallel.hpp"

#include <atomic>
#include <stdexcept>
#include <vector>

#include "catch.hpp"

using namespace hsconas;

TEST_CASE("every part runs once, on a thread with a valid number", "[kernels]") {
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

TEST_CASE("an exception of a part reaches the caller, and no further parts begin", "[kernels]") {
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

TEST_CASE("a parallel region within another runs all of its parts", "[kernels]") {
  std::atomic<int> count = 0;
  in_parallel(2, 4, [&](std::size_t, std::size_t) {
    in_parallel(2, 5, [&](std::size_t, std::size_t) { ++count; });
  });
  CHECK(count == 20);
}
