#pragma once

#include <span>
#include <vector>

#include <Eigen/Dense>

#include "kernel.hpp"

namespace hsconas {

/// A Gaussian process over genes with a constant mean, which is at the same time a ridge
/// regression: its mean is that of the ridge whose inner products are the kernel and whose strength
/// is `noise`. Source: Rasmussen and Williams, Gaussian Processes for Machine Learning, 2006,
/// algorithm 2.1 and sections 5.4.1 and 5.4.2.
class GaussianProcess {
 public:
  /// `noise`: variance of the noise of a score relative to the variance of scores; at least 1e-4,
  /// so that the matrix stays positive definite.
  GaussianProcess(Kernel kernel, double noise);

  /// Adds members, whose scores set_scores() says. Cost for m of them beside n: O(n^2 m).
  void add(std::span<const Genes> genes);
  /// The scores of all members, in the order in which they were added.
  void set_scores(std::span<const double> scores);
  std::size_t size() const { return genes_.size(); }

  /// Mean of each. There must be at least one member.
  /// Cost for m of them beside n: O(n m), once O(n^2) after add().
  Eigen::VectorXd means(const Eigen::MatrixXd& correlations);
  /// Standard deviation of the score without noise. Cost for m of them beside n: O(n^2 m).
  Eigen::VectorXd deviations(const Eigen::MatrixXd& correlations);
  /// Standard deviation where nothing is known.
  double prior_deviation();
  /// By what the deviation falls, as a factor, where only a member with that correlation is known.
  double unknown_share(double correlation) const;
  /// Of the members (rows) with others (columns).
  Eigen::MatrixXd correlations(std::span<const Genes> others) const;

  /// Logarithm of the density of the scores, less a constant, with the most likely variance.
  double log_likelihood();
  /// Mean squared error of the means of each member, predicted from the others. Cost: O(n^3).
  double cross_validation();

 private:
  void solve();
  auto factor() const {
    const auto n = static_cast<Eigen::Index>(genes_.size());
    return factor_.topLeftCorner(n, n);
  }

  Kernel kernel_;
  double noise_;
  std::vector<Genes> genes_;
  std::vector<double> scores_;
  Eigen::MatrixXd factor_;  ///< Lower triangle: Cholesky factor of kernel + noise; grows by blocks.
  bool is_solved_ = false;
  double mean_ = 0.0;
  double variance_ = 1.0;
  Eigen::VectorXd weights_;  ///< (kernel + noise)^-1 (scores - mean).
};

}  // namespace hsconas
