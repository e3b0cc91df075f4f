#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "hsconas/latency/model.hpp"
#include "hsconas/score/accuracy_cache.hpp"
#include "hsconas/score/limits.hpp"
#include "hsconas/score/objective.hpp"

namespace hsconas {

/// An architecture with everything that is known about it.
struct Candidate {
  Architecture arch;
  double accuracy = 0.0;    ///< Fraction in [0, 1].
  double latency_ms = 0.0;  ///< Predicted.
  double score = 0.0;       ///< F.
  double at_most = 0.0;     ///< The accuracy; of a candidate given up, a bound of it.
  /// 0, or the images it was judged on before it was given up: accuracy and F are then estimates
  /// of what is known to miss a floor.
  std::int64_t images = 0;
};

/// Scores architectures: F from their accuracies, which a cache keeps, and their predicted
/// latencies.
class Scorer {
 public:
  /// Scores in chunks of this size for each rank lose least to a stop, see AccuracyCache::kChunk.
  static constexpr std::size_t kChunk = AccuracyCache::kChunk;

  /// The referenced objects must outlive the scorer.
  Scorer(AccuracyCache& accuracies, const LatencyModel& latency, Objective objective)
      : accuracies_(accuracies), latency_(latency), objective_(objective) {}
  /// With a cache of its own, kept in `csv` unless that is empty.
  Scorer(const SearchSpace& space, Evaluator& evaluator, const LatencyModel& latency,
         Objective objective, const std::filesystem::path& csv = {}, const GroupFiles& files = {});

  /// The weights that are judged from now on, see AccuracyCache::set_weights().
  void set_weights(std::string name) { accuracies_.set_weights(std::move(name)); }

  /// One candidate per architecture, in order; each holds the canonical form. Costs and errors are
  /// those of AccuracyCache::accuracies().
  std::vector<Candidate> score(std::span<const Architecture> archs);

  /// Candidates that will not reach a score may be given up: see Candidate::images.
  struct Floor {
    double score = 0.0;                ///< The F to reach.
    double confidence = 1.0;           ///< See Race.
    std::vector<Architecture> rivals;  ///< See Race.
  };
  /// Like score(), with a floor. Those that were given up before and may reach this one are judged
  /// again, on all images.
  std::vector<Candidate> score_above(std::span<const Architecture> archs, const Floor& floor);

  /// Latency and its relative distance from the budget T; free of evaluations.
  double latency_ms(const Architecture& arch) const { return latency_.predict_ms(arch); }
  double gap(const Architecture& arch) const { return objective_.gap(latency_ms(arch)); }

  const SearchSpace& space() const { return accuracies_.space(); }
  const LatencyModel& latency() const { return latency_; }
  const Objective& objective() const { return objective_; }

  /// The limits beside T that sampling, shrinking and searching keep to; none at first. They do not
  /// change any score.
  void set_limits(NetworkLimits limits) { limits_ = std::move(limits); }
  const NetworkLimits& limits() const { return limits_; }
  int evaluations() const { return accuracies_.evaluations(); }
  double full_evaluations() const { return accuracies_.full_evaluations(); }

 private:
  std::unique_ptr<AccuracyCache> own_accuracies_;
  AccuracyCache& accuracies_;
  const LatencyModel& latency_;
  Objective objective_;
  NetworkLimits limits_;
};

}  // namespace hsconas
