#include "hsconas/latency/ridge.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>
#include <tuple>

#include <Eigen/Dense>

namespace hsconas {

namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

constexpr double kLargest = 1e8;  // Relative variance that practically does not restrain a group.
constexpr double kSmallest = 1e-6;
constexpr int kSweeps = 8;
constexpr Index kFewRows = 200;

/// Every `step`-th row of the problem, centred: the intercept then drops out of the equations.
struct Design {
  MatrixXd x;       // [rows, columns], column means removed.
  VectorXd y;       // Mean removed.
  VectorXd x_mean;  // [columns]
  double y_mean = 0.0;
};

Design make_design(const RidgeProblem& problem, std::size_t step) {
  const std::size_t rows = (problem.rows.size() + step - 1) / step;
  Design design;
  design.x = MatrixXd::Zero(static_cast<Index>(rows), std::ssize(problem.group_of));
  design.y.resize(static_cast<Index>(rows));
  for (std::size_t i = 0; i < rows; ++i) {
    const auto row = static_cast<Index>(i);
    for (const Feature& f : problem.rows[i * step]) design.x(row, f.column) += f.value;
    design.y(row) = problem.targets[i * step];
  }
  design.x_mean = design.x.colwise().mean();
  design.y_mean = design.y.mean();
  design.x.rowwise() -= design.x_mean.transpose();
  design.y.array() -= design.y_mean;
  return design;
}

/// The lower triangle of a a' + I.
MatrixXd plus_identity(const MatrixXd& a) {
  MatrixXd result = MatrixXd::Identity(a.rows(), a.rows());
  result.selfadjointView<Eigen::Lower>().rankUpdate(a);
  return result;
}

/// Ridge regression on one design, for any variances of the groups.
class Solver {
 public:
  Solver(Design design, const RidgeProblem& problem) : design_(std::move(design)) {
    scale_.resize(static_cast<std::size_t>(problem.groups), 0.0);
    group_of_ = problem.group_of;
    for (Index column = 0; column < design_.x.cols(); ++column) {
      scale_[group(column)] += design_.x.col(column).squaredNorm();
    }
    // Each group is scaled so that the variances of its columns add up to 1.
    for (double& scale : scale_) {
      scale = scale > 0.0 ? static_cast<double>(design_.x.rows()) / scale : 0.0;
    }
    // These products do not depend on the variances, of which hundreds are tried.
    if (design_.x.rows() < kFewRows || design_.x.cols() >= design_.x.rows()) add_group_kernels();
    if (design_.x.cols() < design_.x.rows()) gram_ = design_.x.transpose() * design_.x;
  }

  /// Minus twice the logarithm of the restricted likelihood, maximised over the noise's variance,
  /// up to a constant (Patterson and Thompson, 1971).
  double deviance(const std::vector<double>& variances) const {
    const Index n = design_.x.rows();
    const MatrixXd kernel = kernel_plus_identity(variances);
    const Eigen::LLT<MatrixXd, Eigen::Lower> factor(kernel.selfadjointView<Eigen::Lower>());
    const VectorXd solved_y = factor.solve(design_.y);
    const VectorXd solved_1 = factor.solve(VectorXd::Ones(n));
    const double total = solved_1.sum();
    const double fit = design_.y.dot(solved_y) - solved_y.sum() * solved_y.sum() / total;
    const double logdet = 2.0 * factor.matrixLLT().diagonal().array().log().sum();
    const double freedom = std::max<double>(1.0, static_cast<double>(n) - 1.0);
    return freedom * std::log(std::max(fit, 1e-300) / freedom) + logdet + std::log(total);
  }

  /// Left-out errors for these variances.
  VectorXd left_out(const std::vector<double>& variances) const {
    const double n = static_cast<double>(design_.x.rows());
    if (design_.x.cols() >= design_.x.rows()) {
      // (X X' + I)^-1 with the flat intercept projected out.
      const MatrixXd kernel = kernel_plus_identity(variances);
      const MatrixXd inverse = kernel.selfadjointView<Eigen::Lower>().llt().solve(
          MatrixXd::Identity(kernel.rows(), kernel.rows()));
      const VectorXd sums = inverse.rowwise().sum();
      const double total = sums.sum();
      const VectorXd diagonal = inverse.diagonal() - sums.cwiseAbs2() / total;
      const VectorXd alpha = inverse * design_.y - sums * (sums.dot(design_.y) / total);
      return -(alpha.array() / diagonal.array()).matrix();
    }
    const MatrixXd x = scaled(variances);
    const Eigen::LLT<MatrixXd> normal = normal_equations(variances);
    const VectorXd beta = normal.solve(x.transpose() * design_.y);
    const MatrixXd half = normal.matrixL().solve(x.transpose());
    const VectorXd leverage = half.colwise().squaredNorm().transpose().array() + 1.0 / n;
    return ((x * beta - design_.y).array() / (1.0 - leverage.array()).max(1e-12)).matrix();
  }

