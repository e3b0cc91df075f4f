#include "hsconas/search/method_trials.hpp"

#include <algorithm>
#include <ctime>
#include <functional>

#include "hsconas/base/log.hpp"
#include "hsconas/score/scorer.hpp"
#include "hsconas/score/target.hpp"
#include "hsconas/search/search.hpp"

namespace hsconas {

namespace {

// A score comes from the same numbers in the same order, so equal networks have equal scores; the
// margin only makes that independent of how the compiler contracts them.
constexpr double kRounding = 1e-12;

double cpu_seconds() {
  std::timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

double reported_accuracy(const KnownNetworks& known, const Architecture& arch) {
  return (known.reported() != nullptr ? *known.reported() : known.accuracies()).accuracy(arch);
}

/// Fills in what the trial knows of the candidates, in the order in which they were scored.
void follow(const std::vector<Candidate>& scored, const KnownNetworks& known,
            const KnownOptimum& optimum, std::size_t evaluations, MethodTrial& trial) {
  const std::size_t count = std::min(evaluations, scored.size());
  for (std::size_t i = 0; i < count; ++i) {
    const Candidate& candidate = scored[i];
    if (trial.best_score.empty() || candidate.score > trial.best_score.back()) {
      trial.best_score.push_back(candidate.score);
      trial.reported.push_back(reported_accuracy(known, candidate.arch));
    } else {
      trial.best_score.push_back(trial.best_score.back());
      trial.reported.push_back(trial.reported.back());
    }
    const auto reaches = [&](double score) { return candidate.score >= score - kRounding; };
    if (trial.until_top == 0 && reaches(optimum.top_score)) trial.until_top = i + 1;
    if (trial.until_best == 0 && reaches(optimum.best_score)) trial.until_best = i + 1;
  }
}

}  // namespace

KnownOptimum known_optimum(const KnownNetworks& known, double latency_tolerance) {
  const Objective& objective = known.objective();
  check_target(known.latency(), *known.region(), objective, latency_tolerance);
  const double near =
      widened_tolerance(known.latency(), *known.region(), objective, latency_tolerance);
  std::vector<double> scores;
  KnownOptimum optimum;
  for (const Architecture& arch : known.networks()) {
    const double ms = known.latency().predict_ms(arch);
    if (objective.gap(ms) > near) continue;
    scores.push_back(objective.score(known.accuracies().accuracy(arch), ms));
    optimum.best_reported = std::max(optimum.best_reported, reported_accuracy(known, arch));
  }
  if (scores.empty()) {
    throw Error(ErrorKind::Infeasible,
                "no known network lies within search.latency_tolerance of T: raise the tolerance, "
                "or choose another T");
  }
  std::sort(scores.begin(), scores.end(), std::greater<>());
  optimum.networks = scores.size();
  optimum.top = (scores.size() + 999) / 1000;
  optimum.top_score = scores[optimum.top - 1];
  optimum.best_score = scores.front();
  return optimum;
}

MethodTrial run_trial(KnownNetworks& known, const Config& config, std::uint64_t search_seed,
                      std::size_t evaluations, const KnownOptimum& optimum, const StopToken& stop,
                      const Embeddings* embeddings) {
  SearchConfig settings = config.search;
  settings.seed = search_seed;
  const auto population = static_cast<std::size_t>(settings.population);
  settings.generations = static_cast<int>((evaluations + population - 1) / population) - 1;
  Log quiet(Verbosity::Quiet, false);
  MethodTrial trial{.seed = search_seed, .best_score = {}, .reported = {}};
  const double begin = cpu_seconds();
  Scorer scorer(known.space(), known.accuracies(), known.latency(), known.objective());
  const SearchResult result = search(*known.region(), scorer, settings, config.seed, quiet,
                                     GroupStop(stop), {}, embeddings);
  trial.seconds = cpu_seconds() - begin;
  follow(result.scored, known, optimum, evaluations, trial);
  return trial;
}

}  // namespace hsconas
