#include "hsconas/score/limits.hpp"

#include <algorithm>
#include <vector>

#include <nlohmann/json.hpp>

#include "catch.hpp"
#include "hsconas/config/config_file.hpp"
#include "hsconas/space/activation_memory.hpp"
#include "support/errors.hpp"
#include "support/fake_latency.hpp"
#include "support/limits.hpp"
#include "support/spaces.hpp"

using namespace hsconas;

TEST_CASE("limited quantities are the network's own, for every network", "[score][limits]") {
  for (const char* name : {"hsconas-a", "fbnet", "quickstart-32"}) {
    const SearchSpace space = shipped_space(name);
    const NetworkLimits limits(
        space, {.max_params = 1.0, .max_macs = 1.0, .max_memory_mb = 1.0, .memory_value_bytes = 2},
        16, {});
    REQUIRE(limits.all().size() == 3);
    const FakeLatency model(space);
    const NetworkLimit latency = latency_limit(space, model, 5.0, 0.1);
    CHECK(latency.bound == Approx(5.5));
    const Subspace full = Subspace::full(space);
    Rng rng(1, "test");
    for (int i = 0; i < 50; ++i) {
      const Architecture arch = sample(full, rng);
      const Cost cost = space.cost(arch);
      const std::vector<double> values = limits.values(arch);
      CHECK(values[0] == static_cast<double>(cost.parameters()));
      CHECK(values[1] == static_cast<double>(cost.macs));
      CHECK(values[2] == Approx(memory_mb(space, arch, 16, 2)));
      CHECK(values[2] ==
            Approx(16 * 2 * 1e-6 * static_cast<double>(peak_activations(space.network(arch)))));
      CHECK(latency.value(arch) == Approx(model.predict_ms(arch)));
      CHECK(limits.values(space.canonical(arch)) == values);
    }
  }
}

TEST_CASE("limits and extremes of latencies are right where predictions are 0", "[score][limits]") {
  // A table has such sums if its correction was fitted to disturbed measurements.
  struct Shifted : LatencyModel {
    FakeLatency model;
    double shift;
    Shifted(const SearchSpace& space, double ms) : model(space), shift(ms) {}
    double predict_ms(const Architecture& arch) const override {
      return std::max(sum_ms(arch), 0.0);
    }
    double sum_ms(const Architecture& arch) const override {
      return model.predict_ms(arch) - shift;
    }
  };
  const SearchSpace space = shipped_space("quickstart-32");
  const Subspace full = Subspace::full(space);
  const LatencyRange range = latency_range(FakeLatency(space), full);
  const double shift = 0.3 * range.fastest_ms + 0.7 * range.slowest_ms;
  const Shifted model(space, shift);
  CHECK(latency_range(model, full).slowest_ms == Approx(range.slowest_ms - shift));
  CHECK(latency_range(model, full).fastest_ms == 0.0);
  const NetworkLimit limit = latency_limit(space, model, 1.0, 0.0);
  Rng rng(1, "test");
  for (int i = 0; i < 200; ++i) {
    const Architecture arch = sample(full, rng);
    CHECK(limit.value(arch) == Approx(model.predict_ms(arch)).margin(1e-9));
  }
}

TEST_CASE("a violation is the sum of relative excesses, and 0 exactly inside", "[score][limits]") {
  const SearchSpace space = shipped_space("quickstart-32");
  const Subspace full = Subspace::full(space);
  Rng rng(1, "test");
  for (int i = 0; i < 200; ++i) {
    const Architecture arch = sample(full, rng);
    const auto params = static_cast<double>(space.cost(arch).parameters());
    const auto macs = static_cast<double>(space.cost(arch).macs);
    const double memory = memory_mb(space, arch, 1, 4);
    const auto violation = [&](double p, double m, double mb) {
      return limits_of(space, {.max_params = p, .max_macs = m, .max_memory_mb = mb})
          .violation(arch);
    };
    CHECK(violation(params, macs, memory * 1.000001) == 0.0);
    CHECK(violation(params - 1.0, macs, 1e3) > 0.0);
    CHECK(violation(params, macs - 1.0, 1e3) > 0.0);
    CHECK(violation(params, macs, memory * 0.999999) > 0.0);
    CHECK(violation(params / 1.5, macs / 2.0, memory / 3.0) == Approx(0.5 + 1.0 + 2.0));
    CHECK(violation(0.0, 0.0, 0.0) == 0.0);
  }
  CHECK(NetworkLimits().empty());
  CHECK(NetworkLimits().violation(sample(full, rng)) == 0.0);
}

