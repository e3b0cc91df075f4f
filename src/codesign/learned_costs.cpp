#include "learned_costs.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "hsconas/base/progress.hpp"
#include "hsconas/base/statistics.hpp"
#include "hsconas/search/gene_model.hpp"
#include "hsconas/search/methods.hpp"
#include "pair_region.hpp"

namespace hsconas {

namespace {

constexpr std::size_t kFirstTrials = 10;  ///< Random pairs.
constexpr std::size_t kMostModelled = 1000;
/// With more trials than this, several pairs are chosen at a time.
constexpr std::size_t kSingleTrials = 100;
constexpr std::size_t kTrialsAtOnce = 5;
constexpr std::size_t kPoolRandom = 200;
constexpr std::size_t kPoolNear = 100;
constexpr std::size_t kPoolStarts = 10;
constexpr int kPoolClimbs = 3;
/// Weight of the standardised log(energy x delay) beside the normal score of the accuracy: among
/// networks that promise alike, the cheaper pair is tried.
constexpr double kProductWeight = 0.1;
/// A pair that is less likely than this to meet the limits is tried only where those that are
/// likely promise next to nothing. The weight was chosen on seeds 1001 and 1002 of the benchmark.
constexpr double kLikely = 0.9;
constexpr double kUnlikelyWeight = 1e-4;

/// The positions of the values of a design axis: by logarithm if all are positive numbers.
GeneModel::Positions positions_of(const DesignAxis& axis) {
  std::vector<double> sizes;
  for (const std::string& text : axis.values) {
    double size = 0.0;
    const char* end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, size);
    if (error != std::errc() || rest != end || !(size > 0.0)) return {};
    sizes.push_back(size);
  }
  return log_positions(sizes);
}

/// Those of all genes of a pair: operators are categories, widths and most axes sizes.
std::vector<GeneModel::Positions> pair_positions(const CodesignProblem& problem) {
  const SearchSpace& space = problem.accuracies.space();
  const auto widths =
      space.widths() > 1 ? log_positions(space.description().widths) : GeneModel::Positions();
  std::vector<GeneModel::Positions> axes;
  for (int layer = 0; layer < space.layers(); ++layer) {
    axes.emplace_back();
    axes.push_back(widths);
  }
  for (const DesignAxis& axis : problem.designs.axes()) axes.push_back(positions_of(axis));
  return axes;
}

struct Trial {
  Genes genes;  ///< In canonical form.
  Pair pair;
  bool is_inside = false;
};

/// A pair that could be tried next.
struct Prospect {
  Genes genes;
  double gain = 0.0;
};

class LearnedSearch {
 public:
  LearnedSearch(CodesignContext& context, bool models_limits)
      : context_(context),
        rng_(context.rng()),
        region_(context.problem, context.designs),
        models_limits_(models_limits),
        network_genes_(region_.networks().axes().size()),
        products_(pair_positions(context.problem)),
        slacks_(pair_positions(context.problem)),
        fits_(pair_positions(context.problem)),
        accuracies_(network_positions()) {
    const Limits& limits = context.problem.limits;
    is_limited_ =
        std::isfinite(limits.ms) || std::isfinite(limits.energy) || std::isfinite(limits.power_mw);
    for (const auto& axis : region_.networks().axes()) has_networks_ |= axis.size() > 1;
  }

  BestPairs run();

 private:
  std::vector<GeneModel::Positions> network_positions() const;
  Genes network_of(const Genes& genes) const {
    return {genes.begin(), genes.begin() + static_cast<std::ptrdiff_t>(network_genes_)};
  }
  /// The probability that each of `genes` is inside the limits.
  std::vector<double> chances(std::span<const Genes> genes) const;
  void attempt(const Genes& genes);
  /// Trials that the models see.
  std::vector<std::size_t> modelled() const;
  void learn_costs(std::span<const std::size_t> some);
  /// After learn_costs().
  void learn_accuracies(std::span<const std::size_t> some);
  /// What each of `genes` promises.
  std::vector<double> gains(std::span<const Genes> genes) const;
  /// The score of pairs as the models expect it, see search_learned().
  std::vector<GenePrediction> scores(std::span<const Genes> genes) const;
  std::vector<Genes> propose(std::size_t count);
  void add_new(const Genes& genes, std::set<Genes>& taken, std::vector<Genes>& fresh) const;
  std::vector<Genes> starts() const;

