#include "hsconas/latency/ridge.hpp"

#include <cmath>
#include <cstdint>

#include "catch.hpp"
#include "hsconas/base/rng.hpp"

using namespace hsconas;

namespace {

/// `rows` rows of standard normal features in every column, one group for every `per_group`
/// columns; the targets are 0.
RidgeProblem random_problem(int rows, int columns, int per_group, Rng& rng) {
  RidgeProblem problem;
  for (int column = 0; column < columns; ++column) problem.group_of.push_back(column / per_group);
  problem.groups = (columns + per_group - 1) / per_group;
  for (int row = 0; row < rows; ++row) {
    auto& features = problem.rows.emplace_back();
    for (int column = 0; column < columns; ++column) features.push_back({column, rng.normal()});
  }
  problem.targets.assign(static_cast<std::size_t>(rows), 0.0);
  return problem;
}

double predict(const RidgeFit& fit, const std::vector<Feature>& row) {
  double sum = fit.intercept;
  for (const Feature& f : row) {
    sum += f.value * fit.coefficients[static_cast<std::size_t>(f.column)];
  }
  return sum;
}

/// Sets the targets to `intercept` plus features times `coefficients` plus normal noise.
void set_targets(RidgeProblem& problem, double intercept, const std::vector<double>& coefficients,
                 double noise, Rng& rng) {
  const RidgeFit truth{.intercept = intercept, .coefficients = coefficients};
  for (std::size_t i = 0; i < problem.rows.size(); ++i) {
    problem.targets[i] = predict(truth, problem.rows[i]) + noise * rng.normal();
  }
}

/// `problem` without one row.
RidgeProblem without(RidgeProblem problem, std::size_t row) {
  problem.rows.erase(problem.rows.begin() + static_cast<std::ptrdiff_t>(row));
  problem.targets.erase(problem.targets.begin() + static_cast<std::ptrdiff_t>(row));
  return problem;
}

/// Root mean square of prediction - target when only a constant is fitted, each row left out in
/// turn.
double left_out_by_mean(const RidgeProblem& problem) {
  double sum = 0.0;
  for (const double target : problem.targets) sum += target;
  const auto n = static_cast<double>(problem.targets.size());
  double squares = 0.0;
  for (const double target : problem.targets) {
    const double error = (sum - target) / (n - 1.0) - target;
    squares += error * error;
  }
  return std::sqrt(squares / n);
}

double rms(const std::vector<double>& values) {
  double squares = 0.0;
  for (const double value : values) squares += value * value;
  return std::sqrt(squares / static_cast<double>(values.size()));
}

/// Means and centred sums of the first feature of every row and the targets.
struct Sums {
  double x_mean = 0.0;
  double y_mean = 0.0;
  double xx = 0.0;
  double xy = 0.0;
};

Sums sums_of(const RidgeProblem& problem) {
  Sums sums;
  const auto n = static_cast<double>(problem.rows.size());
  for (std::size_t i = 0; i < problem.rows.size(); ++i) {
    sums.x_mean += problem.rows[i][0].value / n;
    sums.y_mean += problem.targets[i] / n;
  }
  for (std::size_t i = 0; i < problem.rows.size(); ++i) {
    const double x = problem.rows[i][0].value - sums.x_mean;
    sums.xx += x * x;
    sums.xy += x * (problem.targets[i] - sums.y_mean);
  }
  return sums;
}

}  // namespace

TEST_CASE("without noise both fits find the coefficients", "[latency]") {
  Rng rng(1, "test");
  RidgeProblem problem = random_problem(40, 4, 2, rng);
  const std::vector<double> truth{1.0, -2.0, 0.5, 0.0};
  set_targets(problem, 3.0, truth, 0.0, rng);
  for (const RidgeFit& fit : {fit_ridge(problem), fit_least_squares(problem)}) {
    CHECK(fit.intercept == Approx(3.0).epsilon(1e-5));
    REQUIRE(fit.coefficients.size() == 4);
    for (std::size_t i = 0; i < 4; ++i) {
      CHECK(fit.coefficients[i] == Approx(truth[i]).margin(1e-5));
    }
    CHECK(fit.left_out_rmse < 1e-5);
  }
}

