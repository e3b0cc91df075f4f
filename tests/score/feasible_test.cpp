#include "hsconas/score/feasible.hpp"

#include <regex>
#include <string>

#include <fmt/format.h>

#include "catch.hpp"
#include "support/errors.hpp"
#include "support/limits.hpp"
#include "support/spaces.hpp"

using namespace hsconas;

namespace {

struct BudgetBench {
  explicit BudgetBench(const char* name) : space(shipped_space(name)), latency(space) {}

  std::string error(const LimitsConfig& limits, double target_ms) const {
    return error_of([&] {
      check_budget(space, latency, Subspace::full(space), {.target_ms = target_ms},
                   limits_of(space, limits));
    });
  }
  LatencyRange range() const { return latency_range(latency, Subspace::full(space)); }

  SearchSpace space;
  RandomLatency latency;
};

/// The value that `error` says `key` must be raised to.
double remedy(const std::string& error, const std::string& key) {
  std::string pattern = key;
  pattern += " to at least ([0-9.e+]+)";
  INFO(error);
  std::smatch found;
  REQUIRE(std::regex_search(error, found, std::regex(pattern)));
  return std::stod(found[1]);
}

}  // namespace

TEST_CASE("a limit that no network meets is refused with the smallest that one meets",
          "[score][limits]") {
  const BudgetBench bench("quickstart-32");
  const double target_ms = bench.range().slowest_ms;
  const std::string error = bench.error({.max_params = 1000.0}, target_ms);
  CHECK(contains(error, "infeasible: no architecture meets limits.max_params 1000: raise "));
  const double least = remedy(error, "limits.max_params");
  CHECK(bench.error({.max_params = least}, target_ms) == "nothing");
  CHECK(bench.error({.max_params = least - 1.0}, target_ms) != "nothing");
  const std::string memory = bench.error({.max_memory_mb = 0.001}, target_ms);
  CHECK(contains(memory, "no architecture meets limits.max_memory_mb 0.001: raise "));
  CHECK(bench.error({.max_memory_mb = remedy(memory, "limits.max_memory_mb")}, target_ms) ==
        "nothing");
}

TEST_CASE("limits that exclude each other are both named, each with the value that helps",
          "[score][limits]") {
  for (const char* name : {"quickstart-32", "fbnet", "hsconas-a"}) {
    CAPTURE(name);
    const BudgetBench bench(name);
    // The fewest parameters and the shortest latency exclude each other.
    const std::string alone = bench.error({.max_params = 1.0}, bench.range().slowest_ms);
    const double fewest = remedy(alone, "limits.max_params");
    const std::string slow = bench.error({.max_params = fewest}, bench.range().fastest_ms);
    CHECK(contains(slow, "limits.max_params"));
    CHECK(contains(slow, "and latency.target_ms"));
    CHECK(contains(slow, "together: raise "));
    const double params = remedy(slow, "limits.max_params");
    const double target_ms = remedy(slow, "latency.target_ms");
    CHECK(bench.error({.max_params = params}, bench.range().fastest_ms) == "nothing");
    CHECK(bench.error({.max_params = params - 1.0}, bench.range().fastest_ms) != "nothing");
    CHECK(bench.error({.max_params = fewest}, target_ms) == "nothing");
    CHECK(bench.error({.max_params = fewest}, 0.995 * target_ms) != "nothing");
  }
}

TEST_CASE("a limit that excludes nothing is not named in a conflict of others", "[score][limits]") {
  const BudgetBench bench("quickstart-32");
  const std::string error = bench.error(
      {.max_params = 1000.0, .max_macs = 1e12, .max_memory_mb = 1e3}, bench.range().slowest_ms);
  CHECK(contains(error, "limits.max_params"));
  CHECK_FALSE(contains(error, "limits.max_macs"));
  CHECK_FALSE(contains(error, "limits.max_memory_mb"));
}

TEST_CASE("a budget below the fastest network is told as without limits", "[score][limits]") {
  const BudgetBench bench("quickstart-32");
  const double fastest_ms = bench.range().fastest_ms;
  const std::string error = bench.error({.max_params = 1e9}, 0.5 * fastest_ms);
  CHECK(error == bench.error({}, 0.5 * fastest_ms));
  CHECK(contains(error, "the fastest possible takes"));
}

TEST_CASE("limits are described with their ranges over the space", "[score][limits]") {
  const SearchSpace space = shipped_space("quickstart-32");
  CHECK(describe_limits(space, {}).empty());
  const std::string text =
      describe_limits(space, limits_of(space, {.max_params = 30000.0, .max_memory_mb = 0.5}));
  CHECK(contains(text, "limit: parameters at most 30 k ("));
  CHECK(contains(text, "limit: memory, batch 1 at most 0.5 MB ("));
  CHECK(contains(text, " of random networks keep to all of them\n"));
}