  CodesignContext& context_;
  Rng rng_;
  PairRegion region_;
  bool models_limits_;
  std::size_t network_genes_;
  bool has_networks_ = false;  ///< More than one.
  GeneModel products_;
  GeneModel slacks_;  ///< Of pairs whose cost is finite.
  GeneModel fits_;    ///< 1 where the cost is finite, else -1.
  bool is_limited_ = false;
  bool has_slacks_ = false;
  bool has_misfits_ = false;
  GeneModel accuracies_;
  std::vector<Trial> trials_;
  std::set<Genes> seen_;
  std::map<Genes, double> known_scores_;  ///< Normal scores, by the genes of a network.
  std::optional<double> best_score_;      ///< Of the pairs inside the limits.
  double product_mean_ = 0.0;
  double product_deviation_ = 1.0;
};

std::vector<GeneModel::Positions> LearnedSearch::network_positions() const {
  auto axes = pair_positions(context_.problem);
  axes.resize(network_genes_);
  return axes;
}

void LearnedSearch::attempt(const Genes& genes) {
  Trial trial{.genes = region_.canonical(genes), .pair = {}};
  Pair& pair = trial.pair;
  pair.network = context_.archive.index_of(region_.network_of(genes));
  pair.design = region_.design_of(genes);
  pair.cost = region_.cost_of(genes);
  trial.is_inside = context_.problem.limits.meets(pair.cost);
  if (trial.is_inside) {
    context_.archive.evaluate({&pair.network, 1});
    pair.accuracy = context_.archive.accuracy(pair.network);
  }
  context_.archive.add(pair);
  seen_.insert(trial.genes);
  trials_.push_back(std::move(trial));
}

std::vector<std::size_t> LearnedSearch::modelled() const {
  std::vector<std::size_t> all(trials_.size());
  std::iota(all.begin(), all.end(), std::size_t{0});
  if (all.size() <= kMostModelled) return all;
  // The best and the latest, half of each.
  constexpr auto kHalf = static_cast<std::ptrdiff_t>(kMostModelled / 2);
  std::stable_sort(all.begin(), all.end() - kHalf, [&](std::size_t a, std::size_t b) {
    if (trials_[a].is_inside != trials_[b].is_inside) return trials_[a].is_inside;
    return is_better(trials_[a].pair, trials_[b].pair);
  });
  all.erase(all.begin() + kHalf, all.end() - kHalf);
  std::sort(all.begin(), all.end());
  return all;
}

void LearnedSearch::learn_costs(std::span<const std::size_t> some) {
  std::vector<Genes> genes;
  std::vector<Genes> fitting;
  std::vector<double> labels;
  std::vector<double> slacks;
  std::vector<double> products;
  for (const std::size_t i : some) {
    const Trial& trial = trials_[i];
    genes.push_back(trial.genes);
    const bool fits = std::isfinite(trial.pair.cost.ms);
    labels.push_back(fits ? 1.0 : -1.0);
    if (!fits) continue;
    fitting.push_back(trial.genes);
    slacks.push_back(context_.problem.limits.slack(trial.pair.cost));
    products.push_back(std::log(trial.pair.cost.product()));
  }
  has_slacks_ = models_limits_ && is_limited_ && !fitting.empty();
  if (has_slacks_) slacks_.learn(fitting, slacks);
  has_misfits_ = models_limits_ && fitting.size() < genes.size();
  if (has_misfits_) fits_.learn(genes, labels);
  product_mean_ = mean(products);
  product_deviation_ = std::max(standard_deviation(products), 1e-9);
  for (double& product : products) product = (product - product_mean_) / product_deviation_;
  if (!fitting.empty()) products_.learn(fitting, products);
}

void LearnedSearch::learn_accuracies(std::span<const std::size_t> some) {
  known_scores_.clear();
  best_score_.reset();
  std::vector<Genes> networks;  // In the order of the trials, so that the model only grows.
  std::vector<double> values;
  for (const std::size_t i : some) {
    const Trial& trial = trials_[i];
    if (!trial.is_inside || !known_scores_.emplace(network_of(trial.genes), 0.0).second) continue;
    networks.push_back(network_of(trial.genes));
    values.push_back(trial.pair.accuracy);
  }
  if (networks.empty()) return;
  values = normal_scores(values);
  for (std::size_t i = 0; i < values.size(); ++i) known_scores_[networks[i]] = values[i];
  if (has_networks_) accuracies_.learn(networks, values);
  for (const std::size_t i : some) {
    if (!trials_[i].is_inside) continue;
    const double product = std::log(trials_[i].pair.cost.product());
    const double score = known_scores_.at(network_of(trials_[i].genes)) -
                         kProductWeight * (product - product_mean_) / product_deviation_;
    best_score_ = std::max(best_score_.value_or(score), score);
  }
}

std::vector<GenePrediction> LearnedSearch::scores(std::span<const Genes> genes) const {
  std::vector<Genes> networks;
  networks.reserve(genes.size());
  for (const Genes& one : genes) networks.push_back(network_of(one));
  const auto products = products_.predict(genes);
  std::vector<GenePrediction> result;
  if (has_networks_) {
    result = accuracies_.predict(networks);
  } else {
    result.resize(genes.size());
  }
  for (std::size_t i = 0; i < genes.size(); ++i) {
    const auto known = known_scores_.find(networks[i]);
    if (known != known_scores_.end()) result[i] = {known->second, 0.0};
    result[i].mean -= kProductWeight * products[i].mean;
    result[i].deviation = std::hypot(result[i].deviation, kProductWeight * products[i].deviation);
  }
  return result;
}

std::vector<double> LearnedSearch::gains(std::span<const Genes> genes) const {
  std::vector<double> result(genes.size(), 1.0);
  if (best_score_) {
    const auto expected = scores(genes);
    for (std::size_t i = 0; i < genes.size(); ++i) {
      result[i] = expected_gain(expected[i], *best_score_);
    }
  }
  if (!models_limits_) return result;
  const auto likely = chances(genes);
  for (std::size_t i = 0; i < genes.size(); ++i) {
    result[i] *= likely[i] * (likely[i] < kLikely ? kUnlikelyWeight : 1.0);
  }
  return result;
}

std::vector<double> LearnedSearch::chances(std::span<const Genes> genes) const {
  std::vector<double> result(genes.size(), 1.0);
  const auto multiply = [&](const GeneModel& model) {
    const auto predictions = model.predict(genes);
    for (std::size_t i = 0; i < genes.size(); ++i) {
      result[i] *= probability_above(predictions[i], 0.0);
    }
  };
  if (has_misfits_) multiply(fits_);
  if (has_slacks_) multiply(slacks_);
  return result;
}

void LearnedSearch::add_new(const Genes& genes, std::set<Genes>& taken,
                            std::vector<Genes>& fresh) const {
  Genes code = region_.canonical(genes);
  if (seen_.contains(code) || !taken.insert(code).second) return;
  fresh.push_back(std::move(code));
}

std::vector<Genes> LearnedSearch::starts() const {
  std::vector<std::size_t> order(trials_.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    const Trial& left = trials_[a];
    const Trial& right = trials_[b];
    if (left.is_inside != right.is_inside) return left.is_inside;
    if (left.is_inside) return is_better(left.pair, right.pair);
    return context_.problem.limits.violation(left.pair.cost) <
           context_.problem.limits.violation(right.pair.cost);
  });
  std::vector<Genes> best;
  for (std::size_t i = 0; i < std::min(kPoolStarts, order.size()); ++i) {
    best.push_back(trials_[order[i]].genes);
  }
  return best;
}

