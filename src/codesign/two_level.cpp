#include <optional>
#include <vector>

#include <fmt/format.h>

#include "episodic_search.hpp"
#include "hsconas/search/methods.hpp"

namespace hsconas {

namespace {

/// Two levels. The fast one draws again, on costs alone, what misses a limit: first the design,
/// then also the network. The slow one asks for the accuracy of what it finds. Both teach one
/// policy. Source: Jiang et al., Hardware/Software Co-Exploration of Neural Architectures, IEEE
/// TCAD 2020.
class TwoLevelSearch : public EpisodicSearch {
 public:
  explicit TwoLevelSearch(CodesignContext& context)
      : EpisodicSearch(context),
        design_axes_(controller_.axes_of(DesignPhase::Array, DesignPhase::Supply)) {}

 private:
  /// The fast level.
  std::optional<DrawnPair> find_pair(std::vector<DrawnPair>& missed) override;
  void learn(const DrawnPair& pair, double reward) override {
    const auto advantage = baseline_.advantage(reward);
    if (advantage) controller_.reinforce({.choices = pair.choices, .advantage = *advantage});
  }

  std::vector<bool> design_axes_;
  MovingBaseline baseline_;
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

BestPairs search_two_level(CodesignContext& context) {
  return TwoLevelSearch(context).run();
}

std::string plan_two_level(const CodesignConfig& config, const SearchConfig& search,
                           const CodesignSize& size) {
  return fmt::format(
      "pairs: at most {} + {} with an accuracy, the winner on all designs\n"
      "fast level: up to {} more draws for each pair\n",
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
