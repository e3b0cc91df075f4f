#include <algorithm>
#include <array>
#include <optional>
#include <tuple>
#include <vector>

#include <fmt/format.h>

#include "episodic_search.hpp"
#include "hsconas/search/methods.hpp"

namespace hsconas {

namespace {

/// A controller that decides in phases: the network, the array, the dataflow, clock and network on
/// the chip. In an episode each phase draws its part several times beside what the others chose,
/// and keeps the best by cost; the network's does so only if its first draw misses a limit. The
/// accuracy does not depend on the design, so the network's phase alone learns from it; the phases
/// of the design learn from the slack. After SCORCH (Liu and Karanth, ISQED 2024), of which only
/// the idea is public.
class MultiPhaseSearch : public EpisodicSearch {
 public:
  explicit MultiPhaseSearch(CodesignContext& context)
      : EpisodicSearch(context), phases_(controller_.phases()) {
    for (int phase = 0; phase < kDesignPhases; ++phase) {
      const auto one = static_cast<DesignPhase>(phase);
      axes_.push_back(controller_.axes_of(one, one));
    }
  }

 private:
  std::optional<DrawnPair> find_pair(std::vector<DrawnPair>& missed) override;
  /// `reward` is that of the network's phase.
  void learn(const DrawnPair& pair, double reward) override;
  void begin_episode(double done) override {
    controller_.set_entropy(context_.config.phase_entropy * (1.0 - done));
  }
  bool may_ask(const DrawnPair& pair) const {
    return pair.is_inside() && !controller_.is_known(pair);
  }
  /// The best by cost of `pair` and what `phase` draws in its place. Adds pairs outside the limits
  /// to `missed`.
  DrawnPair improved(DrawnPair pair, DesignPhase phase, std::vector<DrawnPair>& missed);

  std::vector<DesignPhase> phases_;      ///< Those that have something to decide.
  std::vector<std::vector<bool>> axes_;  ///< [phase]
  std::array<MovingBaseline, kDesignPhases> baselines_;
};

DrawnPair MultiPhaseSearch::improved(DrawnPair pair, DesignPhase phase,
                                     std::vector<DrawnPair>& missed) {
  const bool is_network = phase == DesignPhase::Network;
  const auto rank = [&](const DrawnPair& one) {
    return std::tuple(!one.is_member, one.violation, is_network && controller_.is_known(one),
                      is_network ? 0.0 : one.cost.product());
  };
  for (int i = 0; i < context_.config.phase_tries; ++i) {
    // Of networks inside the limits the first is kept: a cheaper one is a less accurate one.
    if (is_network && may_ask(pair)) break;
    DrawnPair other = controller_.redraw(pair, axes_[static_cast<std::size_t>(phase)]);
    if (other.is_member && !other.is_inside()) missed.push_back(other);
    if (rank(other) < rank(pair)) pair = std::move(other);
  }
  return pair;
}

std::optional<DrawnPair> MultiPhaseSearch::find_pair(std::vector<DrawnPair>& missed) {
  for (int repeats = 0; repeats < kRepeats; ++repeats) {
    DrawnPair pair = controller_.draw();
    if (!pair.is_member) continue;
    if (!pair.is_inside()) missed.push_back(pair);
    for (const DesignPhase phase : phases_) {
      if (phase != DesignPhase::Network) pair = improved(std::move(pair), phase, missed);
    }
    // Last, because a network must only be given up if no design suits it.
    pair = improved(std::move(pair), DesignPhase::Network, missed);
    if (may_ask(pair)) return pair;
    // Outside the limits, the episode has failed. Else its network is known, which is no failure.
    if (!pair.is_inside()) return std::nullopt;
  }
  return controller_.draw_uniformly();  // The policy has settled on what is known.
}

void MultiPhaseSearch::learn(const DrawnPair& pair, double reward) {
  const double slack = context_.problem.limits.slack(pair.cost);
  Episode episode{.choices = pair.choices, .advantages = std::vector<double>(pair.choices.size())};
  for (const DesignPhase phase : phases_) {
    const auto at = static_cast<std::size_t>(phase);
    const double gained = phase == DesignPhase::Network ? reward : slack;
    const double advantage = baselines_[at].advantage(gained).value_or(0.0);
    for (std::size_t axis = 0; axis < pair.choices.size(); ++axis) {
      if (axes_[at][axis]) episode.advantages[axis] = advantage;
    }
  }
  controller_.reinforce(episode);
}

BestPairs search_multi_phase(CodesignContext& context) {
  return MultiPhaseSearch(context).run();
}

std::string plan_multi_phase(const CodesignConfig& config, const SearchConfig& search,
                             const CodesignSize& size) {
  return fmt::format(
      "pairs: at most {} + {} with an accuracy, the winner on all designs\nphases: up to {} more "
      "draws of each "
      "part\n",
      population_evaluations(search), size.designs, config.phase_tries);
}

}  // namespace

CodesignMethod multi_phase_codesign() {
  return {.name = "multi_phase",
          .meaning =
              "a controller decides network, array, dataflow and clock in turn, each the best "
              "of several draws",
          .has_proxy = false,
          .run = search_multi_phase,
          .plan = plan_multi_phase,
          .keys = {"codesign.accuracy_weight", "codesign.phase_tries", "codesign.phase_entropy",
                   "search.controller", "search.controller_units", "search.controller_lr"}};
}

}  // namespace hsconas
