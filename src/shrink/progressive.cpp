#include "hsconas/shrink/progressive.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <functional>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "hsconas/base/error.hpp"
#include "hsconas/base/progress.hpp"
#include "hsconas/base/rng.hpp"
#include "hsconas/base/statistics.hpp"
#include "hsconas/score/feasible.hpp"
#include "hsconas/score/target_sampler.hpp"
#include "hsconas/shrink/shrinkers.hpp"

namespace hsconas {

namespace {

/// F of every operator in every sample, plus beta x the excess over the limits, which counts as a
/// missed T does: [operator][sample].
using Scores = std::vector<std::vector<double>>;

/// Puts each operator into the same samples at `layer` and scores them. All operators of a sample
/// stand side by side, since they share every layer before this one.
Scores score_operators(std::span<const Architecture> samples, std::size_t layer,
                       const std::vector<int>& ops, Scorer& scorer, Progress& progress,
                       const GroupStop& stop, std::vector<ScoredNetwork>* scored) {
  Scores scores(ops.size());
  const std::size_t chunk = Scorer::kChunk * static_cast<std::size_t>(stop.group().size());
  const std::size_t per_call = std::max<std::size_t>(1, chunk / ops.size());
  for (auto rest = samples; !rest.empty();) {
    stop.check();
    const std::size_t count = std::min(per_call, rest.size());
    std::vector<Architecture> variants;
    for (Architecture arch : rest.first(count)) {
      for (const int op : ops) {
        arch[layer].op = op;
        variants.push_back(arch);
      }
    }
    const auto candidates = scorer.score(variants);
    for (std::size_t i = 0; i < candidates.size(); ++i) {
      const double excess = scorer.limits().violation(candidates[i].arch);
      scores[i % ops.size()].push_back(candidates[i].score + scorer.objective().beta * excess);
      if (scored != nullptr) scored->push_back({variants[i], candidates[i]});
    }
    progress.step(std::ssize(variants));
    rest = rest.subspan(count);
  }
  return scores;
}

/// Fills in how `quality` compares with the kept operator, sample by sample.
void compare(OperatorQuality& quality, std::span<const double> scores,
             std::span<const double> kept_scores) {
  std::vector<double> differences(scores.size());
  std::transform(scores.begin(), scores.end(), kept_scores.begin(), differences.begin(),
                 std::minus<>());
  quality.difference = mean(differences);
  quality.standard_error =
      standard_deviation(differences) / std::sqrt(static_cast<double>(differences.size()));
}

/// A network of `subspace` with `op` at `layer` that meets the target and the limits; empty if none
/// was found. `known` is one of `subspace` that does, or empty.
Architecture feasible_with(int op, int layer, Subspace subspace, const Scorer& scorer,
                           const Architecture& known) {
  if (!known.empty() && known[static_cast<std::size_t>(layer)].op == op) return known;
  subspace.ops[static_cast<std::size_t>(layer)] = {op};
  return find_feasible(subspace, scorer);
}

/// `known` is a network of `subspace` that meets the target and the limits, or empty; it becomes
/// one with the operator that is kept.
LayerDecision decide(int layer, const Subspace& subspace, const Scorer& scorer,
                     const Scores& scores, Architecture& known) {
  std::vector<Architecture> feasible;
  const std::vector<int>& ops = subspace.ops[static_cast<std::size_t>(layer)];
  LayerDecision decision{.layer = layer};
  for (std::size_t i = 0; i < ops.size(); ++i) {
    feasible.push_back(feasible_with(ops[i], layer, subspace, scorer, known));
    decision.operators.push_back({.op = ops[i],
                                  .q = mean(scores[i]),
                                  .spread = standard_deviation(scores[i]),
                                  .within_budget = !feasible.back().empty()});
  }
  const auto best =
      std::max_element(decision.operators.begin(), decision.operators.end(),
                       [](const OperatorQuality& a, const OperatorQuality& b) {
                         return std::tie(a.within_budget, a.q) < std::tie(b.within_budget, b.q);
                       });
  decision.kept = best->op;
  const auto kept_index = static_cast<std::size_t>(best - decision.operators.begin());
  known = std::move(feasible[kept_index]);
  for (std::size_t i = 0; i < ops.size(); ++i) {
    compare(decision.operators[i], scores[i], scores[kept_index]);
  }
  return decision;
}

/// "layer 19: kept shuffle_k5 (Q 0.6123), ahead of shuffle_k7 by 0.0031 (1.8 standard errors)".
std::string summary(const LayerDecision& decision, const SearchSpace& space) {
  const auto& name = space.op(decision.kept).name;
  const OperatorQuality* kept = nullptr;
  const OperatorQuality* second = nullptr;
  for (const OperatorQuality& quality : decision.operators) {
    if (quality.op == decision.kept) {
      kept = &quality;
    } else if (quality.within_budget && (second == nullptr || quality.q > second->q)) {
      second = &quality;
    }
  }
  if (kept != nullptr && second == nullptr) {
    return fmt::format("layer {}: kept {} (Q {:.4f}), the only one within the budget",
                       decision.layer, name, kept->q);
  }
  if (kept == nullptr) {
    return fmt::format("layer {}: {} is the only operator left", decision.layer, name);
  }
  const double margin = -second->difference;
  const std::string certainty =
      second->standard_error > 0.0
          ? fmt::format("{:.1f} standard errors", margin / second->standard_error)
          : "on every sample alike";
  return fmt::format("layer {}: kept {} (Q {:.4f}), ahead of {} by {:.4f} ({})", decision.layer,
                     name, kept->q, space.op(second->op).name, margin, certainty);
}

}  // namespace

std::vector<LayerDecision> shrink_layers(Subspace& subspace, int last_layer, int layers,
                                         int samples, Scorer& scorer, std::uint64_t seed, Log& log,
                                         const GroupStop& stop,
                                         std::vector<ScoredNetwork>* scored) {
  assert(last_layer < subspace.layers() && last_layer - layers + 1 >= 0 && samples >= 1);
  std::vector<LayerDecision> decisions;
  Architecture known = find_feasible(subspace, scorer);
  for (int layer = last_layer; layer > last_layer - layers; --layer) {
    std::vector<int>& ops = subspace.ops[static_cast<std::size_t>(layer)];
    if (ops.size() == 1) {
      decisions.push_back({.layer = layer, .kept = ops.front(), .operators = {}});
    } else {
      Rng rng(seed, "shrink", static_cast<std::uint64_t>(layer));
      std::vector<Architecture> drawn;
      drawn.reserve(static_cast<std::size_t>(samples));
      const TargetSampler sampler(subspace, scorer, std::numeric_limits<double>::infinity());
      for (int i = 0; i < samples; ++i) drawn.push_back(sampler.sample(rng));
      Progress progress(log, fmt::format("shrinking, layer {}", layer),
                        std::ssize(drawn) * std::ssize(ops));
      const Scores scores = score_operators(drawn, static_cast<std::size_t>(layer), ops, scorer,
                                            progress, stop, scored);
      decisions.push_back(decide(layer, subspace, scorer, scores, known));
      ops = {decisions.back().kept};
    }
    log.info(summary(decisions.back(), scorer.space()));
  }
  return decisions;
}

namespace {

/// The layer that the stage decides first; `layers` is the number of all layers.
int last_layer_of(const ShrinkConfig& config, std::size_t stage, int layers) {
  int last_layer = layers - 1;
  for (std::size_t i = 0; i < stage; ++i) last_layer -= config.stages[i].layers;
  return last_layer;
}

ShrunkRegion shrink(const NetworkRegion& region, const ShrinkConfig& config, std::size_t stage,
                    const ShrinkTools& tools) {
  const auto* choices = dynamic_cast<const Subspace*>(&region);
  if (choices == nullptr) {
    throw Error(ErrorKind::Internal,
                "progressive shrinking needs a region with a set of choices per layer");
  }
  auto smaller = std::make_shared<Subspace>(*choices);
  std::vector<ScoredNetwork> scored;
  auto decisions = shrink_layers(*smaller, last_layer_of(config, stage, smaller->layers()),
                                 config.stages[stage].layers, config.samples, tools.scorer,
                                 tools.seed, tools.log, tools.stop, &scored);
  auto best = best_members(*smaller, scored);
  return {.region = std::move(smaller), .decisions = std::move(decisions), .best = std::move(best)};
}

ShrinkForecast forecast(const ShrinkConfig& config, std::size_t stage, const SearchSpace& space,
                        double log10_size) {
  const int layers = config.stages[stage].layers;
  return {.what = fmt::format("{} layers", layers),
          .evaluations = layers * space.ops() * config.samples,
          .log10_size = log10_size - layers * std::log10(static_cast<double>(space.ops())),
          .middle_layer = std::max(0, last_layer_of(config, stage, space.layers()) - layers / 2)};
}

}  // namespace

Shrinker progressive_shrinker() {
  return {.name = "progressive",
          .meaning = "decides the operator of one layer after the other, from the last layer down",
          .shrink = shrink,
          .forecast = forecast};
}

}  // namespace hsconas
