#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "hsconas/base/stop_token.hpp"
#include "hsconas/codesign/codesign.hpp"

namespace hsconas {

/// What a search has seen so far: networks with their accuracies, pairs, counters.
class Recorder {
 public:
  Recorder(const CodesignProblem& problem, std::size_t most_pairs, const StopToken& stop)
      : problem_(problem), most_pairs_(most_pairs), stop_(stop) {}

  /// Index of a network, whose accuracy is not known yet when it is new.
  std::size_t index_of(const Architecture& arch);
  /// Asks for the accuracies of `networks` that are not known.
  void judge(std::span<const std::size_t> networks);
  double accuracy(std::size_t network) const { return accuracies_[network]; }
  const Architecture& network(std::size_t index) const { return result.networks[index]; }

  /// One pair was costed; keeps it for pairs.csv.
  void add(const Pair& pair);
  void stop_check() const { stop_.check(); }

  const CodesignProblem& problem() const { return problem_; }

  CodesignResult result;

 private:
  const CodesignProblem& problem_;
  std::size_t most_pairs_;
  const StopToken& stop_;
  std::map<Architecture, std::size_t> known_;
  std::vector<double> accuracies_;  ///< NaN until judged.
};

/// What some pairs came to.
struct Outcome {
  std::optional<Pair> best;     ///< Inside the limits.
  std::optional<Pair> nearest;  ///< Of those outside, the one that misses them least.
  double violation = 0.0;       ///< Its.
  std::vector<Pair> front;
  std::vector<Pair> pairs;  ///< All of them, where asked for.
};

/// Every one of `networks`, judged, on every one of `designs`.
Outcome sweep(Recorder& recorder, std::vector<std::size_t> networks,
              std::span<const std::size_t> designs, const Limits& limits, bool keep_pairs = false);

/// Evolution, or with `is_random` random search, over the problem's networks and `designs`.
Outcome evolve(Recorder& recorder, std::span<const std::size_t> designs, const Limits& limits,
               const SearchConfig& config, Rng& rng, bool is_random);

}  // namespace hsconas