TEST_CASE("left-out errors of least squares equal those of leaving each row out", "[latency]") {
  Rng rng(2, "test");
  RidgeProblem problem = random_problem(15, 5, 5, rng);
  set_targets(problem, -1.0, {1.0, 2.0, 3.0, 4.0, 5.0}, 0.5, rng);
  const RidgeFit fit = fit_least_squares(problem);
  REQUIRE(fit.left_out_errors.size() == 15);
  for (std::size_t i = 0; i < 15; ++i) {
    const RidgeFit other = fit_least_squares(without(problem, i));
    CHECK(fit.left_out_errors[i] ==
          Approx(predict(other, problem.rows[i]) - problem.targets[i]).epsilon(1e-8));
  }
  CHECK(fit.left_out_rmse == Approx(rms(fit.left_out_errors)));
}

TEST_CASE("a row that alone determines a column has no left-out error by least squares",
          "[latency]") {
  RidgeProblem problem{.rows = {{{0, 1.0}}, {{0, 2.0}}, {{0, 3.0}}, {{0, 1.0}, {1, 1.0}}},
                       .targets = {1.0, 2.5, 3.0, 5.0},
                       .group_of = {0, 0},
                       .groups = 1};
  const RidgeFit fit = fit_least_squares(problem);
  CHECK(std::isnan(fit.left_out_errors[3]));
  CHECK(std::isnan(fit.left_out_rmse));
  for (std::size_t i = 0; i < 3; ++i) CHECK(std::isfinite(fit.left_out_errors[i]));
  CHECK(std::isfinite(fit_ridge(problem).left_out_rmse));
}

TEST_CASE("left-out errors of ridge regression equal those of leaving each row out", "[latency]") {
  // One feature, repeated in one column or in more columns than rows. The penalty that was chosen
  // follows from its coefficient, and the fits without one row follow from the penalty.
  for (const int columns : {1, 20}) {
    int restrained = 0;
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      Rng rng(seed, "test");
      RidgeProblem problem = random_problem(8, columns, columns, rng);
      for (auto& row : problem.rows) {
        for (Feature& f : row) f.value = row[0].value;
      }
      std::vector<double> truth(static_cast<std::size_t>(columns), 0.0);
      truth[0] = 1.0;
      set_targets(problem, 5.0, truth, 2.0, rng);
      const RidgeFit fit = fit_ridge(problem);
      double coefficient = 0.0;
      for (const double c : fit.coefficients) coefficient += c;
      if (coefficient == 0.0) continue;
      const Sums all = sums_of(problem);
      const double restraint = all.xy / coefficient - all.xx;
      restrained += restraint > 0.1 ? 1 : 0;
      for (std::size_t i = 0; i < problem.rows.size(); ++i) {
        const Sums rest = sums_of(without(problem, i));
        const double slope = rest.xy / (rest.xx + restraint);
        const double predicted = rest.y_mean + slope * (problem.rows[i][0].value - rest.x_mean);
        CHECK(fit.left_out_errors[i] == Approx(predicted - problem.targets[i]).epsilon(1e-6));
      }
    }
    CHECK(restrained >= 3);
  }
}

TEST_CASE("without columns the fit is the mean, and so are its left-out errors", "[latency]") {
  const RidgeProblem problem{
      .rows = {{}, {}, {}, {}}, .targets = {1.0, 2.0, 4.0, 9.0}, .group_of = {}, .groups = 0};
  const RidgeFit fit = fit_ridge(problem);
  CHECK(fit.intercept == Approx(4.0));
  CHECK(fit.coefficients.empty());
  REQUIRE(fit.left_out_errors.size() == 4);
  CHECK(fit.left_out_errors[0] == Approx(5.0 - 1.0));
  CHECK(fit.left_out_errors[3] == Approx(7.0 / 3.0 - 9.0));
  CHECK(fit.left_out_rmse == Approx(left_out_by_mean(problem)));
}