  /// Coefficients for these variances.
  VectorXd coefficients(const std::vector<double>& variances) const {
    const MatrixXd x = scaled(variances);
    VectorXd beta;
    if (x.cols() >= x.rows()) {
      const MatrixXd kernel = plus_identity(x);
      beta = x.transpose() * kernel.selfadjointView<Eigen::Lower>().llt().solve(design_.y);
    } else {
      beta = normal_equations(variances).solve(x.transpose() * design_.y);
    }
    for (Index column = 0; column < beta.size(); ++column) beta(column) *= root(variances, column);
    return beta;
  }

  /// Covariance of the rows' predictions, in units of the noise's variance.
  MatrixXd kernel(const std::vector<double>& variances) const {
    const MatrixXd x = scaled(variances);
    return x * x.transpose();
  }

  const Design& design() const { return design_; }

 private:
  std::size_t group(Index column) const {
    return static_cast<std::size_t>(group_of_[static_cast<std::size_t>(column)]);
  }
  double root(const std::vector<double>& variances, Index column) const {
    return std::sqrt(variances[group(column)] * scale_[group(column)]);
  }
  MatrixXd scaled(const std::vector<double>& variances) const {
    MatrixXd x = design_.x;
    for (Index column = 0; column < x.cols(); ++column) x.col(column) *= root(variances, column);
    return x;
  }
  /// X' X + I, where X is scaled(), factored.
  Eigen::LLT<MatrixXd> normal_equations(const std::vector<double>& variances) const {
    VectorXd roots(gram_.cols());
    for (Index column = 0; column < roots.size(); ++column) roots(column) = root(variances, column);
    MatrixXd normal = roots.asDiagonal() * gram_ * roots.asDiagonal();
    normal.diagonal().array() += 1.0;
    return normal.llt();
  }

  void add_group_kernels() {
    for (std::size_t g = 0; g < scale_.size(); ++g) {
      std::vector<Index> columns;
      for (Index column = 0; column < design_.x.cols(); ++column) {
        if (group(column) == g) columns.push_back(column);
      }
      const MatrixXd x = design_.x(Eigen::all, columns);
      group_kernels_.emplace_back(MatrixXd::Zero(x.rows(), x.rows()));
      group_kernels_.back().selfadjointView<Eigen::Lower>().rankUpdate(x, scale_[g]);
    }
  }
  /// The lower triangle of X X' + I, where X is scaled(); needs group kernels.
  MatrixXd kernel_plus_identity(const std::vector<double>& variances) const {
    MatrixXd result = MatrixXd::Identity(design_.x.rows(), design_.x.rows());
    for (std::size_t g = 0; g < variances.size(); ++g) {
      if (variances[g] > 0.0) result += variances[g] * group_kernels_[g];
    }
    return result;
  }

  Design design_;
  std::vector<int> group_of_;
  std::vector<double> scale_;
  std::vector<MatrixXd> group_kernels_;  ///< [group] lower triangle of X X', its columns alone.
  MatrixXd gram_;                        ///< X' X, without the variances.
};

double rms(const VectorXd& errors) {
  return std::sqrt(errors.squaredNorm() / static_cast<double>(errors.size()));
}

/// The criterion that the variances minimise. With few rows the left-out errors are too few to
/// choose by, so the deviance is used.
double badness(const Solver& solver, const std::vector<double>& variances) {
  const auto rows = solver.design().y.size();
  if (rows < kFewRows) return solver.deviance(variances) / static_cast<double>(rows);
  return 2.0 * std::log(rms(solver.left_out(variances)) + 1e-300);
}

/// Coordinate descent from one start. Returns the smallest badness and the variances that give it.
std::pair<double, std::vector<double>> descend(const Solver& solver, double start,
                                               std::size_t groups) {
  std::vector<double> variances(groups, start);
  double best = badness(solver, variances);
  for (int sweep = 0; sweep < kSweeps; ++sweep) {
    const double before = best;
    for (std::size_t g = 0; g < groups; ++g) {
      const double now = variances[g];
      const std::vector<double> options =
          now == 0.0
              ? std::vector<double>{1e-2, 1.0, 1e2}
              : std::vector<double>{0.0, now * 0.1, now * 0.4, now * 2.5, now * 10.0, now * 100.0};
      for (const double option : options) {
        if (option != 0.0 && (option < kSmallest || option > kLargest)) continue;
        std::vector<double> tried = variances;
        tried[g] = option;
        const double error = badness(solver, tried);
        if (error < best) {
          best = error;
          variances = tried;
        }
      }
    }
    if (best > before - 2e-4) break;
  }
  return {best, variances};
}

RidgeFit with_intercept(const Design& design, const VectorXd& beta, const VectorXd& left_out) {
  return {.intercept = design.y_mean - design.x_mean.dot(beta),
          .coefficients = {beta.begin(), beta.end()},
          .left_out_errors = {left_out.begin(), left_out.end()},
          .left_out_rmse = rms(left_out)};
}

/// Without columns the fit is the mean.
RidgeFit fit_mean(const std::vector<double>& targets) {
  const Eigen::Map<const VectorXd> y(targets.data(), std::ssize(targets));
  const double n = static_cast<double>(y.size());
  const VectorXd left_out = (y.mean() - y.array()) * (n / std::max(1.0, n - 1.0));
  return {.intercept = y.mean(),
          .coefficients = {},
          .left_out_errors = {left_out.begin(), left_out.end()},
          .left_out_rmse = rms(left_out)};
}

}  // namespace

