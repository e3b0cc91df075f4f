#include "hsconas/stages/search_steps.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "hsconas/base/statistics.hpp"
#include "hsconas/score/target_sampler.hpp"
#include "hsconas/shrink/shrinkers.hpp"
#include "hsconas/space/subspace.hpp"
#include "hsconas/stages/result.hpp"

namespace hsconas {

namespace {

// The paper compares the winner with random networks whose latency is near T.
constexpr double kBaselineTolerance = 0.10;

struct NamedNetwork {
  const char* title;
  Architecture arch;
};

std::vector<NamedNetwork> extremes_of(const SearchSpace& space, const NetworkRegion& region) {
  if (space.is_cell()) return {};
  std::vector<NamedNetwork> named{{"smallest", smallest(space)}, {"largest", largest(space)}};
  std::erase_if(named, [&](const NamedNetwork& one) { return !region.contains(one.arch); });
  return named;
}

}  // namespace

ShrinkRecord empty_shrink_record(const Config& config, const Objective& objective) {
  return {.method = config.shrink.method,
          .samples = config.shrink.samples,
          .target_ms = objective.target_ms,
          .stages = {}};
}

void shrink_once(const Config& config, std::size_t index, Scorer& scorer,
                 std::shared_ptr<const NetworkRegion>& region, ShrinkRecord& record, Log& log,
                 const GroupStop& stop) {
  const ShrunkRegion smaller =
      find_shrinker(config.shrink.method)
          .shrink(*region, config.shrink, index,
                  {.scorer = scorer, .seed = config.seed, .log = log, .stop = stop});
  ShrinkRecord::Stage stage = stage_of(shrink_stage_name(index), *region, smaller, scorer.space());
  region = smaller.region;
  log.info(fmt::format("{}: {} -> {} architectures", stage.name,
                       format_power(stage.log10_size_before),
                       format_power(stage.log10_size_after)));
  record.stages.push_back(std::move(stage));
}

ResultRecord score_baseline(const Config& config, const NetworkRegion& region, Scorer& scorer,
                            double error_percent, Log& log) {
  const SearchSpace& space = scorer.space();
  Rng rng(config.seed, "baseline");
  const std::vector<NamedNetwork> named = extremes_of(space, region);
  std::vector<Architecture> archs;
  archs.reserve(named.size());
  for (const NamedNetwork& one : named) archs.push_back(one.arch);
  const TargetSampler sampler(region, scorer, kBaselineTolerance);
  for (int i = 0; i < config.search.baseline_samples; ++i) archs.push_back(sampler.sample(rng));
  log.info(fmt::format("baseline: scoring {} random architectures{}",
                       config.search.baseline_samples,
                       scorer.objective().has_target() ? " near T" : ""));
  const auto candidates = scorer.score(archs);
  ResultRecord result;
  std::vector<double> accuracies;
  const Candidate* best = &candidates[named.size()];
  for (std::size_t i = named.size(); i < candidates.size(); ++i) {
    accuracies.push_back(candidates[i].accuracy);
    result.random.push_back(scored(candidates[i], space));
    if (candidates[i].score > best->score) best = &candidates[i];
  }
  result.others = {compared("best random", *best, space, error_percent)};
  for (std::size_t i = 0; i < named.size(); ++i) {
    result.others.push_back(compared(named[i].title, candidates[i], space, error_percent));
  }
  result.random_median = median(accuracies);
  return result;
}

void add_search(const Config& config, const NetworkRegion& region, const Scorer& scorer,
                double error_percent, const SearchResult& found, ResultRecord& result) {
  result.winner = compared("winner", found.best, scorer.space(), error_percent);
  result.name = config.name;
  result.seed = config.seed;
  result.space = config.space.name;
  result.log10_space = Subspace::full(scorer.space()).log10_size();
  result.log10_shrunk_space = region.log10_size();
  result.target_ms = scorer.objective().target_ms;
  result.beta = scorer.objective().beta;
  result.method = config.search.method;
  result.evaluations = found.scored.size();
  for (const Generation& generation : found.history) {
    result.history.push_back({generation.evaluations, generation.best_score, generation.mean_score,
                              generation.hypervolume});
  }
  for (const Candidate& candidate : found.front) {
    result.front.push_back(scored(candidate, scorer.space()));
  }
}

std::function<void(const Generation&)> to_metrics(MetricsLog& metrics) {
  return [&metrics](const Generation& generation) {
    nlohmann::json line{{"stage", "search"},
                        {"step", generation.evaluations},
                        {"best_score", generation.best_score},
                        {"mean_score", generation.mean_score}};
    if (generation.hypervolume > 0.0) line["hypervolume"] = generation.hypervolume;
    metrics.add(line);
    metrics.flush();
  };
}

}  // namespace hsconas
