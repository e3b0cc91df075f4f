#include "hsconas/base/rng.hpp"

#include <algorithm>
#include <numeric>
#include <set>
#include <vector>

#include "catch.hpp"
#include "hsconas/base/hash.hpp"

using namespace hsconas;

TEST_CASE("a stream gives the same numbers on every machine", "[base]") {
  Rng rng(1, "search");
  const std::vector<std::uint64_t> first{rng.next(), rng.next(), rng.next()};
  CHECK(first == std::vector<std::uint64_t>{16624655289780015060U, 15018031603968562712U,
                                            9875240554059224148U});
  CHECK(fnv1a("") == 0xcbf29ce484222325U);
  CHECK(fnv1a("a") == 0xaf63dc4c8601ec8cU);  // The published test vectors of FNV-1a.
  CHECK(fnv1a("foobar") == 0x85944171f73967e8U);
  CHECK(fingerprint("foobar") == "85944171f73967e8");
}

TEST_CASE("another seed, stream name or index gives another stream", "[base]") {
  std::set<std::uint64_t> first;
  for (const std::uint64_t seed : {0U, 1U, 2U}) {
    for (const char* stream : {"search", "shrink", ""}) {
      for (const std::uint64_t index : {0U, 1U, 2U}) first.insert(Rng(seed, stream, index).next());
    }
  }
  CHECK(first.size() == 27);
}

TEST_CASE("bounded draws stay in range and are uniform", "[base]") {
  Rng rng(3, "test");
  std::vector<int> counts(7);
  for (int i = 0; i < 70000; ++i) ++counts[rng.index(counts.size())];
  for (const int count : counts) CHECK(std::abs(count - 10000) < 500);  // 5 standard deviations
  for (int i = 0; i < 100; ++i) CHECK(rng.below(1) == 0);
  const std::uint64_t huge = (1ULL << 63U) + 1;
  for (int i = 0; i < 100; ++i) CHECK(rng.below(huge) < huge);
}

TEST_CASE("uniform, normal and chance have the expected moments", "[base]") {
  Rng rng(4, "test");
  const int n = 100000;
  double sum = 0.0;
  double normal_sum = 0.0;
  double normal_squares = 0.0;
  int hits = 0;
  for (int i = 0; i < n; ++i) {
    const double u = rng.uniform(2.0, 4.0);
    REQUIRE((u >= 2.0 && u < 4.0));
    sum += u;
    const double z = rng.normal();
    normal_sum += z;
    normal_squares += z * z;
    hits += rng.chance(0.3) ? 1 : 0;
  }
  CHECK(sum / n == Approx(3.0).margin(0.01));
  CHECK(normal_sum / n == Approx(0.0).margin(0.02));
  CHECK(normal_squares / n == Approx(1.0).margin(0.03));
  CHECK(hits == Approx(0.3 * n).margin(800));
  CHECK_FALSE(rng.chance(0.0));
  CHECK(rng.chance(1.0));
}

TEST_CASE("shuffling keeps the items and reaches every order", "[base]") {
  Rng rng(5, "test");
  std::set<std::vector<int>> orders;
  for (int i = 0; i < 500; ++i) {
    std::vector<int> items{0, 1, 2, 3};
    rng.shuffle(std::span(items));
    orders.insert(items);
    std::sort(items.begin(), items.end());
    CHECK(items == std::vector<int>{0, 1, 2, 3});
  }
  CHECK(orders.size() == 24);
}
