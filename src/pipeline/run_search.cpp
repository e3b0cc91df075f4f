#include <cmath>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "hsconas/base/statistics.hpp"
#include "hsconas/deploy/deployed_model.hpp"
#include "hsconas/latency/measure.hpp"
#include "hsconas/latency/source.hpp"
#include "hsconas/pipeline/run.hpp"
#include "hsconas/profile/torch_timer.hpp"
#include "hsconas/report/run_report.hpp"
#include "hsconas/score/target_sampler.hpp"
#include "hsconas/search/search.hpp"
#include "hsconas/shrink/shrinkers.hpp"
#include "hsconas/stages/load_run.hpp"
#include "hsconas/stages/result.hpp"
#include "run_data.hpp"
#include "run_state.hpp"

namespace hsconas {

// The stages of Run that need trained shared weights: shrinking, the baseline, the search, and the
// timing of the winner.

using nlohmann::json;

namespace {

// The paper compares the winner with random networks whose latency is near T.
constexpr double kBaselineTolerance = 0.10;
// A relative change of a block's time above this is more than the spread of measurements.
constexpr double kOtherSpeed = 0.10;

/// Whether `wanted`, the device of a table, and `here` are the same device with the same precision
/// and runtime.
bool is_same_device(const DeviceInfo& wanted, const DeviceInfo& here) {
  const auto runtime = [](const DeviceInfo& info) {
    return info.versions.substr(0, info.versions.find(' '));
  };
  return wanted.device == here.device && wanted.precision == here.precision &&
         runtime(wanted) == runtime(here);
}

}  // namespace

void Run::shrink_stage(std::size_t index, std::shared_ptr<const NetworkRegion>& region,
                       ShrinkRecord& record) {
  const ShrinkConfig::Stage& settings = config_.shrink.stages[index];
  ShrinkRecord::Stage stage{.name = fmt::format("shrink-{}", index + 1),
                            .log10_size_before = region->log10_size(),
                            .layers = {}};
  // A resumed run takes the decisions again; with the accuracies in candidates.csv they are the
  // same and cost no evaluation.
  ShrunkRegion smaller = shrinkers().front().shrink(
      *region, config_.shrink, index,
      {.scorer = scorer(), .seed = config_.seed, .log = log_, .stop = stop_});
  region = std::move(smaller.region);
  stage.log10_size_after = region->log10_size();
  for (const auto& decision : smaller.decisions) stage.layers.push_back(layer_of(decision, space_));
  log_.info(fmt::format("{}: {} -> {} architectures", stage.name,
                        format_power(stage.log10_size_before),
                        format_power(stage.log10_size_after)));
  record.stages.push_back(stage);
  dir_.files.on_root([&] { write_sealed_json(dir_.shrink(), to_json(record)); });
  if (settings.tune_epochs <= 0.0) return;
  train_stage(stage.name, inputs().shrink(index, latency_identity()), region,
              config_.tuning(index));
}

const NetworkRegion& Run::shrunk() {
  if (shrunk_) return *shrunk_;
  check_feasible();
  supernet();
  std::shared_ptr<const NetworkRegion> region = std::make_shared<Subspace>(Subspace::full(space_));
  ShrinkRecord record{
      .samples = config_.shrink.samples, .target_ms = latency().objective.target_ms, .stages = {}};
  for (std::size_t i = 0; i < config_.shrink.stages.size(); ++i) shrink_stage(i, region, record);
  tuned_by_ = weights().stage;
  shrunk_ = std::move(region);
  return *shrunk_;
}

Supernet& Run::tuned() {
  shrunk();
  if (weights().stage != tuned_by_) {
    shrunk_.reset();  // All stages are finished, so shrunk() only loads their weights again.
    shrunk();
  }
  return weights().supernet;
}

FrozenNetwork Run::freeze(const Architecture& arch) {
  tuned();
  scorer();  // Makes the evaluator drop activations that it kept for other weights.
  return weights().evaluator->freeze_candidate(arch);
}

ResultRecord Run::baseline() {
  supernet();
  Scorer& scorer = this->scorer();
  Rng rng(config_.seed, "baseline");
  const Subspace full = Subspace::full(space_);
  std::vector<Architecture> archs{smallest(space_), largest(space_)};
  const TargetSampler sampler(full, scorer, kBaselineTolerance);
  for (int i = 0; i < config_.search.baseline_samples; ++i) archs.push_back(sampler.sample(rng));
  log_.info(fmt::format("baseline: scoring {} random architectures near T",
                        config_.search.baseline_samples));
  const auto candidates = scorer.score(archs);
  ResultRecord result;
  std::vector<double> accuracies;
  const Candidate* best = &candidates[2];
  for (std::size_t i = 2; i < candidates.size(); ++i) {
    accuracies.push_back(candidates[i].accuracy);
    result.random.push_back(scored(candidates[i], space_));
    if (candidates[i].score > best->score) best = &candidates[i];
  }
  const LatencyTable& table = latency().table;
  result.others = {compared("best random", *best, space_, table),
                   compared("smallest", candidates[0], space_, table),
                   compared("largest", candidates[1], space_, table)};
  result.random_median = median(accuracies);
  return result;
}

ResultRecord Run::search() {
  check_feasible();
  ResultRecord result;
  run_stage({.name = "search",
             .inputs = inputs().search(latency_identity()),
             .outputs = {dir_.result(), dir_.model(), dir_.architecture()},
             .produce = [&] { result = search_stage(); },
             .load =
                 [&] {
                   result = read_result(dir_.files.read_sealed_json(dir_.result()),
                                        dir_.result().string());
                   return true;
                 }},
            record_, log_);
  dir_.files.on_root([this] { write_file(dir_.report(), run_report(load_run(dir_.root))); });
  return result;
}

ResultRecord Run::search_stage() {
  ResultRecord result = baseline();
  tuned();
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
  const FrozenNetwork winner = weights().evaluator->freeze_candidate(found.best.arch);
  Tally tally;
  data().for_each_test_batch([&](const Batch& batch) { tally += classify(winner, batch); });
  result.test_accuracy = tally.accuracy();
  result.winner = compared("winner", found.best, space_, latency().table);
  log_.info(fmt::format("winner: F {:.4f}, {:.2f} % on the test set", found.best.score,
                        result.test_accuracy * 100.0));
  measure(result);
  add_limits(result, space_, latency().limits);
  dir_.files.on_root([&] {
    save_model(dir_.model(), {.space = config_.space,
                              .arch = found.best.arch,
                              .network = winner,
                              .classes = data().classes(),
                              .normalisation = data().normalisation(),
                              .weights = "supernet"});
  });
  result.name = config_.name;
  result.seed = config_.seed;
  result.space = config_.space.name;
  result.log10_space = Subspace::full(space_).log10_size();
  result.log10_shrunk_space = region.log10_size();
  result.target_ms = latency().objective.target_ms;
  result.beta = latency().objective.beta;
  result.device = describe(latency().table.device);
  result.batch = latency().table.device.batch;
  result.weights = weights().scored_under;
  result.method = config_.search.method;
  result.evaluations = found.scored.size();
  for (const Generation& generation : found.history) {
    result.history.push_back(
        {generation.evaluations, generation.best_score, generation.mean_score});
  }
  dir_.files.on_root([&] { write_sealed_json(dir_.result(), to_json(result)); });
  return result;
}

void Run::measure(ResultRecord& result) {
  std::vector<ComparedArchitecture*> all{&result.winner};
  for (auto& other : result.others) all.push_back(&other);
  std::vector<Architecture> archs;
  for (const auto* row : all) archs.push_back(space_.decode(row->arch));
  const json times =
      json::parse(dir_.files.from_root([&] { return json(measured_ms(archs)).dump(); }));
  for (std::size_t i = 0; i < times.size(); ++i) all[i]->measured_ms = times[i].get<double>();
}

std::vector<double> Run::measured_ms(std::span<const Architecture> archs) {
  // An accelerator model cannot be timed, and times on another device do not compare with T.
  if (latency_source(config_.latency).is_modelled) return {};
  const DeviceInfo& wanted = latency().table.device;
  const LatencyConfig settings = settings_beside(wanted, config_.latency, config_.latency_device());
  TorchTimer timer = make_timer(settings, wanted.batch);
  const DeviceInfo here = timer.info();
  if (!is_same_device(wanted, here)) {
    log_.info(
        fmt::format("the latency table is for another device ({}) or runtime, so networks are not "
                    "timed on this one ({})",
                    wanted.device, here.device));
    return {};
  }
  log_.info("timing the winner and the architectures that it is compared with");
  MachineNoise noise;
  const auto times =
      measure_networks(space_, archs, timer, settings, config_.seed, log_, stop_.token(), &noise);
  // The table holds the time of a reference block, which measure_networks() has now timed again.
  const double reference_ms = latency().table.noise.reference_ms;
  if (reference_ms > 0.0 && std::abs(noise.reference_ms / reference_ms - 1.0) > kOtherSpeed) {
    log_.warn(fmt::format(
        "the machine takes {:.2f} times as long for a reference block as when the latency table "
        "was measured, so measured and predicted times cannot be compared",
        noise.reference_ms / reference_ms));
  }
  return times;
}

}  // namespace hsconas
