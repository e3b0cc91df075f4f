#include <cmath>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "hsconas/base/statistics.hpp"
#include "hsconas/config/config_file.hpp"
#include "hsconas/deploy/deployed_model.hpp"
#include "hsconas/latency/measure.hpp"
#include "hsconas/pipeline/load_run.hpp"
#include "hsconas/pipeline/plan.hpp"
#include "hsconas/pipeline/result.hpp"
#include "hsconas/pipeline/run.hpp"
#include "hsconas/profile/torch_timer.hpp"
#include "hsconas/report/run_report.hpp"
#include "hsconas/search/search.hpp"
#include "hsconas/shrink/shrinkers.hpp"
#include "run_data.hpp"
#include "run_state.hpp"

namespace hsconas {

// What Run does once there is a supernet: shrinking, the baseline, the search, the winner's times.

using nlohmann::json;

namespace {

constexpr double kBaselineTolerance = 0.10;  // The paper's comparison: random networks near T.
constexpr double kOtherSpeed = 0.10;         // More than measurements scatter.

/// Whether a table of `wanted` and a timing `here` are of one device and one way to run networks.
bool is_same_device(const DeviceInfo& wanted, const DeviceInfo& here) {
  const auto runtime = [](const DeviceInfo& info) {
    return info.versions.substr(0, info.versions.find(' '));
  };
  return wanted.device == here.device && wanted.precision == here.precision &&
         runtime(wanted) == runtime(here);
}

}  // namespace

const NetworkRegion& Run::shrunk() {
  check_feasible();
  supernet();
  Trained& trained = *trained_;
  if (trained.shrunk) return *trained.shrunk;
  const Shrinker& shrinker = shrinkers().front();
  std::shared_ptr<const NetworkRegion> region = std::make_shared<Subspace>(Subspace::full(space_));
  json report = {{"format", "hsconas-shrink-1"},
                 {"samples", config_.shrink.samples},
                 {"target_ms", latency().objective.target_ms},
                 {"stages", json::array()}};
  for (std::size_t i = 0; i < config_.shrink.stages.size(); ++i) {
    const auto& stage = config_.shrink.stages[i];
    const std::string name = fmt::format("shrink-{}", i + 1);
    const double size_before = region->log10_size();
    // Decisions are not stored apart: replayed from candidates.csv they come out the same.
    ShrunkRegion smaller =
        shrinker.shrink(*region, config_.shrink, i,
                        {.scorer = scorer(), .seed = config_.seed, .log = log_, .stop = stop_});
    region = std::move(smaller.region);
    json& part = report["stages"].emplace_back();
    part = {{"name", name},
            {"log10_size_before", size_before},
            {"log10_size_after", region->log10_size()}};
    part.update(smaller.report);
    write_sealed_json(dir_.shrink(), report);
    log_.info(fmt::format("{}: {} -> {} architectures", name, format_power(size_before),
                          format_power(region->log10_size())));
    if (stage.tune_epochs > 0.0) {
      SupernetConfig settings = config_.supernet;
      settings.epochs = stage.tune_epochs;
      settings.lr = stage.lr;
      settings.warmup_epochs = 0.0;
      train_stage(name, shrink_inputs(i), region, settings);
    }
  }
  trained.shrunk = std::move(region);
  return *trained.shrunk;
}

Supernet& Run::tuned() {
  shrunk();
  return trained_->supernet;
}

FrozenNetwork Run::freeze(const Architecture& arch) {
  shrunk();
  scorer();  // Has the evaluator.
  return trained_->evaluator->freeze_candidate(arch);
}

json Run::shrink_inputs(std::size_t stage) {
  // All stages so far: those that tune nothing leave no weights behind, but a smaller space.
  json shrink = to_json(config_)["shrink"];
  auto& stages = shrink["stages"];
  stages.erase(stages.begin() + static_cast<std::ptrdiff_t>(stage) + 1, stages.end());
  return {{"weights", weights_inputs(config_, train_images_)},
          {"judged_by", judge_inputs()},
          {"shrink", shrink}};
}

RunResult Run::baseline() {
  Scorer& scorer = this->scorer();
  Rng rng(config_.seed, "baseline");
  const Subspace full = Subspace::full(space_);
  std::vector<Architecture> archs{smallest(space_), largest(space_)};
  for (int i = 0; i < config_.search.baseline_samples; ++i) {
    archs.push_back(sample_near_target(full, scorer, kBaselineTolerance, rng));
  }
  log_.info(fmt::format("baseline: scoring {} random architectures near T",
                        config_.search.baseline_samples));
  const auto scored = scorer.score(archs);
  RunResult result;
  std::vector<double> accuracies;
  const Candidate* best = &scored[2];
  for (std::size_t i = 2; i < scored.size(); ++i) {
    accuracies.push_back(scored[i].accuracy);
    result.random.push_back(scored[i]);
    if (scored[i].score > best->score) best = &scored[i];
  }
  result.others = {{"best random", *best}, {"smallest", scored[0]}, {"largest", scored[1]}};
  result.random_median = median(accuracies);
  return result;
}

json Run::search_inputs() {
  const json all = to_json(config_);
  json inputs = {{"weights", weights_inputs(config_, train_images_)},
                 {"test", test_inputs()},
                 {"judged_by", judge_inputs()},
                 {"shrink", all["shrink"]},
                 {"search", all["search"]},
                 {"measured_on", config_.latency_device()},
                 {"measured_threads", config_.latency.threads},
                 {"measured_cpus", config_.latency.cpus},
                 {"rounds", config_.latency.rounds},
                 {"result_format", kResultFormat}};
  const json timing = timing_inputs(config_);
  if (!timing.empty()) inputs["measured_as"] = timing;
  return inputs;
}

json Run::search() {
  check_feasible();
  const json inputs = search_inputs();
  if (!reuse("search", inputs, {dir_.result(), dir_.model(), dir_.architecture()}))
    search_stage(inputs);
  write_file(dir_.report(), run_report(load_run(dir_.root)));
  return load_result(dir_.result());
}

void Run::search_stage(const json& inputs) {
  supernet();
  RunResult result = baseline();
  const NetworkRegion& region = shrunk();
  log_.info(fmt::format("search: {} among {} architectures", config_.search.method,
                        format_power(region.log10_size())));
  const SearchResult found =
      hsconas::search(region, scorer(), config_.search, config_.seed, log_, stop_,
                      [this](const Generation& generation) {
                        metrics_->add({{"stage", "search"},
                                       {"step", generation.evaluations},
                                       {"best_score", generation.best_score},
                                       {"mean_score", generation.mean_score}});
                        metrics_->flush();
                      });
  const FrozenNetwork winner = trained_->evaluator->freeze_candidate(found.best.arch);
  Tally tally;
  data().for_each_test_batch([&](const Batch& batch) { tally += classify(winner, batch); });
  result.test_accuracy = tally.accuracy();
  result.winner = {"winner", found.best};
  log_.info(fmt::format("winner: F {:.4f}, {:.2f} % on the test set", found.best.score,
                        result.test_accuracy * 100.0));
  measure(result);
  save_model(dir_.model(), {.space = config_.space,
                            .arch = found.best.arch,
                            .network = winner,
                            .classes = data().classes(),
                            .normalisation = data().normalisation(),
                            .weights = "supernet"});
  result.weights = trained_->judged_by;
  write_sealed_json(dir_.result(), to_json(result, found, config_, space_, region, latency()));
  record_.finish("search", inputs);
}

void Run::measure(RunResult& result) {
  // A modelled accelerator cannot be timed, and times of another device say nothing about T.
  if (!config_.latency.accelerator.empty()) return;
  const DeviceInfo& wanted = latency().table.device;
  const LatencyConfig settings = settings_beside(wanted, config_.latency, config_.latency_device());
  TorchTimer timer = make_timer(settings, wanted.batch);
  const DeviceInfo here = timer.info();
  if (!is_same_device(wanted, here)) {
    log_.info(
        fmt::format("the latency table is of another device ({}) or runtime: networks are not "
                    "timed here, on {}",
                    wanted.device, here.device));
    return;
  }
  log_.info("timing the winner beside the others");
  std::vector<JudgedArchitecture*> all{&result.winner};
  for (auto& other : result.others) all.push_back(&other);
  std::vector<Architecture> archs;
  for (const auto* judged : all) archs.push_back(judged->candidate.arch);
  MachineNoise noise;
  const auto times =
      measure_networks(space_, archs, timer, settings, config_.seed, log_, stop_, &noise);
  // Of a table measured on this machine: the same block, timed then and now.
  const double reference_ms = latency().table.noise.reference_ms;
  if (reference_ms > 0.0 && std::abs(noise.reference_ms / reference_ms - 1.0) > kOtherSpeed) {
    log_.warn(fmt::format(
        "the machine takes {:.2f} times as long as when the latency table was measured (a "
        "reference block, then and now): do not hold measured against predicted times",
        noise.reference_ms / reference_ms));
  }
  for (std::size_t i = 0; i < all.size(); ++i) all[i]->measured_ms = times[i];
}

}  // namespace hsconas