TEST_CASE("memory is for a batch of the latency table unless limits.memory_batch says otherwise",
          "[score][limits]") {
  const SearchSpace space = tiny_space();
  const Architecture arch = space.uniform(0);
  const auto at = [&](int memory_batch, int table_batch) {
    const LimitsConfig config{.max_memory_mb = 1.0, .memory_batch = memory_batch};
    return NetworkLimits(space, config, table_batch, {}).values(arch).front();
  };
  CHECK(at(0, 16) == Approx(16.0 * at(0, 1)));
  CHECK(at(4, 16) == Approx(4.0 * at(0, 1)));
}

TEST_CASE("a table that limits networks must fit the space, and names its key", "[score][limits]") {
  const SearchSpace space = tiny_space();
  const std::vector<LimitTable> tables{{.name = "phone", .table = {}, .max_ms = 1.0}};
  const std::string error = error_of([&] { NetworkLimits(space, {}, 1, tables); });
  CHECK(contains(error, "data: limits.tables.phone.table: "));
}

TEST_CASE("limits that have no effect or no meaning are refused", "[config][limits]") {
  const auto error_with = [](const nlohmann::json& limits) {
    Config config;
    config.space = tiny_description();
    nlohmann::json source = to_json(config);
    source["limits"] = limits;
    return error_of([&] { read_config(source); });
  };
  CHECK(error_with({{"max_params", 1.2e6}}) == "nothing");
  CHECK(contains(error_with({{"max_params", -1}}), "limits.max_params must be"));
  CHECK(contains(error_with({{"memory_batch", 4}}), "have no effect without limits.max_memory_mb"));
  CHECK(error_with({{"memory_batch", 4}, {"max_memory_mb", 2}}) == "nothing");
  CHECK(contains(error_with({{"tables", {{"phone", {{"max_ms", 2}}}}}}),
                 "limits.tables.phone needs both table, a file, and max_ms above 0"));
  CHECK(contains(error_with({{"tables", {{"my phone", {{"max_ms", 2}}}}}}),
                 "limits.tables cannot hold the name 'my phone'"));
  CHECK(contains(error_with({{"tables", {{"phone", {{"max", 2}}}}}}), "limits.tables.phone.max"));
  CHECK(contains(error_with({{"tables", 3}}), "limits.tables must be an object"));
}

TEST_CASE("a search on known accuracies takes no limits", "[config][limits]") {
  Config config;
  config.space = tiny_description();
  config.score.accuracies = "known.csv";
  config.limits.max_macs = 1e6;
  CHECK(contains(error_of([&] { read_config(to_json(config)); }),
                 "the section limits has no effect on a search on known accuracies"));
}

TEST_CASE("a config with tables reads back as it was written", "[config][limits]") {
  Config config;
  config.space = tiny_description();
  config.limits = {.max_macs = 5e6,
                   .max_memory_mb = 0.5,
                   .memory_batch = 8,
                   .tables = {{.name = "a", .table = "/t/a.json", .max_ms = 3.0},
                              {.name = "b", .table = "/t/b.csv", .max_ms = 0.25}}};
  const nlohmann::json written = to_json(config);
  CHECK(written.at("limits").at("tables").at("b").at("max_ms") == 0.25);
  const Config read = read_config(written);
  CHECK(to_json(read) == written);
  CHECK(read.limits.tables.size() == 2);
  CHECK(read.limits.any());
}
