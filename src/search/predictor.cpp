#include <algorithm>
#include <array>
#include <memory>
#include <vector>

#include "hsconas/search/methods.hpp"
#include "proposer.hpp"

namespace hsconas {

namespace {

/// As many as are scored between two writes of candidates.csv, see AccuracyCache::kChunk.
constexpr int kPredictorRound = 16;
/// Mutants drawn for a place before it is left to the driver.
constexpr int kMutants = 10;
/// Relative to the inner product of a code with itself.
constexpr std::array kStrengths{1e-3, 3e-3, 1e-2, 3e-2, 0.1, 0.3, 1.0};

GaussianProcess fit_by_cross_validation(std::span<const Genes> genes,
                                        std::span<const double> scores) {
  const std::array kernels{pairs_kernel(genes.front().size())};
  return best_process(kernels, kStrengths, genes, scores,
                      [](GaussianProcess& process) { return -process.cross_validation(); });
}

/// Rounds of true scores, from which a ridge regression on genes and pairs of genes learns. It
/// chooses three quarters of the next round: half of the round by expected improvement, a quarter
/// by predicted score. The last quarter are mutants of the best and random individuals, because a
/// round of predicted winners alone repeats the errors of the regression. Source of the loop: LINAS
/// (Cummings et al., arXiv 2205.10358).
class PredictorSearch : public SearchStrategy {
 public:
  explicit PredictorSearch(const StrategyContext& context)
      : context_(context), proposer_(context, fit_by_cross_validation) {}

  std::vector<Genes> ask(int count) override {
    std::vector<Genes> chosen;
    if (proposer_.known().size() < kPredictorRound) return chosen;
    auto proposals = proposer_.propose();
    const auto take = [&](int wanted) {
      const auto taken = std::min(static_cast<std::ptrdiff_t>(wanted), std::ssize(proposals));
      for (std::ptrdiff_t i = 0; i < taken; ++i) {
        chosen.push_back(std::move(proposals[static_cast<std::size_t>(i)].genes));
      }
      proposals.erase(proposals.begin(), proposals.begin() + taken);
    };
    take((count + 1) / 2);
    proposer_.sort_by_mean(proposals);
    take(count / 4);
    const auto best = fittest(proposer_.known(), context_.config.parents);
    while (std::ssize(chosen) < count) chosen.push_back(other(best));
    return chosen;
  }

  void tell(std::span<const Individual> scored) override { proposer_.tell(scored); }
  int batch() const override { return kPredictorRound; }
  double floor() const override { return parents_floor(proposer_.known(), context_.config); }

 private:
  /// A mutant of one of the best or a random individual, equally often.
  Genes other(std::span<const std::size_t> best) const {
    Rng& rng = context_.rng;
    if (rng.chance(0.5)) return context_.draw();
    Genes genes;
    for (int attempt = 0; attempt < kMutants; ++attempt) {
      const Individual& parent = proposer_.known()[best[rng.index(best.size())]];
      genes = context_.region.step(parent.genes, rng);
      if (context_.is_usable(genes)) break;
    }
    return genes;
  }

  StrategyContext context_;
  Proposer proposer_;
};

}  // namespace

SearchMethod predictor_search() {
  return {.name = "predictor",
          .meaning = "a regression on the scores proposes the next ones",
          .make = [](const StrategyContext& context) -> std::unique_ptr<SearchStrategy> {
            return std::make_unique<PredictorSearch>(context);
          },
          .evaluations = population_evaluations};
}

}  // namespace hsconas
