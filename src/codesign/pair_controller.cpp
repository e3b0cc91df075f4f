#include "pair_controller.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

namespace hsconas {

namespace {

/// Weight of what costs alone teach, beside rewards.
constexpr double kCostRate = 0.1;

}  // namespace

double AccuracyScale::relative(double accuracy) {
  // Welford's running variance.
  const double before = accuracy - mean_;
  count_ += 1.0;
  mean_ += before / count_;
  squares_ += before * (accuracy - mean_);
  const double deviation = count_ > 1.0 ? std::sqrt(squares_ / (count_ - 1.0)) : 0.0;
  return deviation > 0.0 ? std::clamp((accuracy - mean_) / (2.0 * deviation), -1.0, 1.0) : 0.0;
}

double pair_reward(const CodesignConfig& config, const Limits& limits, double relative_accuracy,
                   const PairCost& cost) {
  const double weight = config.accuracy_weight;
  return weight * relative_accuracy + (1.0 - weight) * limits.slack(cost);
}

PairController::PairController(CodesignContext& context)
    : context_(context),
      rng_(context.rng()),
      region_(context.problem, context.designs),
      values_(region_.pairs().axes()) {
  const std::size_t network_genes = region_.networks().axes().size();
  phase_of_.assign(network_genes, DesignPhase::Network);
  for (const DesignAxis& axis : context.problem.designs.axes()) {
    phase_of_.push_back(phase_of_axis(axis.key));
  }
  order_.resize(values_.size());
  std::iota(order_.begin(), order_.end(), std::size_t{0});
  std::stable_sort(order_.begin(), order_.end(),
                   [&](std::size_t a, std::size_t b) { return phase_of_[a] < phase_of_[b]; });
  std::vector<int> counts;
  counts.reserve(order_.size());
  for (const std::size_t gene : order_) counts.push_back(static_cast<int>(values_[gene].size()));
  policy_ = make_policy(counts, context.search_config, rng_);
}

std::vector<bool> PairController::axes_of(DesignPhase first, DesignPhase last) const {
  std::vector<bool> marks;
  marks.reserve(order_.size());
  for (const std::size_t gene : order_) {
    marks.push_back(first <= phase_of_[gene] && phase_of_[gene] <= last);
  }
  return marks;
}

std::vector<DesignPhase> PairController::phases() const {
  std::set<DesignPhase> found;
  for (std::size_t gene = 0; gene < values_.size(); ++gene) {
    if (values_[gene].size() > 1) found.insert(phase_of_[gene]);
  }
  return {found.begin(), found.end()};
}

DrawnPair PairController::costed(std::vector<int> choices) {
  DrawnPair pair{.choices = std::move(choices), .genes = Genes(values_.size())};
  for (std::size_t axis = 0; axis < order_.size(); ++axis) {
    const std::size_t gene = order_[axis];
    pair.genes[gene] = values_[gene][static_cast<std::size_t>(pair.choices[axis])];
  }
  pair.is_member = region_.pairs().contains(pair.genes);
  if (!pair.is_member) return pair;
  ++costed_;
  pair.network = region_.network_of(pair.genes);
  pair.design = region_.design_of(pair.genes);
  pair.cost = context_.problem.costs.cost(pair.network, pair.design);
  pair.violation = context_.problem.limits.violation(pair.cost);
  const bool is_nearer = !nearest_ || pair.violation < nearest_->violation;
  if (!pair.is_inside() && is_nearer) nearest_ = pair;
  return pair;
}

std::vector<int> PairController::choices_of(const Genes& genes) const {
  std::vector<int> choices;
  choices.reserve(order_.size());
  for (const std::size_t gene : order_) {
    const auto& values = values_[gene];
    const auto at = std::lower_bound(values.begin(), values.end(), genes[gene]);
    choices.push_back(static_cast<int>(at - values.begin()));
  }
  return choices;
}

std::optional<DrawnPair> PairController::draw_uniformly() {
  constexpr int kDraws = 200;
  for (int attempt = 0; attempt < kDraws; ++attempt) {
    DrawnPair pair = costed(choices_of(region_.pairs().sample(rng_)));
    if (pair.is_inside() && !is_known(pair)) return pair;
  }
  return std::nullopt;
}

double PairController::ask(const DrawnPair& pair) {
  const std::size_t network = context_.archive.index_of(pair.network);
  context_.archive.evaluate({&network, 1});
  asked_.insert(pair.network);
  tried_.push_back({.network = network,
                    .design = pair.design,
                    .accuracy = context_.archive.accuracy(network),
                    .cost = pair.cost});
  context_.archive.add(tried_.back());
  return pair_reward(context_.config, context_.problem.limits,
                     scale_.relative(tried_.back().accuracy), pair.cost);
}

void PairController::learn_costs(std::span<const DrawnPair> drawn) {
  std::vector<Episode> episodes;
  for (const DrawnPair& pair : drawn) {
    if (!pair.is_member) continue;
    const auto advantage = cost_baseline_.advantage(context_.problem.limits.slack(pair.cost));
    if (!advantage) continue;
    episodes.push_back({.choices = pair.choices, .advantage = kCostRate * *advantage});
  }
  policy_->reinforce(episodes);
}

BestPairs PairController::finish() {
  // Pairs that were costed without asking for an accuracy are no entries of the archive.
  context_.archive.result.counts.pairs += costed_ - asked();
  const Limits& limits = context_.problem.limits;
  const auto best = best_of(tried_, limits).best;
  if (!best) {
    if (nearest_) {
      tried_.push_back({.network = context_.archive.index_of(nearest_->network),
                        .design = nearest_->design,
                        .accuracy = 0.0,
                        .cost = nearest_->cost});
    }
    return best_of(tried_, limits);
  }
  std::vector<std::size_t> others = context_.designs;
  for (const Pair& pair : tried_) {
    if (pair.network == best->network) std::erase(others, pair.design);
  }
  if (!others.empty()) {
    const BestPairs more =
        sweep(context_.archive, {best->network}, others, limits, context_.stop, true);
    tried_.insert(tried_.end(), more.pairs.begin(), more.pairs.end());
  }
  return best_of(tried_, limits);
}

}  // namespace hsconas