TEST_CASE("the left-out error of ridge regression is at most that of the mean and least squares",
          "[latency]") {
  Rng rng(4, "test");
  for (int trial = 0; trial < 60; ++trial) {
    const int rows = 200 + static_cast<int>(rng.index(20));  // Enough to tune by left-out errors.
    const int columns = 1 + static_cast<int>(rng.index(30));
    RidgeProblem problem = random_problem(rows, columns, 1 + static_cast<int>(rng.index(10)), rng);
    std::vector<double> truth;
    for (int i = 0; i < columns; ++i) truth.push_back(rng.chance(0.5) ? rng.normal() : 0.0);
    set_targets(problem, rng.normal(), truth, rng.uniform(0.0, 5.0), rng);
    const RidgeFit fit = fit_ridge(problem);
    CHECK(fit.left_out_rmse <= left_out_by_mean(problem) * (1.0 + 1e-9));
    CHECK(fit.left_out_rmse == Approx(rms(fit.left_out_errors)));
    const RidgeFit plain = fit_least_squares(problem);
    if (columns + 1 < rows) CHECK(fit.left_out_rmse <= plain.left_out_rmse * 1.05);
  }
}

TEST_CASE("with more columns than rows ridge regression still predicts", "[latency]") {
  Rng rng(5, "test");
  RidgeProblem problem = random_problem(60, 80, 40, rng);
  // Only the first five columns matter, all of the first group.
  std::vector<double> truth(80, 0.0);
  for (std::size_t i = 0; i < 5; ++i) truth[i] = 1.0;
  set_targets(problem, 2.0, truth, 0.01, rng);
  const RidgeFit fit = fit_ridge(problem);
  REQUIRE(fit.coefficients.size() == 80);
  CHECK(fit.left_out_rmse < 0.9 * left_out_by_mean(problem));
  const RidgeProblem fresh = random_problem(200, 80, 40, rng);
  double squares = 0.0;
  double plain = 0.0;
  const RidgeFit exact{.intercept = 2.0, .coefficients = truth};
  for (const auto& row : fresh.rows) {
    squares += std::pow(predict(fit, row) - predict(exact, row), 2.0);
    plain += std::pow(2.0 - predict(exact, row), 2.0);
  }
  CHECK(squares < 0.8 * plain);
}

TEST_CASE("a group of irrelevant features hardly changes the fit", "[latency]") {
  Rng rng(6, "test");
  RidgeProblem with = random_problem(50, 42, 2, rng);
  for (std::size_t column = 2; column < 42; ++column) with.group_of[column] = 1;
  with.groups = 2;
  std::vector<double> truth(42, 0.0);
  truth[0] = 2.0;
  truth[1] = -1.0;
  set_targets(with, 1.0, truth, 0.1, rng);
  RidgeProblem clean = with;
  clean.group_of.resize(2);
  clean.groups = 1;
  for (auto& row : clean.rows) row.resize(2);
  const RidgeFit fit = fit_ridge(with);
  CHECK(fit.left_out_rmse <= fit_ridge(clean).left_out_rmse * 1.001);
  CHECK(fit.coefficients[0] == Approx(2.0).epsilon(0.05));
  CHECK(fit.coefficients[1] == Approx(-1.0).epsilon(0.1));
  for (std::size_t column = 2; column < 42; ++column) {
    CHECK(std::abs(fit.coefficients[column]) < 0.1);
  }
}

TEST_CASE("constant targets need no coefficients", "[latency]") {
  Rng rng(7, "test");
  for (const int columns : {3, 30}) {
    RidgeProblem problem = random_problem(20, columns, 3, rng);
    problem.targets.assign(20, 2.5);
    const RidgeFit fit = fit_ridge(problem);
    CHECK(fit.intercept == Approx(2.5));
    for (const double c : fit.coefficients) CHECK(c == Approx(0.0).margin(1e-9));
    CHECK(fit.left_out_rmse == Approx(0.0).margin(1e-9));
  }
}

TEST_CASE("a column that never changes is left to the intercept", "[latency]") {
  const RidgeProblem problem{.rows = {{{0, 2.0}, {1, 1.0}},
                                      {{0, 2.0}, {1, 2.0}},
                                      {{0, 2.0}, {1, 3.0}},
                                      {{0, 2.0}, {1, 4.0}}},
                             .targets = {3.0, 5.0, 7.0, 9.0},
                             .group_of = {0, 1},
                             .groups = 2};
  const RidgeFit fit = fit_ridge(problem);
  CHECK(fit.coefficients[0] == Approx(0.0).margin(1e-9));
  CHECK(fit.coefficients[1] == Approx(2.0).epsilon(1e-4));
  CHECK(fit.intercept == Approx(1.0).epsilon(1e-3));
}

