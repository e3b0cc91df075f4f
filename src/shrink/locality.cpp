#include "hsconas/shrink/locality.hpp"

#include <algorithm>
#include <cmath>
#include <set>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "hsconas/base/error.hpp"
#include "hsconas/base/progress.hpp"
#include "hsconas/base/rng.hpp"
#include "hsconas/base/statistics.hpp"
#include "hsconas/score/feasible.hpp"
#include "hsconas/score/target_sampler.hpp"
#include "hsconas/space/balls.hpp"
#include "hsconas/space/subspace.hpp"

namespace hsconas {

namespace {

const Subspace& subspace_around(const NetworkRegion& region) {
  if (const auto* balls = dynamic_cast<const Balls*>(&region)) return balls->within();
  if (const auto* subspace = dynamic_cast<const Subspace*>(&region)) return *subspace;
  throw Error(ErrorKind::Internal, "locality shrinking needs a subspace, or balls in one");
}

std::shared_ptr<const NetworkRegion> copy_of(const NetworkRegion& region) {
  if (const auto* balls = dynamic_cast<const Balls*>(&region)) {
    return std::make_shared<Balls>(*balls);
  }
  return std::make_shared<Subspace>(subspace_around(region));
}

class LocalityShrinking {
 public:
  LocalityShrinking(const LocalityOptions& options, Scorer& scorer, Rng rng, Log& log,
                    const GroupStop& stop)
      : options_(options), scorer_(scorer), rng_(rng), log_(log), stop_(stop) {}

  ShrunkRegion shrink(const NetworkRegion& region);

 private:
  /// Scores networks of `region` and adds them to `scored_`.
  ShrinkRound score(const NetworkRegion& region);
  /// Up to `samples` different networks; fewer when no new one is found in many draws.
  std::vector<Architecture> draw(const NetworkRegion& region);
  std::vector<Architecture> best_seeds() const;
  /// Whether `next` is better than `now` and smaller.
  bool rises(const ShrinkRound& now, const ShrinkRound& next) const;
  void report(const ShrinkRound& round, std::size_t number) const;

