#pragma once

#include <memory>
#include <span>
#include <vector>

#include "hsconas/search/expected.hpp"
#include "hsconas/space/region.hpp"

namespace hsconas {

/// A Gaussian process over genes some of which are categories and others sizes. Individuals are
/// alike as far as few categories differ (exponential in the Hamming distance) and sizes are near
/// (Matern 5/2). How much either counts, and the noise, are fitted by likelihood. Sources: as for
/// GaussianProcess; Shi et al., arXiv 2010.02075, for designs.
class GeneModel {
 public:
  /// Where the values of a gene lie: for each value its position, in [0, 1] over the axis. Empty:
  /// the values are categories.
  using Positions = std::vector<double>;

  /// `axes`: one entry per gene.
  explicit GeneModel(std::vector<Positions> axes);
  ~GeneModel();
  GeneModel(GeneModel&&) noexcept;
  GeneModel& operator=(GeneModel&&) noexcept;

  /// Takes the place of all that was learned before. `genes` are different from each other, at
  /// least one and at most 1,000. Cost: O(n^3); O(n^2 m) if all but m of them were there before, in
  /// the same order.
  void learn(std::span<const Genes> genes, std::span<const double> values);
  /// After learn(). Cost for m of them beside n: O(n^2 m).
  std::vector<Expected> predict(std::span<const Genes> others) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// The positions of sizes, by their logarithms. All are positive.
GeneModel::Positions log_positions(std::span<const double> sizes);

}  // namespace hsconas
