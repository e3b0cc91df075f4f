#include "episodic_search.hpp"

#include <fmt/format.h>

#include "hsconas/base/progress.hpp"
#include "hsconas/search/methods.hpp"

namespace hsconas {

namespace {

constexpr int kEpisodesPerAccuracy = 4;
constexpr int kMostIdle = 20;
/// The reward of an episode that finds no pair.
constexpr double kNoPairReward = -1.0;

}  // namespace

EpisodicSearch::EpisodicSearch(CodesignContext& context)
    : context_(context),
      controller_(context),
      budget_(population_evaluations(context.search_config)) {}

void EpisodicSearch::episode() {
  std::vector<DrawnPair> drawn;
  const auto pair = find_pair(drawn);
  if (!pair) ++without_pair_;
  if (!pair && !drawn.empty()) learn(drawn.back(), kNoPairReward);
  if (pair) {
    const double reward = controller_.ask(*pair);
    learn(*pair, reward);
  }
  idle_ = pair || !drawn.empty() ? 0 : idle_ + 1;
  if (drawn.empty()) return;
  if (pair) drawn.push_back(*pair);
  controller_.learn_costs(drawn);
}

BestPairs EpisodicSearch::run() {
  const std::string& method = context_.config.method;
  Progress progress(context_.log, method, budget_);
  std::int64_t episodes = 0;
  while (!controller_.is_exhausted() && idle_ < kMostIdle && controller_.asked() < budget_ &&
         episodes < kEpisodesPerAccuracy * budget_) {
    context_.stop.check();
    const std::int64_t before = controller_.asked();
    begin_episode(static_cast<double>(before) / static_cast<double>(budget_));
    episode();
    ++episodes;
    progress.step(controller_.asked() - before);
  }
  context_.log.info(fmt::format(
      "{}: {} episodes, of which {} found no pair; {} accuracies asked; {} pairs costed", method,
      episodes, without_pair_, controller_.asked(), controller_.costed_pairs()));
  return controller_.finish();
}

}  // namespace hsconas