  const LocalityOptions& options_;
  Scorer& scorer_;
  Rng rng_;
  Log& log_;
  const GroupStop& stop_;
  std::vector<ScoredNetwork> scored_;
};

std::vector<Architecture> LocalityShrinking::draw(const NetworkRegion& region) {
  constexpr int kTries = 200;
  std::vector<Architecture> drawn;
  std::set<Architecture> known;
  const TargetSampler sampler(region, scorer_, options_.latency_tolerance);
  for (int tries = 0; tries < kTries && std::ssize(drawn) < options_.samples; ++tries) {
    Architecture arch = sampler.sample(rng_);
    if (!known.insert(scorer_.space().canonical(arch)).second) continue;
    drawn.push_back(std::move(arch));
    tries = 0;
  }
  return drawn;
}

ShrinkRound LocalityShrinking::score(const NetworkRegion& region) {
  const std::vector<Architecture> drawn = draw(region);
  Progress progress(log_, "shrinking", std::ssize(drawn));
  const std::size_t chunk = Scorer::kChunk * static_cast<std::size_t>(stop_.group().size());
  std::vector<double> scores;
  for (auto rest = std::span(drawn); !rest.empty();) {
    stop_.check();
    const auto part = rest.first(std::min(chunk, rest.size()));
    auto candidates = scorer_.score(part);
    for (std::size_t i = 0; i < part.size(); ++i) {
      scores.push_back(candidates[i].score);
      scored_.push_back({part[i], std::move(candidates[i])});
    }
    progress.step(std::ssize(part));
    rest = rest.subspan(part.size());
  }
  return {
      .log10_size = log10_different(scorer_.space(), region),
      .samples = static_cast<int>(scores.size()),
      .mean = mean(scores),
      .standard_error = standard_deviation(scores) / std::sqrt(static_cast<double>(scores.size()))};
}

std::vector<Architecture> LocalityShrinking::best_seeds() const {
  std::vector<const ScoredNetwork*> order;
  std::set<Architecture> known;
  for (const ScoredNetwork& drawn : scored_) {
    if (known.insert(drawn.candidate.arch).second) order.push_back(&drawn);
  }
  std::stable_sort(order.begin(), order.end(), [](const ScoredNetwork* a, const ScoredNetwork* b) {
    return a->candidate.score > b->candidate.score;
  });
  order.resize(std::min(order.size(), static_cast<std::size_t>(options_.seeds)));
  std::vector<Architecture> seeds;
  seeds.reserve(order.size());
  for (const ScoredNetwork* drawn : order) seeds.push_back(drawn->arch);
  return seeds;
}

bool LocalityShrinking::rises(const ShrinkRound& now, const ShrinkRound& next) const {
  const double error = std::hypot(now.standard_error, next.standard_error);
  return next.log10_size < now.log10_size && next.mean > now.mean &&
         next.mean - now.mean > options_.standard_errors * error;
}

void LocalityShrinking::report(const ShrinkRound& round, std::size_t number) const {
  log_.info(fmt::format("shrinking, round {}: {} networks, mean F of {} is {:.4f} +- {:.4f}{}",
                        number, format_power(round.log10_size), round.samples, round.mean,
                        round.standard_error, round.is_kept ? "" : ", so this region is dropped"));
}

ShrunkRegion LocalityShrinking::shrink(const NetworkRegion& region) {
  const Subspace& within = subspace_around(region);
  ShrunkRegion result;
  result.rounds.push_back(score(region));
  report(result.rounds.back(), 0);
  for (int i = 0; i < options_.rounds; ++i) {
    const ShrinkRound now = result.rounds.back();
    auto balls = std::make_shared<Balls>(scorer_.space(), within, best_seeds(), options_.radius);
    ShrinkRound next = score(*balls);
    next.is_kept = rises(now, next) && !find_feasible(*balls, scorer_).empty();
    result.rounds.push_back(next);
    report(next, result.rounds.size() - 1);
    if (!next.is_kept) break;
    result.region = std::move(balls);
  }
  if (!result.region) result.region = copy_of(region);
  result.best = best_members(*result.region, scored_);
  return result;
}

}  // namespace

ShrunkRegion shrink_to_balls(const NetworkRegion& region, const LocalityOptions& options,
                             Scorer& scorer, std::uint64_t seed, std::uint64_t stream, Log& log,
                             const GroupStop& stop) {
  return LocalityShrinking(options, scorer, Rng(seed, "locality", stream), log, stop)
      .shrink(region);
}

namespace {

ShrunkRegion keep_neighbourhoods(const NetworkRegion& region, const ShrinkConfig& config,
                                 std::size_t stage, const ShrinkTools& tools) {
  return shrink_to_balls(region,
                         {.samples = config.samples,
                          .seeds = config.seeds,
                          .radius = config.stages[stage].radius,
                          .rounds = config.rounds,
                          .latency_tolerance = config.latency_tolerance,
                          .standard_errors = config.standard_errors},
                         tools.scorer, tools.seed, stage, tools.log, tools.stop);
}

ShrinkForecast forecast_neighbourhoods(const ShrinkConfig& config, std::size_t stage,
                                       const SearchSpace& space, double log10_size) {
  const int radius = config.stages[stage].radius;
  const double balls = config.seeds * ball_size(space, Subspace::full(space), radius);
  return {.what = fmt::format("balls of radius {} around {} networks", radius, config.seeds),
          .evaluations = config.samples * (config.rounds + 1),
          .log10_size = std::min(log10_size, std::log10(balls))};
}

}  // namespace

Shrinker locality_shrinker() {
  return {.name = "locality",
          .meaning = "keeps the neighbourhoods of the best networks, as long as they improve",
          .shrink = keep_neighbourhoods,
          .forecast = forecast_neighbourhoods};
}

}  // namespace hsconas
