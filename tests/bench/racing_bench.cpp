// What racing saves and whether it changes the winner: evolutions over a made-up accuracy that is
// counted image by image, each with racing and without.
//   hsconas_racing_bench [--images N] [--confidence C] [--seeds N] [--population N] ...
// The share of images that could not be saved is that of the candidates near the parents: the more
// images there are, the fewer candidates lie within the error of the accuracies.
#include <cstdint>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "hsconas/search/search.hpp"
#include "support/fake_evaluator.hpp"
#include "support/fake_latency.hpp"
#include "support/spaces.hpp"

using namespace hsconas;

int main(int argc, char** argv) {
  SearchConfig config;
  std::int64_t images = 10000;
  int seeds = 10;
  CLI::App app("Racing evolutions beside full ones");
  app.add_option("--images", images, "That a candidate is judged on: a multiple of 100")
      ->check(CLI::PositiveNumber);
  app.add_option("--confidence", config.racing, "search.racing");
  app.add_option("--seeds", seeds, "Evolutions");
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
  for (int i = 1; i <= seeds; ++i) {
    const auto seed = static_cast<std::uint64_t>(i);
    const auto winner = [&](double confidence, double& evaluations) {
      CountingEvaluator evaluator(space, seed, images);
      Scorer scorer(space, evaluator, latency, objective);
      SearchConfig settings = config;
      settings.racing = confidence;
      const Candidate best = search(subspace, scorer, settings, seed, log, stop).best;
      evaluations += scorer.full_evaluations();
      return best;
    };
    const Candidate a = winner(config.racing, raced);
    const Candidate b = winner(1.0, full);
    if (a.arch == b.arch) ++same;
    fmt::print("seed {:2}: F {:.4f} racing, {:.4f} in full{}\n", i, a.score, b.score,
               a.arch == b.arch ? "" : ", another winner");
  }
  fmt::print(
      "{} images, confidence {}: the same winner {} times of {}, with {:.0f} % of the "
      "images\n",
      images, config.racing, same, seeds, 100.0 * raced / full);
  return 0;
}
