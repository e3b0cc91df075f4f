#include "hsconas/report/method_table.hpp"

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "catch.hpp"
#include "hsconas/base/csv.hpp"
#include "support/errors.hpp"

using namespace hsconas;

namespace {

/// A trial of `evaluations` evaluations that reaches the top, and the best, after `until` of them.
MethodTrial trial(std::uint64_t seed, std::size_t until, std::size_t evaluations) {
  MethodTrial result{.seed = seed, .best_score = {}, .reported = {}};
  for (std::size_t i = 1; i <= evaluations; ++i) {
    const bool is_there = until != 0 && i >= until;
    result.best_score.push_back(is_there ? 0.9 : 0.8);
    result.reported.push_back(is_there ? 0.95 : 0.85);
  }
  result.until_top = until;
  result.until_best = until;
  result.seconds = 0.5;
  return result;
}

MethodComparison example_comparison() {
  MethodComparison comparison{
      .title = "a table_1",
      .evaluations = 100,
      .optimum = {.networks = 1000, .top = 1, .best_score = 0.9, .best_reported = 0.95},
      .methods = {}};
  MethodTrials good{.name = "good", .trials = {}};
  MethodTrials random{.name = "random", .trials = {}, .is_random = true};
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    good.trials.push_back(trial(seed, 30 + seed, 100));
    random.trials.push_back(trial(seed, seed < 4 ? 60 : 0, 100));
  }
  comparison.methods = {good, random};
  return comparison;
}

}  // namespace

TEST_CASE("medians count a search that misses the goal as one that needs more than all evaluations",
          "[report]") {
  const auto rows = summarise(example_comparison());
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].top_median == Effort(39.5));
  CHECK(*rows[0].top_p90 == Approx(30 + 0.9 * 19));
  CHECK(rows[0].reported[0].value() == Approx(0.95));  // After 50 evaluations.
  CHECK(rows[0].regret == Approx(0.0).margin(1e-12));
  CHECK(rows[0].seconds == Approx(0.5));
  CHECK(rows[0].p.value_or(1.0) < 1e-6);
  CHECK_FALSE(rows[1].top_median.has_value());
  CHECK(rows[1].reported[0].value() == Approx(0.85));
  CHECK_FALSE(rows[1].reported[2]);  // There are no 200 evaluations.
  CHECK(rows[1].regret == Approx(0.1 * 16 / 20));
  CHECK_FALSE(rows[1].p.has_value());
}

TEST_CASE("a comparison of methods is a table for Markdown, LaTeX and CSV, and curves",
          "[report]") {
  const MethodComparison comparison = example_comparison();
  const std::string text = markdown(comparison);
  CHECK(contains(text, "### a table_1\n"));
  CHECK(contains(text, "| good   | 40 (47)"));
  CHECK(contains(text, "| random | > 100 (> 100)"));
  CHECK(contains(text, "95.00 / 95.00 / -"));
  CHECK(contains(text, "| < 0.0001"));
  CHECK(contains(text, "best 1 of 1000 networks"));
  CHECK(contains(latex(comparison), "top 0.1 \\% (p90)"));
  const CsvTable rows = CsvTable::parse(csv(comparison), "methods.csv");
  CHECK(rows.rows() == 2);
  CHECK(rows.number(0, rows.column("top_median")) == 39.5);
  CHECK(rows.text(1, rows.column("top_median")).empty());
  const CsvTable trials = CsvTable::parse(trials_csv(comparison), "trials.csv");
  CHECK(trials.rows() == 40);
  CHECK(trials.text(39, trials.column("until_top")).empty());
  CHECK(to_json(comparison)["methods"][1]["p"].is_null());
  CHECK(contains(regret_plot(comparison), "regret of F, percent"));
  CHECK(contains(reported_plot(comparison), "reported accuracy, percent"));
}
