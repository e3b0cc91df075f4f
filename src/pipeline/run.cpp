#include "hsconas/pipeline/run.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "compressor.hpp"
#include "hsconas/base/error.hpp"
#include "hsconas/base/files.hpp"
#include "hsconas/base/hash.hpp"
#include "hsconas/base/same_on_all.hpp"
#include "hsconas/base/text.hpp"
#include "hsconas/codesign/methods.hpp"
#include "hsconas/config/config_file.hpp"
#include "hsconas/config/groups.hpp"
#include "hsconas/config/precision.hpp"
#include "hsconas/latency/measure.hpp"
#include "hsconas/latency/source.hpp"
#include "hsconas/pipeline/plan.hpp"
#include "hsconas/pipeline/trained_model.hpp"
#include "hsconas/pipeline/version.hpp"
#include "hsconas/profile/torch_timer.hpp"
#include "hsconas/report/latency_report.hpp"
#include "hsconas/score/target.hpp"
#include "hsconas/stages/begin_run.hpp"
#include "hsconas/stages/codesign_run.hpp"
#include "hsconas/stages/load_run.hpp"
#include "hsconas/stages/result.hpp"
#include "hsconas/stages/run_kind.hpp"
#include "hsconas/supernet/device.hpp"
#include "hsconas/train/checkpoint.hpp"
#include "hsconas/train/supernet_evaluator.hpp"
#include "hsconas/train/trainer.hpp"
#include "run_data.hpp"
#include "run_state.hpp"

