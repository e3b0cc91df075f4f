#include "learned_costs.hpp"

#include <algorithm>
#include <numeric>
#include <set>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "hsconas/base/progress.hpp"
#include "hsconas/search/methods.hpp"
#include "pair_model.hpp"

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
        model_(context.problem, region_, models_limits) {}

  BestPairs run();

 private:
  void attempt(const Genes& genes);
  void learn();
  std::vector<Genes> propose(std::size_t count);
  void add_new(const Genes& genes, std::set<Genes>& taken, std::vector<Genes>& fresh) const;
  std::vector<Genes> starts() const;

  CodesignContext& context_;
  Rng rng_;
  PairRegion region_;
  PairModel model_;
  std::vector<Trial> trials_;
  std::set<Genes> seen_;
};

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

/// If there are more than kMostModelled trials, the model sees the best and the latest, half of
/// each.
void LearnedSearch::learn() {
  if (trials_.size() <= kMostModelled) return model_.learn(trials_);
  std::vector<std::size_t> some(trials_.size());
  std::iota(some.begin(), some.end(), std::size_t{0});
  constexpr auto kHalf = static_cast<std::ptrdiff_t>(kMostModelled / 2);
  std::stable_sort(some.begin(), some.end() - kHalf, [&](std::size_t a, std::size_t b) {
    if (trials_[a].is_inside != trials_[b].is_inside) return trials_[a].is_inside;
    return is_better(trials_[a].pair, trials_[b].pair);
  });
  some.erase(some.begin() + kHalf, some.end() - kHalf);
  std::sort(some.begin(), some.end());
  std::vector<Trial> trials;
  trials.reserve(some.size());
  for (const std::size_t i : some) trials.push_back(trials_[i]);
  model_.learn(trials);
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
    const auto values = model_.gains(fresh);
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
    learn();
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
