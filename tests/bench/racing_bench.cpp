// Measures how many images racing saves and whether it changes the winner. Evolutions run with and
// without racing over an invented accuracy that is counted image by image.
//   hsconas_racing_bench [--images N] [--confidence C] [--seeds N] [--population N] ...
// It also checks the confidence: how many of the candidates that were given up exceed their bound
// in truth, and how often the best of the last generation was given up although it would have won.
// Candidates with accuracies near those of the parents need all images; the more images there are,
// the fewer candidates lie within the error of the accuracies.
#include <cstdint>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "hsconas/search/search.hpp"
#include "support/fake_evaluator.hpp"
#include "support/fake_latency.hpp"
#include "support/spaces.hpp"

using namespace hsconas;

namespace {

/// How often racing was wrong, over all searches.
struct Promise {
  int raced = 0;     ///< Candidates judged.
  int given_up = 0;  ///< Candidates given up before all images.
  int broken = 0;    ///< Candidates given up whose true accuracy is above their bound.
  int lost = 0;      ///< Searches whose last generation's best would have won, but was given up.

  void add(const SearchResult& result, CountingEvaluator& truth, const Objective& objective) {
    const auto& history = result.history;
    const std::size_t last =
        history.size() < 2 ? 0 : static_cast<std::size_t>(history[history.size() - 2].evaluations);
    const Candidate* best = nullptr;
    double best_score = 0.0;
    for (std::size_t i = 0; i < result.scored.size(); ++i) {
      const Candidate& candidate = result.scored[i];
      const double accuracy = truth.accuracy({&candidate.arch, 1})[0];
      const double score = objective.score(accuracy, candidate.latency_ms);
      ++raced;
      given_up += candidate.images != 0 ? 1 : 0;
      broken += candidate.images != 0 && accuracy > candidate.at_most ? 1 : 0;
      if (i >= last && (best == nullptr || score > best_score)) {
        best = &candidate;
        best_score = score;
      }
    }
    if (best != nullptr && best->images != 0 && best_score > result.best.score) ++lost;
  }
};

}  // namespace

int main(int argc, char** argv) {
  SearchConfig config;
  std::int64_t images = 10000;
  int seeds = 10;
  CLI::App app("Compares evolutions with and without racing");
  app.add_option("--images", images, "Images that a candidate is judged on: a multiple of 100")
      ->check(CLI::PositiveNumber);
  app.add_option("--confidence", config.racing, "search.racing");
  app.add_option("--seeds", seeds, "Number of evolutions");
  app.add_option("--population", config.population);
  app.add_option("--generations", config.generations);
  app.add_option("--parents", config.parents);
  CLI11_PARSE(app, argc, argv);

  const SearchSpace space = shipped_space("fashion-28");
  const Subspace subspace = Subspace::full(space);
  const FakeLatency latency(space);
  const LatencyRange range = latency_range(latency, subspace);
  const Objective objective{.target_ms = 0.5 * (range.fastest_ms + range.slowest_ms), .beta = -0.3};
  Log log{Verbosity::Quiet, false};
  const StopToken stop;
  int same = 0;
  double raced = 0.0;
  double full = 0.0;
  Promise promise;
  for (int i = 1; i <= seeds; ++i) {
    const auto seed = static_cast<std::uint64_t>(i);
    const auto found = [&](double confidence, double& evaluations) {
      CountingEvaluator evaluator(space, seed, images);
      Scorer scorer(space, evaluator, latency, objective);
      SearchConfig settings = config;
      settings.racing = confidence;
      SearchResult result = search(subspace, scorer, settings, seed, log, stop);
      evaluations += scorer.full_evaluations();
      if (confidence < 1.0) promise.add(result, evaluator, objective);
      return result.best;
    };
    const Candidate a = found(config.racing, raced);
    const Candidate b = found(1.0, full);
    if (a.arch == b.arch) ++same;
    fmt::print("seed {:2}: F {:.4f} racing, {:.4f} in full{}\n", i, a.score, b.score,
               a.arch == b.arch ? "" : ", another winner");
  }
  fmt::print(
      "{} images, confidence {}: the same winner {} times of {}, with {:.0f} % of the "
      "images\n",
      images, config.racing, same, seeds, 100.0 * raced / full);
  fmt::print(
      "{} of {} candidates given up; {} above their bound in truth ({:.1f} promised at most); the "
      "best of the last generation lost {} times of {} ({:.1f} promised at most)\n",
      promise.given_up, promise.raced, promise.broken, (1.0 - config.racing) * promise.raced,
      promise.lost, seeds, (1.0 - config.racing) * seeds);
  return 0;
}