namespace hsconas {

using nlohmann::json;

namespace {

/// The config with the folders of the models that its trained networks have.
Config with_found_starts(Config config, RunGoal goal, const GroupFiles& files) {
  if (goal != RunGoal::Codesign) return config;
  for (std::string& folder : config.codesign.start) {
    folder = files.from_root([&] { return find_model(folder, ModelChoice::Best).string(); });
  }
  return config;
}

/// The name of the last stage of a run that trains the shared weights.
std::string last_training(const Config& config, RunGoal goal) {
  if (goal == RunGoal::Codesign) return config.codesign.method == "dance" ? "dance" : "supernet";
  std::string stage = "supernet";
  if (goal == RunGoal::Supernet || goal == RunGoal::Targets) return stage;
  for (std::size_t i = 0; i < config.shrink.stages.size(); ++i) {
    if (config.shrink.stages[i].tune_epochs > 0.0) stage = shrink_stage_name(i);
  }
  return stage;
}

/// Throws Error(Usage) if the goal needs training although score.accuracies are known: a search on
/// them is a KnownRun.
void refuse_known(const Config& config, RunGoal goal) {
  if (!config.score.is_known() || goal == RunGoal::Latency) return;
  throw Error(
      ErrorKind::Usage,
      goal == RunGoal::Codesign
          ? "codesign takes known accuracies from codesign.accuracies: name the file there, "
            "and leave score.accuracies empty"
          : "score.accuracies names known accuracies, so nothing is trained: use hsconas "
            "search or shrink, or leave the key empty");
}

/// Throws Error(Usage) if the goal or the number of processes does not fit a supernet that learns
/// architecture parameters.
void check_gradient(const Config& config, RunGoal goal, int processes) {
  if (!config.supernet.learns_choices() || goal == RunGoal::Latency) return;
  if (goal == RunGoal::Codesign) {
    throw Error(ErrorKind::Usage,
                fmt::format("supernet.method {} chooses one network, so codesign has nothing to "
                            "search: set supernet.method=single_path",
                            config.supernet.method));
  }
  check_one_process(config.supernet, processes);
}

/// The kind that a run with this goal gives to its work directory.
RunKind kind_for(RunGoal goal) {
  switch (goal) {
    case RunGoal::Network:
      return RunKind::Search;
    case RunGoal::Targets:
      return RunKind::Targets;
    case RunGoal::Codesign:
      return RunKind::Codesign;
    case RunGoal::Latency:
    case RunGoal::Supernet:
      break;
  }
  return RunKind::Open;
}

}  // namespace

Run::Run(Config config, WorkDir dir, Log& log, const StopToken& stop, RunOptions options)
    : config_(
          with_found_starts(with_resolved_precisions(std::move(config)), options.goal, dir.files)),
      dir_(std::move(dir)),
      log_(log),
      stop_(stop, dir_.files.group()),
      supernet_from_(std::move(options.supernet_from)),
      tables_from_(std::move(options.tables_from)),
      space_(config_.space),
      record_(dir_.stages(), dir_.starts_over, dir_.files) {
  // All inputs are checked before any file is written or removed.
  const RunKind kind = kind_for(options.goal);
  if (!dir_.starts_over) dir_.files.on_root([&] { check_kind(dir_, kind); });
  open_device(config_.latency_device());
  check_inputs(options.goal);
  check_config(options.may_change);
  const auto taken = load_supernet_from();
  begin_run(config_, dir_, record_, kind, inputs().config(), version_text(*dir_.files.group()),
            log_);
  if (needs_images_) {
    record_.finish("data", {{"train", images_.train}, {"test", images_.test}});
  }
  dir_.files.on_root([this] { make_folder(dir_.checkpoints()); });
  const int threads = set_threads(config_.device.threads);
  metrics_.emplace(dir_.metrics(), true, config_.log.tensorboard, dir_.files);
  log_.detail(fmt::format("{}{} with {} threads", version_text(*dir_.files.group()),
                          config_.device.type, threads));
  log_.info(describe_space(space_));
  if (taken) take_supernet(*taken);
}

Run::~Run() = default;

void Run::check_inputs(RunGoal goal) {
  refuse_known(config_, goal);
  check_gradient(config_, goal, stop_.group().size());
  if (goal != RunGoal::Targets) check_latency_inputs(goal);
  const CodesignConfig& codesign = config_.codesign;
  if (goal == RunGoal::Codesign) {
    const DesignSpace designs = designs_of(config_);
    if (find_codesign_method(codesign.method).run != nullptr) proxy_of(designs, codesign);
  }
  needs_images_ = goal == RunGoal::Network || goal == RunGoal::Supernet ||
                  goal == RunGoal::Targets || goal == RunGoal::Codesign;
  if (!needs_images_) return;
  const bool compresses =
      goal == RunGoal::Codesign && find_codesign_method(codesign.method).has_start;
  // Any number of processes may continue a run whose training is over.
  if (!compresses && !record_.has(last_training(config_, goal))) {
    check_processes("supernet", config_.supernet, stop_.group().size());
  }
  const bool is_gone =
      config_.data.format != DataFormat::Builtin && !dir_.files.exists(config_.data.path);
  const bool is_finished = record_.has("search") || record_.has("codesign") ||
                           (goal == RunGoal::Targets && record_.has("supernet"));
  if (is_gone && is_finished && record_.has("data")) {
    const json known = record_.inputs("data");
    images_ = {.train = known.value("train", ""), .test = known.value("test", "")};
    log_.info(fmt::format("data: {} no longer exists; it counts as unchanged", config_.data.path));
    return;
  }
  images_ = {.train = data().train_identity().fingerprint,
             .test = data().test_identity().fingerprint};
  if (const int rank = rank_that_differs(stop_.group(), images_.train + images_.test); rank > 0) {
    throw Error(ErrorKind::Data,
                fmt::format("{}: rank {} finds other images there than rank 0: give all processes "
                            "the same data set",
                            config_.data.path, rank));
  }
  if (compresses) return check_compression();
  check_batch("supernet.batch", config_.supernet.batch, data().training_images());
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
  const bool has_begun = dir_.files.holds_on_root([weights = dir_.checkpoints()] {
    std::error_code unknown;
    return std::filesystem::exists(weights, unknown) &&
           !std::filesystem::is_empty(weights, unknown);
  });
  compare("train", "training", images_.train, has_begun);
  compare("test", "test", images_.test, false);
  if (parts.empty()) return "";
  return fmt::format("another data set: the {} images in {} have changed, {}", join(parts, " and "),
                     config_.data.path,
                     dependent.empty() ? "and a training has begun on them"
                                       : "which affects the stages " + join(dependent, ", "));
}

void Run::check_config(bool may_change) {
  std::vector<std::string> others;
  if (std::string images = data_changes(); !images.empty()) others.push_back(std::move(images));
  check_changes(dir_, record_, inputs().config(), std::move(others), may_change);
}

TorchTimer Run::make_timer(const LatencyConfig& settings, int batch) const {
  return {open_device(config_.latency_device()), timer_settings(settings, batch, &log_)};
}

LatencyTable Run::table_at_hand() {
  if (record_.is_done("latency", inputs().latency()) && dir_.files.exists(dir_.latency())) {
    try {
      return read_table(dir_.files.read_sealed_json(dir_.latency()), dir_.latency().string());
    } catch (const Error&) {  // The latency stage reports it, if the table is needed.
    }
  }
  made_ = make_table();
  return *made_;
}

LatencyTable Run::make_table() {
  if (made_) return *std::exchange(made_, {});
  const auto open_timer = [this]() -> std::unique_ptr<OpTimer> {
    return std::make_unique<TorchTimer>(
        open_device(config_.latency_device()),
        timer_settings(config_.latency, config_.latency.batch, &log_));
  };
  return latency_source(config_.latency)
      .make(config_, LatencySpace(space_),
            {.log = log_, .stop = stop_.token(), .open_timer = open_timer});
}

void Run::take_table() {
  const json inputs = this->inputs().latency();
  if (record_.is_done("latency", inputs)) return;
  for (const std::filesystem::path& folder : tables_from_) {
    const WorkDir from{.root = folder, .lock = nullptr};
    const StageRecord measured(from.stages(), false, dir_.files);
    if (!measured.is_done("latency", inputs) || !dir_.files.exists(from.latency())) continue;
    dir_.files.on_root([&] {
      write_file(dir_.latency(), read_file(from.latency()));
      if (is_there(from.latency_plot())) {
        write_file(dir_.latency_plot(), read_file(from.latency_plot()));
      }
    });
    record_.finish("latency", inputs);
    log_.info("latency: taken from " + folder.string());
    return;
  }
}

const LatencyBudget& Run::latency() {
  if (latency_) return *latency_;
  take_table();
  LatencyBudget budget;
  run_stage({.name = "latency",
             .inputs = inputs().latency(),
             .outputs = {dir_.latency()},
             .produce =
                 [&] {
                   // Rank 0 keeps the table that it makes, the others get what is written of it.
                   const std::string written = dir_.files.from_root([&] {
                     budget.table = make_table();
                     const json object = to_json(budget.table);
                     write_sealed_json(dir_.latency(), object);
                     write_file(dir_.latency_plot(), to_svg(latency_scatter(budget.table)));
                     return object.dump();
                   });
                   if (budget.table.entries.empty()) {
                     budget.table = read_table(json::parse(written), dir_.latency().string());
                   }
                 },
             .load =
                 [&] {
                   budget.table = read_table(dir_.files.read_sealed_json(dir_.latency()),
                                             dir_.latency().string());
                   return true;
                 }},
            record_, log_);
  // Throws if the table does not fit the settings: now, not after the search, when the winner is
  // timed.
  settings_beside(budget.table.device, config_.latency, config_.latency_device());
  if (const auto doubt = latency_doubt(budget.table); !doubt.empty()) log_.warn(doubt);
  const LatencyRange range =
      latency_range(TableModel(space_, budget.table), Subspace::full(space_));
  budget.objective =
      naming_errors(dir_.latency().string(), [&] { return objective_of(config_, range); });
  budget.limits = limits_beside(budget.table.device.batch);
  log_.info(fmt::format("latency: {:.3f} to {:.3f} ms per batch of {}, T = {:.3f} ms",
                        range.fastest_ms, range.slowest_ms, budget.table.device.batch,
                        budget.objective.target_ms));
  if (range.fastest_ms <= 0.0) {
    log_.warn(
        "the latency table predicts 0 ms for the fastest network, so its correction is "
        "unreliable: measure again on an idle machine or with more latency.bias_networks");
  }
  latency_ = std::move(budget);
  return *latency_;
}

LatencyIdentity Run::latency_identity() {
  return {.target_ms = latency().objective.target_ms,
          .table = fingerprint_of(to_json(latency().table))};
}

RunData& Run::data() {
  if (!data_) data_ = std::make_unique<RunData>(config_, log_);
  return *data_;
}

CodesignRecord Run::codesign() {
  CodesignRecord record = searched_pair();
  write_codesign_report(dir_);
  return record;
}

CodesignRecord Run::searched_pair() {
  const CodesignConfig& settings = config_.codesign;
  if (settings.method == "dance") return dance();
  if (find_codesign_method(settings.method).has_start) return compress();
  supernet();
  return run_codesign(config_, dir_, record_,
                      {.evaluator = evaluator(),
                       .networks = {},
                       .inputs = inputs().supernet_accuracies(),
                       .is_expensive = true},
                      log_, stop_.token());
}

}  // namespace hsconas
