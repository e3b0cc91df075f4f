#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "hsconas/base/log.hpp"
#include "hsconas/base/stop_token.hpp"
#include "hsconas/search/methods.hpp"
#include "hsconas/search/strategy.hpp"

namespace hsconas {

/// Individuals that will not reach a score may be given up, see Evaluator::judge().
struct SearchFloor {
  double score = 0.0;
  double confidence = 1.0;
  std::vector<Genes> rivals;  ///< The fittest so far, to hold others against.
};

/// What is searched, as run_search() sees it: a region, limits, and a way to score its members.
class SearchProblem {
 public:
  virtual ~SearchProblem() = default;

  virtual const Region& region() const = 0;
  /// Equal for individuals that are the same in effect, so that only one of them is scored.
  virtual Genes canonical(const Genes& genes) const = 0;
  /// By how much `genes` exceed the limits; 0 inside. Costs no evaluation.
  virtual double violation(const Genes& genes) const = 0;
  /// A random member of the region inside the limits or, where a bounded number of tries finds
  /// none, the nearest it came to. Costs no evaluation.
  virtual Genes random(Rng& rng) const = 0;
  /// Embeddings of all canonical individuals of the region, which outlive the problem; null if
  /// there are none.
  virtual const Embeddings* embeddings() const { return nullptr; }
  /// Individuals to score before any that the method proposes, where a good beginning is known.
  /// Those outside the limits are dropped.
  virtual std::vector<Genes> first() const { return {}; }
  /// Scores new individuals, in order.
  virtual std::vector<Fitness> evaluate(std::span<const Genes> individuals,
                                        const SearchFloor& floor) = 0;
};

/// `population` individuals, one point of the search's curve.
struct Generation {
  int evaluations = 0;      ///< Individuals scored so far.
  double best_score = 0.0;  ///< The best so far; never decreases.
  double mean_score = 0.0;  ///< Mean of the new ones; an estimate for those given up.
  /// Of a search for a front: the share of the rectangle between accuracy 0 and 1 and between
  /// latency 0 and the highest allowed that the front of all scored so far dominates.
  double hypervolume = 0.0;
};

struct SearchHooks {
  std::string label;  ///< Names the search in progress and log lines.
  std::string score;  ///< What a score is: "F".
  Log& log;
  GroupStop stop;
  std::function<void(const Generation&)> on_generation{};  ///< When set, called at the end of each.
};

/// Searches `problem` by `method` until its evaluations are used up.
///
/// In each round the strategy proposes individuals. Those that leave the region, exceed the limits
/// or were scored before are replaced by further proposals, until ten in a row were dropped for one
/// place; places left open get random individuals. A round is scored in chunks, with a floor when
/// config.racing is below 1: an individual is judged no further once, at that confidence for
/// each look at it, it can neither matter to the strategy nor become the best. A method that finds
/// a front has all of them judged in full.
///
/// Scores fewer only when the region runs out: when 500 random individuals in a row are known.
/// Throws Error(Interrupted) when a stop is requested. The same `rng` takes the same decisions,
/// whether accuracies are evaluated or come from a cache.
std::vector<Generation> run_search(SearchProblem& problem, const SearchMethod& method,
                                   const SearchConfig& config, Rng& rng, const SearchHooks& hooks);

}  // namespace hsconas