RidgeFit fit_ridge(const RidgeProblem& problem) {
  assert(problem.rows.size() >= 2 && problem.rows.size() == problem.targets.size());
  if (problem.group_of.empty()) return fit_mean(problem.targets);
  const std::size_t step = (problem.rows.size() + kTuningRows - 1) / kTuningRows;
  const Solver tuning(make_design(problem, step), problem);
  const auto groups = static_cast<std::size_t>(problem.groups);
  // Two starts, one with little and one with large variances: there are several local minima.
  auto [error, variances] = descend(tuning, 0.1, groups);
  if (groups > 0) {
    auto free = descend(tuning, 1e4, groups);
    if (free.first < error) std::tie(error, variances) = std::move(free);
    // Descent changes one group at a time, so it may miss that using no group is best.
    const std::vector<double> none(groups, 0.0);
    if (badness(tuning, none) < error) variances = none;
  }
  const VectorXd left_out = tuning.left_out(variances);
  if (step == 1) return with_intercept(tuning.design(), tuning.coefficients(variances), left_out);
  const Solver all(make_design(problem, 1), problem);
  return with_intercept(all.design(), all.coefficients(variances), left_out);
}

RidgeFit fit_least_squares(const RidgeProblem& problem) {
  assert(problem.rows.size() >= 2 && problem.rows.size() == problem.targets.size());
  if (problem.group_of.empty()) return fit_mean(problem.targets);
  const Design design = make_design(problem, 1);
  const Eigen::CompleteOrthogonalDecomposition<MatrixXd> solver(design.x);
  const VectorXd beta = solver.solve(design.y);
  // Leverage from the orthogonal factor's first `rank` columns.
  MatrixXd basis = MatrixXd::Identity(design.x.rows(), solver.rank());
  basis.applyOnTheLeft(solver.householderQ());
  const VectorXd leverage =
      basis.rowwise().squaredNorm().array() + 1.0 / static_cast<double>(design.x.rows());
  VectorXd left_out = design.x * beta - design.y;
  for (Index i = 0; i < left_out.size(); ++i) {
    const double rest = 1.0 - leverage(i);
    left_out(i) = rest > 1e-9 ? left_out(i) / rest : std::numeric_limits<double>::quiet_NaN();
  }
  return with_intercept(design, beta, left_out);
}

std::vector<std::size_t> choose_rows(const RidgeProblem& problem, std::size_t count) {
  assert(count <= problem.rows.size());
  constexpr double kVariance = 2.0;  // Variance of each group, relative to the noise's.
  const Solver solver(make_design(problem, 1), problem);
  MatrixXd covariance =
      solver.kernel(std::vector<double>(static_cast<std::size_t>(problem.groups), kVariance));
  std::vector<std::size_t> chosen;
  std::vector<bool> is_chosen(problem.rows.size(), false);
  while (chosen.size() < count) {
    Index best = -1;
    double best_gain = -1.0;
    for (Index i = 0; i < covariance.cols(); ++i) {
      if (is_chosen[static_cast<std::size_t>(i)]) continue;
      const double gain = covariance.col(i).squaredNorm() / (1.0 + covariance(i, i));
      if (gain > best_gain) {
        best = i;
        best_gain = gain;
      }
    }
    chosen.push_back(static_cast<std::size_t>(best));
    is_chosen[chosen.back()] = true;
    const VectorXd told = covariance.col(best) / std::sqrt(1.0 + covariance(best, best));
    covariance -= told * told.transpose();
  }
  return chosen;
}

}  // namespace hsconas
