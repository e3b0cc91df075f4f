#include "hsconas/pipeline/run.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "hsconas/accel/model.hpp"
#include "hsconas/base/error.hpp"
#include "hsconas/base/hash.hpp"
#include "hsconas/base/text.hpp"
#include "hsconas/config/config_file.hpp"
#include "hsconas/config/precision.hpp"
#include "hsconas/latency/measure.hpp"
#include "hsconas/pipeline/codesign_run.hpp"
#include "hsconas/pipeline/load_run.hpp"
#include "hsconas/pipeline/plan.hpp"
#include "hsconas/pipeline/version.hpp"
#include "hsconas/profile/torch_timer.hpp"
#include "hsconas/report/latency_report.hpp"
#include "hsconas/score/table_evaluator.hpp"
#include "hsconas/score/target.hpp"
#include "hsconas/supernet/device.hpp"
#include "hsconas/train/checkpoint.hpp"
#include "hsconas/train/supernet_evaluator.hpp"
#include "hsconas/train/trainer.hpp"
#include "run_data.hpp"
#include "run_state.hpp"

namespace hsconas {

using nlohmann::json;

namespace {

/// A file by what it holds. One that is not there, in a section that this run does not use, by its
/// name.
std::string file_identity(const std::string& file) {
  std::error_code unknown;
  return std::filesystem::exists(file, unknown) ? fingerprint(read_file(file)) : file;
}

/// `config` without what cannot change a result, and files by what they hold.
json comparable(const Config& config) {
  json all = without(to_json(config),
                     {"name", "checkpoint_minutes", "checkpoint_steps", "retrain", "log"});
  all["data"] = without(all["data"], {"path", "workers", "memory_mb"});
  all["score"] = without(all["score"], {"memory_mb"});
  json& latency = all["latency"];
  latency = without(latency, {"cuda", "precision"});
  latency.update(timing_inputs(config));
  for (const char* key : {"table", "accelerator"}) {
    const auto file = latency[key].get<std::string>();
    if (!file.empty()) latency[key] = fingerprint_of(read_json(file));
  }
  for (const char* key : {"designs", "accuracies"}) {
    json& file = all["codesign"][key];
    if (file != "") file = file_identity(file.get<std::string>());
  }
  return all;
}

/// `config` with the words that auto stands for on its device, so that what is trained and judged
/// in one precision never counts as done in another. A retraining may take another device and has a
/// fingerprint of its own: retrain.precision stays.
Config resolved(Config config) {
  std::string& training = config.supernet.precision;
  std::string& scoring = config.score.precision;
  const std::string& device = config.device.type;
  training = resolved_precision("supernet.precision", training, Purpose::Training, device);
  scoring = resolved_precision("score.precision", scoring, Purpose::Scoring, device);
  return config;
}

/// The latency table of a run that measures none.
std::optional<LatencyTable> table_at_hand(const Config& config, const SearchSpace& space) {
  const LatencyConfig& latency = config.latency;
  if (!latency.table.empty()) return load_table(latency.table);
  if (latency.accelerator.empty()) return {};
  return accelerator_table(space, load_accelerator(latency.accelerator), latency.batch);
}

Objective objective_of(const Config& config, const LatencyRange& range) {
  const LatencyConfig& latency = config.latency;
  const double at_position =
      range.fastest_ms + latency.target_position * (range.slowest_ms - range.fastest_ms);
  return {.target_ms = latency.target_ms == 0.0 ? at_position : latency.target_ms,
          .beta = config.score.beta};
}

void load_weights(Supernet& supernet, const Checkpoint& checkpoint,
                  const std::filesystem::path& file) {
  try {
    supernet.load(checkpoint.tensors);
  } catch (const Error& error) {
    throw Error(error.kind(), file.string() + ": " + error.what());
  }
}

}  // namespace

json timing_inputs(const Config& config) {
  if (!is_cuda(config.latency_device()) || !config.latency.accelerator.empty()) {
    return json::object();
  }
  return {{"cuda", launch_mode(config.latency, config.latency_device())},
          {"precision", config.latency.precision}};
}

Run::Run(Config config, WorkDir dir, Log& log, const StopToken& stop, RunOptions options)
    : config_(resolved(std::move(config))),
      dir_(std::move(dir)),
      log_(log),
      stop_(stop),
      space_(config_.space),
      record_(dir_.stages(), dir_.starts_over) {
  // What is wrong is said before anything is made or removed.
  open_device(config_.latency_device());
  check_inputs(options.goal);
  check_config(options.may_change);
  dir_.begin();
  if (!record_.is_done("config", comparable(config_))) {
    record_.finish("config", comparable(config_));
  }
  if (needs_images_) {
    record_.finish("data", {{"train", train_images_}, {"test", test_images_}});
  }
  make_folder(dir_.checkpoints());
  log_.attach_file(dir_.log());
  write_json(dir_.config(), to_json(config_));
  write_file(dir_.version(), version_text());
  const int threads = set_threads(config_.device.threads);
  log_.info(fmt::format("run {} in {}", config_.name, dir_.root.string()));
  metrics_.emplace(dir_.metrics(), true, config_.log.tensorboard);
  log_.detail(fmt::format("{}{} with {} threads", version_text(), config_.device.type, threads));
  log_.info(describe_space(space_));
}

Run::~Run() = default;

void Run::check_inputs(RunGoal goal) {
  if (const auto table = table_at_hand(config_, space_)) {
    const TableModel model(space_, *table);
    const Subspace full = Subspace::full(space_);
    const Objective objective = objective_of(config_, latency_range(model, full));
    if (goal == RunGoal::Network) check_target(model, full, objective);
  }
  const CodesignConfig& codesign = config_.codesign;
  if (goal == RunGoal::Codesign) {
    const DesignSpace designs = designs_of(config_);
    if (codesign.method != "dance") proxy_of(designs, codesign);
    if (!codesign.accuracies.empty()) {
      TableEvaluator(space_, codesign.accuracies, codesign.accuracy_column);
    }
  }
  needs_images_ =
      goal == RunGoal::Network || (goal == RunGoal::Codesign && codesign.accuracies.empty());
  if (!needs_images_) return;
  std::error_code unknown;
  const bool is_gone =
      config_.data.format != "builtin" && !std::filesystem::exists(config_.data.path, unknown);
  const bool is_finished = record_.has("search") || record_.has("codesign");
  if (is_gone && is_finished && record_.has("data")) {
    const json known = record_.inputs("data");
    train_images_ = known.value("train", "");
    test_images_ = known.value("test", "");
    log_.info(
        fmt::format("data: {} is not there any more; taken to be what it was", config_.data.path));
    return;
  }
  train_images_ = data().train_identity().fingerprint;
  test_images_ = data().test_identity().fingerprint;
}

std::string Run::data_changes() const {
  const json known = record_.inputs("data");
  if (!needs_images_ || known.is_null()) return "";
  std::vector<std::string> parts;
  std::vector<std::string> dependent;
  const auto compare = [&](const char* key, const char* part, const std::string& now, bool begun) {
    const auto before = known.value(key, "");
    if (before.empty() || before == now) return;
    auto stages = record_.stages_with(before);
    std::erase(stages, "data");
    if (stages.empty() && !begun) return;
    parts.emplace_back(part);
    for (std::string& stage : stages) {
      if (std::find(dependent.begin(), dependent.end(), stage) == dependent.end()) {
        dependent.push_back(std::move(stage));
      }
    }
  };
  std::error_code unknown;
  const std::filesystem::path weights = dir_.checkpoints();
  const bool has_begun =
      std::filesystem::exists(weights, unknown) && !std::filesystem::is_empty(weights, unknown);
  compare("train", "training", train_images_, has_begun);
  compare("test", "test", test_images_, false);
  if (parts.empty()) return "";
  return fmt::format("another data set: the {} images in {} have changed, {}", join(parts, " and "),
                     config_.data.path,
                     dependent.empty() ? "and a training has begun on them"
                                       : "and on them depend " + join(dependent, ", "));
}

json Run::test_inputs() const {
  return {{"images", test_images_}, {"test_images", config_.data.test_images}};
}

void Run::check_config(bool may_change) {
  if (may_change || !dir_.holds_work()) return;
  std::vector<std::string> changes;
  const auto settings = record_.changes("config", comparable(config_));
  if (!settings.empty()) changes.push_back("another config: " + join(settings, ", "));
  if (std::string images = data_changes(); !images.empty()) changes.push_back(std::move(images));
  if (changes.empty()) return;
  throw Error(ErrorKind::Usage,
              fmt::format("the run in {} has {}; continue with --allow-changes, which repeats what "
                          "depends on it, or choose another --work-dir",
                          dir_.root.string(), join(changes, "; and ")));
}

bool Run::reuse(const std::string& stage, const json& inputs,
                std::initializer_list<std::filesystem::path> outputs) {
  const bool are_there = std::all_of(outputs.begin(), outputs.end(), [](const auto& output) {
    std::error_code unknown;  // What cannot be looked up fails, by name, when it is read.
    return std::filesystem::exists(output, unknown);
  });
  if (are_there && record_.is_done(stage, inputs)) {
    log_.info(stage + ": done before with the same settings, reused");
    return true;
  }
  for (const std::string& change : record_.changes(stage, inputs)) {
    log_.info(fmt::format("{}: runs again, {}", stage, change));
  }
  record_.begin(stage);
  return false;
}

json Run::latency_inputs() const {
  json inputs = {{"space", to_json(config_.space)},
                 {"latency", without(to_json(config_)["latency"], {"target_ms", "target_position",
                                                                   "device", "cuda", "precision"})},
                 {"device", config_.latency_device()},
                 {"seed", config_.seed}};
  inputs["latency"].update(timing_inputs(config_));
  if (!config_.latency.table.empty()) {
    inputs["latency"] = {{"table", fingerprint_of(read_json(config_.latency.table))}};
  }
  if (!config_.latency.accelerator.empty()) {
    inputs["latency"] = {{"accelerator", to_json(load_accelerator(config_.latency.accelerator))},
                         {"batch", config_.latency.batch}};
  }
  return inputs;
}

TorchTimer Run::make_timer(const LatencyConfig& settings, int batch) const {
  return {open_device(config_.latency_device()), timer_settings(settings, batch, &log_)};
}

const LatencyStage& Run::latency() {
  if (latency_) return *latency_;
  LatencyStage stage;
  const json inputs = latency_inputs();
  stage.reused = reuse("latency", inputs, {dir_.latency()});
  if (stage.reused) {
    stage.table = read_table(read_sealed_json(dir_.latency()), dir_.latency().string());
  } else {
    if (auto table = table_at_hand(config_, space_)) {
      stage.table = std::move(*table);
    } else {
      TorchTimer timer = make_timer(config_.latency, config_.latency.batch);
      stage.table =
          measure_table(space_, timer, timer.info(), config_.latency, config_.seed, log_, stop_);
      stage.table.device = timer.info();  // Only now is it known what could be a graph.
      if (stage.table.noise.is_disturbed()) {
        log_.warn(fmt::format(
            "the machine was not quiet while the latency table was measured: a reference block "
            "was slow {:.0f} % of the time, others kept {:.2f} of {:.0f} CPUs busy",
            stage.table.noise.slow_percent, std::max(0.0, stage.table.noise.other_cpus),
            stage.table.noise.cpus));
      }
    }
    write_sealed_json(dir_.latency(), to_json(stage.table));
    write_file(dir_.latency_plot(), to_svg(latency_scatter(stage.table)));
    record_.finish("latency", inputs);
  }
  // Said here rather than after the search, when the winner is timed beside it.
  settings_beside(stage.table.device, config_.latency, config_.latency_device());
  if (const auto doubt = latency_doubt(stage.table); !doubt.empty()) log_.warn(doubt);
  const TableModel model(space_, stage.table);
  const Subspace full = Subspace::full(space_);
  const LatencyRange range = latency_range(model, full);
  stage.objective = objective_of(config_, range);
  log_.info(fmt::format("latency: {:.3f} to {:.3f} ms per batch of {}, T = {:.3f} ms",
                        range.fastest_ms, range.slowest_ms, stage.table.device.batch,
                        stage.objective.target_ms));
  latency_ = std::move(stage);
  return *latency_;
}

void Run::check_feasible() {
  const LatencyStage& stage = latency();
  check_target(TableModel(space_, stage.table), Subspace::full(space_), stage.objective);
}

RunData& Run::data() {
  if (!data_) data_ = std::make_unique<RunData>(config_, log_);
  return *data_;
}

json Run::judge_inputs() {
  return {{"score", score_inputs(config_)},
          {"target_ms", latency().objective.target_ms},
          {"latency_table", fingerprint_of(to_json(latency().table))}};
}

void Run::train_stage(const std::string& stage, const json& inputs,
                      std::shared_ptr<const NetworkRegion> region, const SupernetConfig& settings,
                      const Companion* companion) {
  Supernet& supernet = trained_->supernet;
  const CheckpointStore store(dir_.checkpoints(), stage, fingerprint_of(inputs));
  trained_->stage = stage;
  trained_->inputs = inputs;
  const bool is_done = reuse(stage, inputs, {store.newest()});
  const auto checkpoint = store.load(log_);
  if (checkpoint) {
    load_weights(supernet, *checkpoint, store.newest());
    if (companion != nullptr) {
      copy_tensors(companion->tensors, checkpoint->tensors, store.newest().string());
    }
  }
  const std::int64_t first_step = checkpoint ? checkpoint->next_step : 0;
  const std::int64_t steps_per_epoch = data().training_images() / settings.batch;
  const auto total = std::max<std::int64_t>(
      1, std::llround(settings.epochs * static_cast<double>(steps_per_epoch)));
  if (is_done && first_step >= total) return;
  // The checkpoint at its end was damaged, or somebody took it away.
  if (is_done) log_.info(stage + ": done before, but its last weights are not there any more");
  if (first_step == 0) {
    supernet.reset_momentum();
  } else {
    log_.info(fmt::format("{}: continues at step {}", stage, first_step));
  }
  metrics_->drop_after(stage, first_step);
  if (companion != nullptr) metrics_->drop_after(companion->metrics, first_step);
  const auto batches = data().train_loader(stage, settings.batch, first_step);
  const auto save = [&](std::int64_t next_step) {
    auto tensors = supernet.tensors();
    if (companion != nullptr) tensors.insert(companion->tensors.begin(), companion->tensors.end());
    store.save({std::move(tensors), next_step});
    metrics_->flush();
  };
  TrainingHooks hooks{.log = log_,
                      .stop = stop_,
                      .metrics = [&](const json& line) { metrics_->add(line); },
                      .save = save};
  if (companion != nullptr) {
    hooks.path = companion->path;
    hooks.after_step = companion->after_step;
  }
  log_.info(fmt::format("{}: {} steps of {} images, log10 of the space {:.2f}", stage, total,
                        settings.batch, region->log10_size()));
  train(supernet,
        {.name = stage,
         .region = std::move(region),
         .settings = settings,
         .seed = config_.seed,
         .total_steps = total,
         .save_minutes = config_.checkpoint_minutes,
         .save_steps = config_.checkpoint_steps},
        *batches, first_step, hooks);
  save(total);
  record_.finish(stage, inputs);
}

Supernet& Run::supernet() {
  if (!trained_) {
    trained_ = std::make_unique<Trained>(space_, config_);
    log_.detail(fmt::format("supernet: {} shared weights", trained_->supernet.parameter_count()));
    train_stage("supernet", weights_inputs(config_, train_images_),
                std::make_shared<Subspace>(Subspace::full(space_)), config_.supernet);
  }
  return trained_->supernet;
}

Evaluator& Run::evaluator() {
  supernet();
  if (!trained_->evaluator) {
    const ScoreConfig& score = config_.score;
    trained_->evaluator = std::make_unique<SupernetEvaluator>(
        trained_->supernet, data().calibration(), data().validation(), stop_, score.memory_mb,
        scalar_type(precision_of("score.precision", score.precision, Purpose::Scoring,
                                 config_.device.type)));
  }
  return *trained_->evaluator;
}

Scorer& Run::scorer() {
  Trained& trained = *trained_;
  if (!trained.scorer) {
    // Architectures of another space cannot be read back.
    const json inputs = {{"space", to_json(config_.space)}};
    if (!record_.changes("candidates", inputs).empty()) {
      std::error_code ignored;  // What cannot be removed fails again, by name, when it is read.
      std::filesystem::remove(dir_.candidates(), ignored);
    }
    record_.finish("candidates", inputs);
    trained.latency = std::make_unique<TableModel>(space_, latency().table);
    evaluator();
    trained.scorer = std::make_unique<Scorer>(space_, *trained.evaluator, *trained.latency,
                                              latency().objective, dir_.candidates());
  }
  // Accuracies under other weights, or taken on other images, must not be mistaken for these.
  const json judged = {{"weights", trained.inputs},
                       {"score", without(to_json(config_)["score"], {"beta", "memory_mb"})}};
  const std::string fingerprint = fingerprint_of(judged);
  if (trained.judged_by.empty() || trained.judged_by.back().fingerprint != fingerprint) {
    trained.judged_by.push_back({trained.stage, fingerprint});
  }
  trained.scorer->set_weights(fingerprint);
  return *trained.scorer;
}

json Run::codesign() {
  const CodesignConfig& settings = config_.codesign;
  if (settings.method == "dance") return dance();
  if (settings.accuracies.empty()) {
    const json inputs = {{"weights", weights_inputs(config_, train_images_)},
                         {"score", without(score_inputs(config_), {"beta"})}};
    return run_codesign(
        config_, dir_, record_,
        {.evaluator = evaluator(), .networks = {}, .inputs = inputs, .is_expensive = true}, log_,
        stop_);
  }
  TableEvaluator table(space_, settings.accuracies, settings.accuracy_column);
  const json inputs = {{"accuracies", fingerprint(read_file(settings.accuracies))},
                       {"column", settings.accuracy_column}};
  return run_codesign(config_, dir_, record_,
                      {.evaluator = table, .networks = table.architectures(), .inputs = inputs},
                      log_, stop_);
}

}  // namespace hsconas
