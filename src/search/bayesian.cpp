#include <array>
#include <memory>
#include <vector>

#include "hsconas/search/methods.hpp"
#include "proposer.hpp"

namespace hsconas {

namespace {

/// Small rounds: a proposal hardly knows of the others of its round.
constexpr int kBayesianRound = 5;
constexpr std::size_t kBayesianStart = 10;
/// Under given weights a network has one score, so there is no more noise than racing's estimates
/// have. A process that may take all misfit for noise turns into a sum of effects of single genes.
constexpr std::array kNoises{1e-4, 1e-3, 1e-2};
constexpr double kShortestLength = 0.5;

GaussianProcess fit_by_likelihood(std::span<const Genes> genes, std::span<const double> scores) {
  const std::size_t axes = genes.front().size();
  std::vector<Kernel> kernels;
  for (double length = kShortestLength; length <= 2.0 * static_cast<double>(axes); length *= 2.0) {
    kernels.push_back(hamming_kernel(axes, length));
  }
  return best_process(kernels, kNoises, genes, scores,
                      [](GaussianProcess& process) { return process.log_likelihood(); });
}

/// Bayesian optimisation: a Gaussian process over the genes learns from all scores, and the
/// members with the largest expected improvement over the best are scored next, and one in five is
/// drawn without the process, which may be certain of what is wrong. Sources: Jones et al.,
/// Efficient Global Optimization, 1998; White et al., BANANAS, AAAI 2021, on edit distances.
class BayesianSearch : public SearchStrategy {
 public:
  explicit BayesianSearch(const StrategyContext& context)
      : config_(context.config), proposer_(context, fit_by_likelihood) {}

  std::vector<Genes> ask(int count) override {
    std::vector<Genes> proposals;
    if (proposer_.known().size() < kBayesianStart) return proposals;
    for (Proposal& proposal : proposer_.propose()) {
      if (std::ssize(proposals) >= count - count / kBayesianRound) break;
      proposals.push_back(std::move(proposal.genes));
    }
    while (std::ssize(proposals) < count) proposals.push_back(proposer_.explore());
    return proposals;
  }

  void tell(std::span<const Individual> scored) override { proposer_.tell(scored); }
  int batch() const override { return kBayesianRound; }
  double floor() const override { return parents_floor(proposer_.known(), config_); }

 private:
  const SearchConfig& config_;
  Proposer proposer_;
};

}  // namespace

SearchMethod bayesian_search() {
  return {.name = "bayesian",
          .meaning = "a Gaussian process proposes by expected improvement",
          .make = [](const StrategyContext& context) -> std::unique_ptr<SearchStrategy> {
            return std::make_unique<BayesianSearch>(context);
          },
          .evaluations = population_evaluations};
}

}  // namespace hsconas
