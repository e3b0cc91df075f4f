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
/// Lengths of a kernel on embeddings, relative to their mean distance.
constexpr std::array kLengths{0.25, 0.5, 1.0, 2.0, 4.0};

/// With embeddings, members are alike as far as both their genes and their embeddings are. Long
/// lengths of one of the two leave it out.
std::vector<Kernel> kernels_for(std::span<const Genes> genes, const Embeddings* embeddings) {
  std::vector<Kernel> kernels;
  const std::size_t axes = genes.front().size();
  for (double length = kShortestLength; length <= 2.0 * static_cast<double>(axes); length *= 2.0) {
    kernels.push_back(hamming_kernel(axes, length));
  }
  if (embeddings == nullptr) return kernels;
  std::vector<Kernel> products;
  const double unit = mean_distance(*embeddings, genes);
  for (const double length : kLengths) {
    const Kernel embedded = embedding_kernel(*embeddings, length * unit);
    for (const Kernel& kernel : kernels) products.push_back(product_kernel(kernel, embedded));
  }
  return products;
}

/// A fit by likelihood of the lengths and the noise.
Surrogate::Fit fit_by_likelihood(const Embeddings* embeddings) {
  return [embeddings](std::span<const Genes> genes, std::span<const double> scores) {
    return best_process(kernels_for(genes, embeddings), kNoises, genes, scores,
                        [](GaussianProcess& process) { return process.log_likelihood(); });
  };
}

/// Bayesian optimisation: a Gaussian process over the genes, and over embeddings of the networks if
/// there are any, learns from all scores, and the members with the largest expected improvement
/// over the best are scored next, and one in five is drawn without the process, which may be
/// certain of what is wrong. Sources: Jones et al., Efficient Global Optimization, 1998; White et
/// al., BANANAS, AAAI 2021, on edit distances; Yan et al., arch2vec, NeurIPS 2020, on embeddings.
class BayesianSearch : public SearchStrategy {
 public:
  explicit BayesianSearch(const StrategyContext& context)
      : config_(context.config), proposer_(context, fit_by_likelihood(context.embeddings)) {}

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