std::vector<Genes> LearnedSearch::propose(std::size_t count) {
  std::set<Genes> taken;
  std::vector<Prospect> pool;
  const auto judge = [&](const std::vector<Genes>& fresh) {
    if (fresh.empty()) return;
    const auto values = gains(fresh);
    for (std::size_t i = 0; i < fresh.size(); ++i) pool.push_back({fresh[i], values[i]});
    std::stable_sort(pool.begin(), pool.end(),
                     [](const Prospect& a, const Prospect& b) { return a.gain > b.gain; });
  };
  std::vector<Genes> fresh;
  for (std::size_t i = 0; i < kPoolRandom; ++i) {
    add_new(region_.pairs().sample(rng_), taken, fresh);
  }
  std::vector<Genes> near = starts();
  for (int climb = 0; climb <= kPoolClimbs; ++climb) {
    for (std::size_t i = 0; i < kPoolNear && !near.empty(); ++i) {
      Genes genes = region_.pairs().step(near[i % near.size()], rng_);
      if (rng_.chance(0.5)) genes = region_.pairs().step(genes, rng_);
      add_new(genes, taken, fresh);
    }
    judge(fresh);
    fresh.clear();
    near.clear();
    for (std::size_t i = 0; i < std::min(kPoolStarts, pool.size()); ++i) {
      near.push_back(pool[i].genes);
    }
  }
  std::vector<Genes> chosen;
  for (std::size_t i = 0; i < std::min(count, pool.size()); ++i) chosen.push_back(pool[i].genes);
  return chosen;
}

BestPairs LearnedSearch::run() {
  constexpr int kFruitless = 500;
  const auto budget = static_cast<std::size_t>(population_evaluations(context_.search_config));
  Progress progress(context_.log, "bayesian", static_cast<std::int64_t>(budget));
  const auto attempt_one = [&](const Genes& genes) {
    context_.stop.check();
    attempt(genes);
    progress.step(1);
  };
  for (int known = 0; trials_.size() < std::min(kFirstTrials, budget) && known < kFruitless;) {
    const Genes genes = region_.pairs().sample(rng_);
    const bool is_new = !seen_.contains(region_.canonical(genes));
    known = is_new ? 0 : known + 1;
    if (is_new) attempt_one(genes);
  }
  while (trials_.size() < budget) {
    const auto some = modelled();
    learn_costs(some);
    learn_accuracies(some);
    const std::size_t wanted = trials_.size() < kSingleTrials ? 1 : kTrialsAtOnce;
    const auto next = propose(std::min(wanted, budget - trials_.size()));
    if (next.empty()) break;  // Nothing new was found: the region has run out.
    for (const Genes& genes : next) attempt_one(genes);
  }
  std::vector<Pair> pairs;
  std::size_t inside = 0;
  for (const Trial& trial : trials_) {
    pairs.push_back(trial.pair);
    inside += trial.is_inside ? 1 : 0;
  }
  context_.log.info(
      fmt::format("bayesian: {} of {} pairs tried are inside the limits", inside, pairs.size()));
  return best_of(pairs, context_.problem.limits);
}

}  // namespace

BestPairs search_learned(CodesignContext& context, bool models_limits) {
  return LearnedSearch(context, models_limits).run();
}

}  // namespace hsconas
