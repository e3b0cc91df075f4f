#include "gaussian_process.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace hsconas {

using Eigen::Index;
using Eigen::Lower;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {

/// Scores that are all equal have no variance, and everything is divided by it.
constexpr double kLeastVariance = 1e-16;

}  // namespace

GaussianProcess::GaussianProcess(Kernel kernel, double noise)
    : kernel_(std::move(kernel)), noise_(noise) {}

void GaussianProcess::add(std::span<const Genes> genes) {
  const auto old = std::ssize(genes_);
  const auto more = std::ssize(genes);
  if (old + more > factor_.rows()) {
    const Index rows = std::max(old + more, 2 * factor_.rows());
    factor_.conservativeResize(rows, rows);
  }
  MatrixXd block = kernel_(genes, genes);
  block.diagonal().array() += noise_;
  if (old > 0) {
    MatrixXd beside = kernel_(genes_, genes);
    factor().triangularView<Lower>().solveInPlace(beside);
    block.noalias() -= beside.transpose() * beside;
    factor_.block(old, 0, more, old) = beside.transpose();
  }
  factor_.block(old, old, more, more) = block.selfadjointView<Lower>().llt().matrixL();
  genes_.insert(genes_.end(), genes.begin(), genes.end());
  is_solved_ = false;
}

void GaussianProcess::set_scores(std::span<const double> scores) {
  scores_.assign(scores.begin(), scores.end());
  is_solved_ = false;
}

void GaussianProcess::solve() {
  if (is_solved_) return;
  const auto n = std::ssize(scores_);
  const VectorXd scores = Eigen::Map<const VectorXd>(scores_.data(), n);
  mean_ = scores.mean();
  const VectorXd centred = scores.array() - mean_;
  const VectorXd half = factor().triangularView<Lower>().solve(centred);
  variance_ = std::max(half.squaredNorm() / static_cast<double>(n), kLeastVariance);
  weights_ = factor().transpose().triangularView<Eigen::Upper>().solve(half);
  is_solved_ = true;
}

MatrixXd GaussianProcess::correlations(std::span<const Genes> others) const {
  return kernel_(genes_, others);
}

VectorXd GaussianProcess::means(const MatrixXd& correlations) {
  solve();
  return (correlations.transpose() * weights_).array() + mean_;
}

VectorXd GaussianProcess::deviations(const MatrixXd& correlations) {
  solve();
  const MatrixXd half = factor().triangularView<Lower>().solve(correlations);
  const VectorXd known = half.colwise().squaredNorm().transpose();
  return (variance_ * (1.0 - known.array()).max(0.0)).sqrt();
}

double GaussianProcess::prior_deviation() {
  solve();
  return std::sqrt(variance_);
}

double GaussianProcess::unknown_share(double correlation) const {
  return std::sqrt(std::max(0.0, 1.0 - correlation * correlation / (1.0 + noise_)));
}

double GaussianProcess::log_likelihood() {
  solve();
  const double n = static_cast<double>(scores_.size());
  return -0.5 * n * std::log(variance_) - factor().diagonal().array().log().sum();
}

double GaussianProcess::cross_validation() {
  solve();
  const auto n = std::ssize(scores_);
  const MatrixXd inverse =
      factor().triangularView<Lower>().solve(MatrixXd(MatrixXd::Identity(n, n)));
  // The diagonal of the inverse of L L^T.
  const VectorXd diagonal = inverse.colwise().squaredNorm().transpose();
  return (weights_.array() / diagonal.array()).square().mean();
}

}  // namespace hsconas
