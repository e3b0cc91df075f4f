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
      : config_(context.config), proposer_(context, fit_by_cross_validation) {}

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
    while (std::ssize(chosen) < count) chosen.push_back(proposer_.explore());
    return chosen;
  }

  void tell(std::span<const Individual> scored) override { proposer_.tell(scored); }
  int batch() const override { return kPredictorRound; }
  double floor() const override { return parents_floor(proposer_.known(), config_); }

 private:
  const SearchConfig& config_;
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