TEST_CASE("a column that occurs twice in a row counts with the sum of its values", "[latency]") {
  Rng rng(8, "test");
  RidgeProblem once = random_problem(30, 3, 1, rng);
  set_targets(once, 0.5, {1.0, 2.0, 3.0}, 0.3, rng);
  RidgeProblem twice = once;
  for (auto& row : twice.rows) {
    row[1].value -= 0.25;
    row.push_back({1, 0.25});
  }
  for (const auto& fit : {&fit_ridge, &fit_least_squares}) {
    const RidgeFit a = fit(once);
    const RidgeFit b = fit(twice);
    CHECK(a.intercept == Approx(b.intercept));
    for (std::size_t i = 0; i < 3; ++i) CHECK(a.coefficients[i] == Approx(b.coefficients[i]));
  }
}

TEST_CASE("a missing entry counts as 0", "[latency]") {
  Rng rng(9, "test");
  RidgeProblem dense = random_problem(20, 3, 3, rng);
  for (auto& row : dense.rows) row[rng.index(3)].value = 0.0;
  set_targets(dense, 0.5, {1.0, 2.0, 3.0}, 0.3, rng);
  RidgeProblem sparse = dense;
  for (auto& row : sparse.rows) std::erase_if(row, [](const Feature& f) { return f.value == 0.0; });
  CHECK(fit_ridge(dense).coefficients == fit_ridge(sparse).coefficients);
}

TEST_CASE("the unit of a group's features does not matter", "[latency]") {
  Rng rng(10, "test");
  RidgeProblem problem = random_problem(30, 6, 3, rng);
  set_targets(problem, 0.5, {1.0, 2.0, 3.0, 0.1, 0.1, 0.1}, 1.0, rng);
  RidgeProblem scaled = problem;
  for (auto& row : scaled.rows) {
    for (Feature& f : row) f.value *= f.column < 3 ? 1e3 : 1e-3;
  }
  const RidgeFit a = fit_ridge(problem);
  const RidgeFit b = fit_ridge(scaled);
  CHECK(a.left_out_rmse == Approx(b.left_out_rmse).epsilon(1e-6));
  for (std::size_t i = 0; i < 6; ++i) {
    CHECK(a.coefficients[i] == Approx(b.coefficients[i] * (i < 3 ? 1e3 : 1e-3)).margin(1e-6));
  }
}

TEST_CASE("the fit uses all rows, even if tuning uses only some", "[latency]") {
  Rng rng(11, "test");
  const std::size_t rows = kTuningRows + 500;
  RidgeProblem problem = random_problem(static_cast<int>(rows), 2, 1, rng);
  set_targets(problem, 1.0, {2.0, -3.0}, 0.01, rng);
  const RidgeFit fit = fit_ridge(problem);
  CHECK(fit.left_out_errors.size() == rows / 2);
  CHECK(fit.coefficients[0] == Approx(2.0).epsilon(1e-3));
  // A fit to half of the rows would differ more from the least-squares fit to all of them.
  const RidgeFit plain = fit_least_squares(problem);
  for (std::size_t i = 0; i < 2; ++i) {
    CHECK(fit.coefficients[i] == Approx(plain.coefficients[i]).epsilon(1e-5));
  }
}

TEST_CASE("the same problem gives the same fit, bit by bit", "[latency]") {
  for (const int columns : {5, 50}) {
    Rng rng(12, "test");
    RidgeProblem problem = random_problem(25, columns, 5, rng);
    set_targets(problem, 1.0, std::vector<double>(static_cast<std::size_t>(columns), 1.0), 1.0,
                rng);
    for (const auto& fit : {&fit_ridge, &fit_least_squares}) {
      const RidgeFit a = fit(problem);
      const RidgeFit b = fit(problem);
      CHECK(a.intercept == b.intercept);
      CHECK(a.coefficients == b.coefficients);
    }
  }
}
