#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include <Eigen/Dense>

#include "hsconas/base/adam.hpp"
#include "hsconas/search/strategy.hpp"

namespace hsconas {

/// A policy over embeddings: it draws a point from a normal distribution and chooses the nearest
/// network that is usable. Only the mean is learned. The deviation of each dimension stays that of
/// all embeddings. Source: arch2vec (Yan et al., NeurIPS 2020), without a recurrent controller.
class PointPolicy {
 public:
  /// `context` must have embeddings.
  explicit PointPolicy(const StrategyContext& context);

  /// The canonical genes of a network. Where none is usable, those of any network. Cost:
  /// O(networks x dimensions).
  Genes draw() const;

  /// One step up the gradient of advantage x log(density of the embedding of `genes`).
  void reinforce(const Genes& genes, double advantage, double rate);

 private:
  Eigen::VectorXd mean() const { return centre_ + deviations_.cwiseProduct(shift_); }

  StrategyContext context_;
  std::vector<Genes> networks_;
  Eigen::MatrixXd points_;  ///< [dimension, network]
  Eigen::VectorXd centre_;  ///< Mean of all points.
  Eigen::VectorXd deviations_;
  Eigen::VectorXd shift_;  ///< From the centre to the learned mean, in deviations.
  Adam adam_;
};

}  // namespace hsconas
