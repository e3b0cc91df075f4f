#include <cmath>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

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
#include "hsconas/stages/search_steps.hpp"
#include "run_data.hpp"
#include "run_state.hpp"

namespace hsconas {

// The stages of Run that need trained shared weights: shrinking, the baseline, the search, and the
// timing of the winner.

using nlohmann::json;

namespace {

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
  // A resumed run takes the decisions again; with the accuracies in candidates.csv they are the
  // same and cost no evaluation.
  shrink_once(config_, index, scorer(), region, record, log_, stop_);
  dir_.files.on_root([&] { write_sealed_json(dir_.shrink(), to_json(record)); });
  if (settings.tune_epochs <= 0.0) return;
  train_stage(record.stages.back().name, inputs().shrink(index, latency_identity()), region,
              config_.tuning(index));
}

const NetworkRegion& Run::shrunk() {
  if (shrunk_) return *shrunk_;
  check_feasible();
  supernet();
  std::shared_ptr<const NetworkRegion> region = std::make_shared<Subspace>(Subspace::full(space_));
  ShrinkRecord record = empty_shrink_record(config_, latency().objective);
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

bool Run::is_shrunk() {
  // Without the file, the latency table may not be there either, and would be measured.
  if (!has_supernet() || !dir_.files.exists(dir_.shrink())) return false;
  const auto& stages = config_.shrink.stages;
  for (std::size_t i = 0; i < stages.size(); ++i) {
    if (stages[i].tune_epochs <= 0.0) continue;
    const std::string name = shrink_stage_name(i);
    if (!record_.is_done(name, inputs().shrink(i, latency_identity())) ||
        !dir_.files.exists(dir_.checkpoint(name))) {
      return false;
    }
  }
  return !stages.empty();
}

void Run::score_with(ScoreConfig score) {
  config_.score = std::move(score);
  if (!weights_) return;
  weights_->scorer.reset();
  weights_->shared_evaluator.reset();
  weights_->evaluator.reset();
}

FrozenNetwork Run::freeze(const Architecture& arch) {
  tuned();
  scorer();  // Makes the evaluator drop activations that it kept for other weights.
  return weights().evaluator->freeze_candidate(arch);
}

ResultRecord Run::baseline() {
  supernet();
  return score_baseline(config_, Subspace::full(space_), scorer(), latency().table.error_percent,
                        log_);
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

SearchResult Run::find_network() {
  if (config_.supernet.learns_choices()) return choose_reading();
  const NetworkRegion& region = shrunk();
  log_.info(fmt::format("search: {} among {} architectures", config_.search.method,
                        format_power(region.log10_size())));
  return hsconas::search(region, scorer(), config_.search, config_.seed, log_, stop_,
                         to_metrics(*metrics_));
}

ResultRecord Run::search_stage() {
  ResultRecord result = baseline();
  tuned();
  const SearchResult found = find_network();
  const FrozenNetwork winner = weights().evaluator->freeze_candidate(found.best.arch);
  Tally tally;
  data().for_each_test_batch([&](const Batch& batch) { tally += classify(winner, batch); });
  result.test_accuracy = tally.accuracy();
  add_search(config_, shrunk(), scorer(), latency().table.error_percent, found, result);
  if (config_.supernet.learns_choices()) add_course(found, result);
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
  result.device = describe(latency().table.device);
  result.batch = latency().table.device.batch;
  result.weights = weights().scored_under;
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
