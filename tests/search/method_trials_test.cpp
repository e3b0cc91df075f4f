#include "hsconas/search/method_trials.hpp"

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "catch.hpp"
#include "hsconas/base/files.hpp"
#include "hsconas/base/statistics.hpp"
#include "hsconas/config/config_file.hpp"
#include "hsconas/search/methods.hpp"
#include "support/errors.hpp"
#include "support/known_table.hpp"
#include "support/reference_data.hpp"
#include "support/skip.hpp"
#include "support/spaces.hpp"
#include "support/temporary_folder.hpp"

using namespace hsconas;
using nlohmann::json;

namespace {

struct Truth {
  TemporaryFolder folder;
  Log log{Verbosity::Quiet, false};
  StopToken stop;
  json source;

  Truth() {
    write_known_table(folder / "table.csv");
    source = known_config(folder / "table.csv");
  }
};

/// Evaluations until the top thousandth over `seeds` seeds; `most` + 1 where it is not reached.
std::vector<double> efforts(KnownNetworks& known, const Config& config, std::size_t most,
                            int seeds) {
  const StopToken stop;
  const KnownOptimum optimum = known_optimum(known, config.search.latency_tolerance);
  std::vector<double> result;
  for (int seed = 0; seed < seeds; ++seed) {
    const MethodTrial trial =
        run_trial(known, config, static_cast<std::uint64_t>(seed), most, optimum, stop);
    result.push_back(static_cast<double>(trial.until_top == 0 ? most + 1 : trial.until_top));
  }
  return result;
}

}  // namespace

TEST_CASE("the known optimum counts the networks inside the latency tolerance", "[search]") {
  Truth truth;
  const KnownNetworks all(read_config(truth.source), truth.log, truth.stop);
  const KnownOptimum free = known_optimum(all, 0.05);
  CHECK(free.networks == 81);
  CHECK(free.top == 1);
  CHECK(free.best_score == Approx(0.50 + 0.02 * (1.0 + 1.7 + 1.7 * 1.7 + 1.7 * 1.7 * 1.7)));
  CHECK(free.best_reported == Approx(free.best_score + 0.01));
  truth.source["latency"] = {{"column", "ms"}, {"target_ms", 3.0}};
  const KnownNetworks near(read_config(truth.source), truth.log, truth.stop);
  const KnownOptimum limited = known_optimum(near, 0.05);
  CHECK(limited.networks == 4 + 1);  // Operator 2 once, or operator 1 four times.
  CHECK(limited.best_score < free.best_score);
}

TEST_CASE("a trial follows the best network so far and repeats with its seed", "[search]") {
  Truth truth;
  for (const SearchMethod& method : search_methods()) {
    INFO(method.name);
    truth.source["search"]["method"] = method.name;
    const Config config = read_config(truth.source);
    KnownNetworks known(config, truth.log, truth.stop);
    const KnownOptimum optimum = known_optimum(known, config.search.latency_tolerance);
    const MethodTrial first = run_trial(known, config, 3, 35, optimum, truth.stop);
    const MethodTrial again = run_trial(known, config, 3, 35, optimum, truth.stop);
    CHECK(first.best_score == again.best_score);
    CHECK(first.reported == again.reported);
    CHECK(first.until_best == again.until_best);
    REQUIRE(first.best_score.size() <= 35);
    CHECK(std::is_sorted(first.best_score.begin(), first.best_score.end()));
    CHECK(first.reported.back() == Approx(first.best_score.back() + 0.01));
    if (first.until_top > 0) {
      CHECK(first.best_score[first.until_top - 1] >= optimum.top_score - 1e-12);
      CHECK((first.until_top == 1 || first.best_score[first.until_top - 2] < optimum.top_score));
    }
  }
}

TEST_CASE("a search of all networks finds the best one", "[search]") {
  Truth truth;
  truth.source["search"]["method"] = "random";
  const Config config = read_config(truth.source);
  KnownNetworks known(config, truth.log, truth.stop);
  const KnownOptimum optimum = known_optimum(known, 0.05);
  const MethodTrial trial = run_trial(known, config, 0, 200, optimum, truth.stop);
  CHECK(trial.best_score.size() == 81);
  CHECK(trial.best_score.back() == optimum.best_score);
  CHECK(trial.until_best > 0);
}

TEST_CASE("a Bayesian search follows what embeddings say beside the genes", "[search]") {
  Truth truth;
  truth.source["search"]["method"] = "bayesian";
  // Accuracies of which the genes say nothing.
  std::string table = "ops,acc,full\n";
  const SearchSpace space(read_space(small_cell()));
  for (int i = 0; const Architecture& arch : enumerate(Subspace::full(space))) {
    const int accuracy = (37 * i++ % 81) + 10;
    table += fmt::format("{},{},{}\n", space.encode(arch), accuracy, accuracy);
  }
  write_file(truth.folder / "table.csv", table);
  const Config config = read_config(truth.source);
  KnownNetworks known(config, truth.log, truth.stop);
  const KnownOptimum optimum = known_optimum(known, 0.05);
  /// Evaluations until the best network of all seeds together.
  const auto needed = [&](const Embeddings* embeddings) {
    std::size_t sum = 0;
    for (std::uint64_t seed = 0; seed < 10; ++seed) {
      sum += run_trial(known, config, seed, 81, optimum, truth.stop, embeddings).until_best;
    }
    return sum;
  };
  const auto embedded = [&](const std::function<double(const Architecture&)>& value) {
    std::string csv = "arch,e1\n";
    for (const Architecture& arch : known.networks()) {
      csv += fmt::format("{},{}\n", known.space().encode(arch), value(arch));
    }
    write_file(truth.folder / "e.csv", csv);
    const auto embeddings = known.load_embeddings((truth.folder / "e.csv").string());
    return needed(&*embeddings);
  };
  const std::size_t alone = needed(nullptr);
  CHECK(embedded([](const Architecture&) { return 1.0; }) == alone);
  const auto accuracy = [&](const Architecture& arch) { return known.accuracies().accuracy(arch); };
  CHECK(2 * embedded(accuracy) < alone);
}

TEST_CASE("embeddings must be there for all known networks", "[search]") {
  Truth truth;
  const KnownNetworks known(read_config(truth.source), truth.log, truth.stop);
  CHECK_FALSE(known.load_embeddings("").has_value());
  write_file(truth.folder / "few.csv", "arch,e1\n0000,1\n");
  CHECK(contains(error_of([&] { known.load_embeddings((truth.folder / "few.csv").string()); }),
                 "has no embedding of network 0001"));
}

TEST_CASE(
    "random search and evolution need as many evaluations on NAS-Bench-201 as independent "
    "implementations",
    "[search][data]") {
  const auto file = reference_data("nas_bench_201/nb201.csv.gz");
  if (!file) return skip_test(no_reference_data("nas_bench_201/nb201.csv.gz"));
  Config config = load_config(
      source_folder() / "configs/nas-bench-201.json",
      {"score.accuracies=" + file->string(), "search.population=50", "search.parents=10"});
  Log log(Verbosity::Quiet, false);
  const StopToken stop;
  KnownNetworks known(config, log, stop);
  CHECK(known_optimum(known, 0.05).top == 16);
  const auto evolution = efforts(known, config, 500, 30);
  CHECK(median(evolution) > 100);  // 125 there.
  CHECK(median(evolution) < 150);
  config.search.method = "random";
  const auto random = efforts(known, config, 500, 30);
  CHECK(median(random) > 400);
  CHECK(mann_whitney_p(evolution, random) < 0.001);
}
