#include <optional>
#include <vector>

#include <fmt/format.h>

#include "context.hpp"
#include "hsconas/base/progress.hpp"
#include "hsconas/search/methods.hpp"
#include "pair_controller.hpp"

namespace hsconas {

namespace {

/// A search ends after so many times as many episodes as it may ask for accuracies: under limits
/// that hardly any pair meets, most episodes ask for none.
constexpr int kEpisodesPerAccuracy = 4;
/// A search also ends after so many episodes in a row that drew nothing new.
constexpr int kMostIdle = 20;
/// Pairs of networks whose accuracy is known are drawn again, so often.
constexpr int kRepeats = 100;
/// The reward of an episode that finds no pair.
constexpr double kNoPairReward = -1.0;

/// Two levels. The fast one draws again, on costs alone, what misses a limit: first the design,
/// then also the network. The slow one asks for the accuracy of what it finds. Both teach one
/// policy. Source: Jiang et al., Hardware/Software Co-Exploration of Neural Architectures, IEEE
/// TCAD 2020.
class TwoLevelSearch {
 public:
  explicit TwoLevelSearch(CodesignContext& context)
      : context_(context),
        controller_(context),
        design_axes_(controller_.axes_of(DesignPhase::Array, DesignPhase::Supply)),
        budget_(population_evaluations(context.search_config)) {}

  BestPairs run();

 private:
  void episode();
  /// The fast level: a pair to ask for. Adds the pairs outside the limits to `missed`.
  std::optional<DrawnPair> find_pair(std::vector<DrawnPair>& missed);
  void learn(const std::vector<int>& choices, double reward);

  CodesignContext& context_;
  PairController controller_;
  std::vector<bool> design_axes_;
  MovingBaseline baseline_;
  std::int64_t budget_;
  int idle_ = 0;                   ///< Episodes in a row that drew nothing new.
  std::int64_t without_pair_ = 0;  ///< Episodes.
};

std::optional<DrawnPair> TwoLevelSearch::find_pair(std::vector<DrawnPair>& missed) {
  const int tries = context_.config.fast_tries;
  DrawnPair pair = controller_.draw();
  for (int repeats = 0; repeats < kRepeats;) {
    const bool may_ask = pair.is_inside() || (tries == 0 && pair.is_member);
    if (may_ask && !controller_.is_known(pair)) return pair;
    if (may_ask || !pair.is_member) {
      ++repeats;
      pair = controller_.draw();
      continue;
    }
    missed.push_back(pair);
    const auto misses = static_cast<int>(missed.size());
    if (misses > tries) return std::nullopt;
    pair = misses <= (tries + 1) / 2 ? controller_.redraw(pair, design_axes_) : controller_.draw();
  }
  return controller_.draw_uniformly();  // The policy has settled on what is known.
}

void TwoLevelSearch::learn(const std::vector<int>& choices, double reward) {
  const auto advantage = baseline_.advantage(reward);
  if (advantage) controller_.reinforce({.choices = choices, .advantage = *advantage});
}

void TwoLevelSearch::episode() {
  std::vector<DrawnPair> drawn;
  const auto pair = find_pair(drawn);
  if (!pair) ++without_pair_;
  if (!pair && !drawn.empty()) learn(drawn.back().choices, kNoPairReward);
  if (pair) {
    const double reward = controller_.ask(*pair);
    learn(pair->choices, reward);
  }
  idle_ = pair || !drawn.empty() ? 0 : idle_ + 1;
  if (drawn.empty()) return;
  if (pair) drawn.push_back(*pair);
  controller_.learn_costs(drawn);
}

BestPairs TwoLevelSearch::run() {
  Progress progress(context_.log, "two_level", budget_);
  std::int64_t episodes = 0;
  while (!controller_.is_exhausted() && idle_ < kMostIdle && controller_.asked() < budget_ &&
         episodes < kEpisodesPerAccuracy * budget_) {
    context_.stop.check();
    const std::int64_t before = controller_.asked();
    episode();
    ++episodes;
    progress.step(controller_.asked() - before);
  }
  context_.log.info(fmt::format(
      "two_level: {} episodes, of which {} found no pair; {} accuracies asked; {} pairs "
      "costed",
      episodes, without_pair_, controller_.asked(), controller_.costed_pairs()));
  return controller_.finish();
}

BestPairs search_two_level(CodesignContext& context) {
  return TwoLevelSearch(context).run();
}

std::string plan_two_level(const CodesignConfig& config, const SearchConfig& search,
                           const CodesignSize& size) {
  return fmt::format(
      "pairs: at most {} + {}, the winner on all designs\nfast level: up to {} more draws for each "
      "pair\n",
      population_evaluations(search), size.designs, config.fast_tries);
}

}  // namespace

CodesignMethod two_level_codesign() {
  return {.name = "two_level",
          .meaning =
              "a controller learns from costs of pairs, and from accuracies of those inside "
              "the limits",
          .has_proxy = false,
          .run = search_two_level,
          .plan = plan_two_level,
          .keys = {"codesign.fast_tries", "codesign.accuracy_weight", "search.controller",
                   "search.controller_units", "search.controller_lr", "search.controller_entropy"}};
}

}  // namespace hsconas
