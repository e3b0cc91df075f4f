#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "hsconas/codesign/codesign.hpp"
#include "hsconas/codesign/pair.hpp"
#include "hsconas/search/gene_model.hpp"
#include "pair_region.hpp"

namespace hsconas {

/// A pair that was tried. Its accuracy is known if it is inside the limits.
struct Trial {
  Genes genes;  ///< In canonical form.
  Pair pair;
  bool is_inside = false;
};

/// What trials tell about other pairs: Gaussian processes of accuracies, costs and limits. See
/// search_learned(), whose model it is.
class PairModel {
 public:
  /// `problem` must outlive the model. Without `models_limits`, limits are not learned.
  PairModel(const CodesignProblem& problem, const PairRegion& region, bool models_limits);

  /// Takes the place of all that was learned before. `trials` are different from each other, at
  /// least one and at most 1,000.
  void learn(std::span<const Trial> trials);

  /// What each of `genes`, which are canonical, promises: the expected improvement over the best
  /// trial inside the limits, times the probability that it is inside them. After learn().
  std::vector<double> gains(std::span<const Genes> genes) const;

 private:
  Genes network_of(const Genes& genes) const {
    return {genes.begin(), genes.begin() + static_cast<std::ptrdiff_t>(network_genes_)};
  }
  void learn_costs(std::span<const Trial> trials);
  /// After learn_costs().
  void learn_accuracies(std::span<const Trial> trials);
  /// log(energy x delay), standardised over the trials.
  double standardised_product(const PairCost& cost) const;
  /// Normal scores of accuracies less a small weight x standardised_product(), as expected.
  std::vector<Expected> scores(std::span<const Genes> genes) const;
  /// The probability that each of `genes` is inside the limits.
  std::vector<double> chances(std::span<const Genes> genes) const;

  const Limits& limits_;
  bool models_limits_;
  bool is_limited_;
  std::size_t network_genes_;
  bool has_networks_;  ///< More than one.
  GeneModel products_;
  GeneModel slacks_;      ///< Of pairs whose cost is finite.
  GeneModel fits_;        ///< 1 where the cost is finite, else -1.
  GeneModel accuracies_;  ///< Of networks, as normal scores.
  bool has_slacks_ = false;
  bool has_misfits_ = false;
  std::map<Genes, double> known_scores_;  ///< Normal scores, by the genes of a network.
  std::optional<double> best_score_;      ///< Of the pairs inside the limits.
  double product_mean_ = 0.0;
  double product_deviation_ = 1.0;
};

}  // namespace hsconas
