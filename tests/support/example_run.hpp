#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "hsconas/base/files.hpp"
#include "hsconas/base/log.hpp"
#include "hsconas/config/config_file.hpp"
#include "hsconas/latency/measure.hpp"
#include "hsconas/search/search.hpp"
#include "hsconas/shrink/shrinkers.hpp"
#include "hsconas/stages/load_run.hpp"
#include "hsconas/stages/result.hpp"
#include "hsconas/stages/stage_inputs.hpp"
#include "hsconas/stages/work_dir.hpp"
#include "support/fake_evaluator.hpp"
#include "support/fake_timer.hpp"
#include "support/spaces.hpp"

namespace hsconas {

/// A config whose run takes milliseconds with fakes for the device and the supernet.
inline Config example_config(SpaceDescription space = tiny_description(3)) {
  Config config;
  config.name = "example";
  config.space = std::move(space);
  config.latency = {.target_position = 0.4,
                    .rounds = 3,
                    .budget_minutes = 0,
                    .sample_ms = 0,
                    .bias_networks = 10,
                    .test_networks = 6};
  config.supernet.epochs = 3;
  config.shrink = {.samples = 3, .stages = {{.layers = 1}}};
  config.search.population = 6;
  config.search.generations = 3;
  config.search.parents = 3;
  config.search.baseline_samples = 5;
  config.search.latency_tolerance = 0.5;
  return config;
}

/// Runs the stages of a search with fakes. Writes the files of a real run into `folder`, with the
/// same code, except checkpoints.
inline void make_example_run(const std::filesystem::path& folder, const Config& config) {
  const WorkDir dir = WorkDir::open(folder, WorkDirMode::Fresh);
  Log log(Verbosity::Quiet);
  const StopToken stop;
  const SearchSpace space(config.space);
  write_json(dir.config(), to_json(config));
  write_file(dir.version(), "hsconas 0.1.0\nLibTorch <none>\n");

  struct {
    LatencyTable table;
    Objective objective;
  } latency;
  FakeTimer timer({.noise = 0.01});
  latency.table =
      measure_table(space, timer, {.device = "cpu: <fake> & co", .threads = 1, .batch = 1},
                    config.latency, config.seed, log, stop);
  latency.table.noise = {};  // Only the noise depends on this machine.
  write_json(dir.latency(), to_json(latency.table));
  const TableModel model(space, latency.table);
  const Subspace full = Subspace::full(space);
  const LatencyRange range = latency_range(model, full);
  latency.objective = {.target_ms = range.fastest_ms + config.latency.target_position *
                                                           (range.slowest_ms - range.fastest_ms),
                       .beta = config.score.beta};

  GrowingFile metrics(dir.metrics(), false);
  const auto train = [&](const std::string& stage, int lines) {
    for (int i = 1; i <= lines; ++i) {
      metrics.append(nlohmann::json{
          {"stage", stage},
          {"step", 20 * i},
          {"loss", 2.0 / i},
          {"lr", 0.5 / i},
          {"images_per_second", 1000 + i},
          {"time",
           1.7e9 + i}}.dump());
    }
  };
  FakeEvaluator evaluator(space);
  Scorer scorer(space, evaluator, model, latency.objective, dir.candidates());
  ResultRecord result;
  train("supernet", 400);
  scorer.set_weights("1111111111111111");
  result.weights.push_back({"supernet", "1111111111111111"});
  Rng rng(config.seed, "baseline");
  const auto extremes = scorer.score(std::vector<Architecture>{smallest(space), largest(space)});
  std::vector<Candidate> drawn;
  for (int i = 0; i < config.search.baseline_samples; ++i) {
    const Architecture arch = sample_near_target(full, scorer, 0.1, rng);
    drawn.push_back(scorer.score(std::vector<Architecture>{arch}).front());
    result.random.push_back(scored(drawn.back(), space));
  }
  const auto timed = [&](const char* title, const Candidate& candidate, double ratio) {
    ComparedArchitecture row = compared(title, candidate, space, latency.table);
    row.measured_ms = ratio * candidate.latency_ms;
    return row;
  };
  result.others = {timed("best random", drawn.front(), 1.1), timed("smallest", extremes[0], 1.0),
                   timed("largest", extremes[1], 1.0)};
  result.random_median = result.random.front().accuracy;

  std::shared_ptr<const NetworkRegion> region = std::make_shared<Subspace>(full);
  ShrinkRecord shrink{.method = config.shrink.method,
                      .samples = config.shrink.samples,
                      .target_ms = latency.objective.target_ms,
                      .stages = {}};
  for (std::size_t i = 0; i < config.shrink.stages.size(); ++i) {
    const ShrunkRegion smaller =
        find_shrinker(config.shrink.method)
            .shrink(*region, config.shrink, i,
                    {.scorer = scorer, .seed = config.seed, .log = log, .stop = stop});
    const std::string name = "shrink-" + std::to_string(i + 1);
    shrink.stages.push_back(stage_of(name, *region, smaller, space));
    region = smaller.region;
    train(name, 10);
    const std::string weights(16, static_cast<char>('2' + i));
    scorer.set_weights(weights);
    result.weights.push_back({name, weights});
  }
  write_sealed_json(dir.shrink(), to_json(shrink));

  const SearchResult found =
      search(*region, scorer, config.search, config.seed, log, stop, [&](const Generation& end) {
        metrics.append(nlohmann::json{{"stage", "search"},
                                      {"step", end.evaluations},
                                      {"best_score", end.best_score},
                                      {"mean_score", end.mean_score}}
                           .dump());
      });
  metrics.flush();
  result.winner = timed("winner", found.best, 1.02);
  result.test_accuracy = 0.5;
  result.name = config.name;
  result.seed = config.seed;
  result.space = config.space.name;
  result.log10_space = full.log10_size();
  result.log10_shrunk_space = region->log10_size();
  result.target_ms = latency.objective.target_ms;
  result.beta = latency.objective.beta;
  result.device = describe(latency.table.device);
  result.batch = latency.table.device.batch;
  result.method = config.search.method;
  result.evaluations = found.scored.size();
  for (const Generation& end : found.history) {
    result.history.push_back({end.evaluations, end.best_score, end.mean_score, end.hypervolume});
  }
  for (const Candidate& candidate : found.front) result.front.push_back(scored(candidate, space));
  write_sealed_json(dir.result(), to_json(result));
  const StageInputs inputs(config, {.train = "images", .test = "test images"});
  StageRecord(dir.stages())
      .finish("search", inputs.search({.target_ms = latency.objective.target_ms,
                                       .table = fingerprint_of(to_json(latency.table))}));
}

}  // namespace hsconas
