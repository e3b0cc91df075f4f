#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "context.hpp"
#include "pair_controller.hpp"

namespace hsconas {

/// A search by episodes of a controller. An episode draws pairs on costs alone until it finds one
/// that is worth an accuracy, asks for that, and lets the controller learn from the reward and from
/// the costs of what it drew. How a pair is found, and what learns from the reward, is the
/// method's.
///
/// Ends when population_evaluations() accuracies were asked for, when all given networks are known,
/// after four times as many episodes, because under limits that hardly any pair meets most episodes
/// ask for none, or after 20 episodes in a row that drew nothing new.
class EpisodicSearch {
 public:
  explicit EpisodicSearch(CodesignContext& context);
  virtual ~EpisodicSearch() = default;

  BestPairs run();

 protected:
  /// Pairs of networks whose accuracy is known are drawn again, so often.
  static constexpr int kRepeats = 100;

  /// A pair to ask for; none if the episode has failed. Adds the pairs outside the limits that it
  /// drew to `missed`.
  virtual std::optional<DrawnPair> find_pair(std::vector<DrawnPair>& missed) = 0;
  virtual void learn(const DrawnPair& pair, double reward) = 0;
  /// Called before each episode; `done` is the share of the accuracies that were asked for.
  virtual void begin_episode(double /*done*/) {}

  CodesignContext& context_;
  PairController controller_;

 private:
  void episode();

  std::int64_t budget_;            ///< Accuracies.
  int idle_ = 0;                   ///< Episodes in a row that drew nothing new.
  std::int64_t without_pair_ = 0;  ///< Episodes that found none.
};

}  // namespace hsconas
