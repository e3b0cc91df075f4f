#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "hsconas/base/stop_token.hpp"
#include "hsconas/codesign/codesign.hpp"

namespace hsconas {

/// All networks, accuracies and pairs of one co-design search.
class PairArchive {
 public:
  /// Keeps the first `most_pairs` pairs for pairs.csv.
  PairArchive(const CodesignProblem& problem, std::size_t most_pairs)
      : problem_(problem), most_pairs_(most_pairs) {}

  /// The index of a network in canonical form; a new one gets no accuracy yet.
  std::size_t index_of(const Architecture& arch);
  /// Evaluates those of `networks` that have no accuracy yet.
  void evaluate(std::span<const std::size_t> networks);
  double accuracy(std::size_t network) const { return accuracies_[network]; }
  const Architecture& network(std::size_t index) const { return result.networks[index]; }

  /// Counts a pair that was costed.
  void add(const Pair& pair);

  const CodesignProblem& problem() const { return problem_; }

  CodesignResult result;

 private:
  const CodesignProblem& problem_;
  std::size_t most_pairs_;
  std::map<Architecture, std::size_t> known_;
  std::vector<double> accuracies_;  ///< NaN until evaluated.
};

/// The best of some pairs.
struct BestPairs {
  std::optional<Pair> best;     ///< Inside the limits.
  std::optional<Pair> nearest;  ///< The pair outside the limits that exceeds them least.
  double violation = 0.0;       ///< By how much `nearest` exceeds them.
  std::vector<Pair> front;
  std::vector<Pair> pairs;  ///< All of them, where asked for.
};

/// The best of pairs that were tried; a pair inside `limits` has its accuracy.
BestPairs best_of(std::span<const Pair> tried, const Limits& limits);

/// Tries every one of `networks`, whose accuracies are known, on every one of `designs`.
BestPairs sweep(PairArchive& archive, std::vector<std::size_t> networks,
                std::span<const std::size_t> designs, const Limits& limits, const GroupStop& stop,
                bool keep_pairs = false);

}  // namespace hsconas
