#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <utility>

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "entries.hpp"
#include "hsconas/app/commands.hpp"
#include "hsconas/base/error.hpp"
#include "hsconas/base/files.hpp"
#include "hsconas/config/config_file.hpp"
#include "hsconas/config/groups.hpp"
#include "hsconas/edge/edge_kit.hpp"
#include "hsconas/pipeline/plan.hpp"
#include "hsconas/pipeline/run.hpp"
#include "hsconas/pipeline/target_search.hpp"
#include "hsconas/report/comparison.hpp"
#include "hsconas/report/latency_report.hpp"
#include "hsconas/score/table_evaluator.hpp"
#include "hsconas/space/balls.hpp"
#include "hsconas/space/subspace.hpp"
#include "hsconas/stages/codesign_run.hpp"
#include "hsconas/stages/result.hpp"
#include "hsconas/supernet/device.hpp"

namespace hsconas {

namespace {

using nlohmann::json;

/// The output of a finished command: text, and an object that --json prints instead.
struct Answer {
  std::string text;
  json object;
};

Answer answer_search(Run& run) {
  const ResultRecord result = run.search();
  return {format_result(result), to_json(result)};
}

Answer answer_targets(const Config& config, const WorkDir& dir, CommandContext& context,
                      const RunOptions& options) {
  const auto runs = search_targets(config, dir, context.log, context.stop, options);
  if (runs.empty()) return {};  // Only rank 0 prints.
  return {comparison_text(runs), comparison_json(runs)};
}

Answer answer_profile(Run& run) {
  const LatencyBudget& budget = run.latency();
  json report = latency_report_json(budget.table);
  report["target_ms"] = budget.objective.target_ms;
  return {latency_report(budget.table), std::move(report)};
}

Answer trained_answer() {
  return {"supernet trained\n", {{"stage", "supernet"}}};
}

Answer answer_train(Run& run) {
  run.supernet();
  return trained_answer();
}

Answer answer_train_for_targets(const Config& config, const WorkDir& dir, CommandContext& context,
                                const RunOptions& options) {
  train_for_targets(config, dir, context.log, context.stop, options);
  return trained_answer();
}

Answer answer_shrink(Run& run) {
  const NetworkRegion& region = run.shrunk();
  std::string text = fmt::format("{} -> {} architectures\n",
                                 format_power(Subspace::full(run.space()).log10_size()),
                                 format_power(region.log10_size()));
  json kept = json::array();
  for (int layer = 0; layer < run.space().layers(); ++layer) {
    json names = json::array();
    for (const int op : region.ops_at(layer)) {
      names.push_back(run.space().op(op).name);
    }
    if (names.size() == 1) {
      text += fmt::format("layer {}: {}\n", layer, names[0].get<std::string>());
    }
    kept.push_back(std::move(names));
  }
  json object = {{"log10_size", region.log10_size()}, {"operators", std::move(kept)}};
  if (const auto* balls = dynamic_cast<const Balls*>(&region)) {
    text += fmt::format("in balls of radius {} around\n", balls->radius());
    object["radius"] = balls->radius();
    for (const Architecture& seed : balls->seeds()) {
      text += fmt::format("{}: {}\n", run.space().encode(seed), run.space().describe(seed));
      object["seeds"].push_back(run.space().encode(seed));
    }
  }
  return {text, std::move(object)};
}

Answer answer_codesign(Run& run) {
  const CodesignRecord record = run.codesign();
  return {format_codesign_record(record), to_json(record)};
}

std::string codesign_plan(const Config& config, Log& /*log*/, const StopToken& /*stop*/,
                          const PlanOptions& /*options*/) {
  const CodesignConfig& settings = config.codesign;
  if (settings.accuracies.empty()) return describe_codesign(config, 0);
  const SearchSpace space(config.space);
  const TableEvaluator table(space, settings.accuracies, settings.accuracy_column);
  return describe_codesign(config, table.architectures().size());
}

/// Creates a new folder runs/<name>/<time>. Runs that start in the same second get a number in
/// addition, so that no two processes share a folder.
std::filesystem::path new_work_dir(const std::string& name) {
  const auto now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  const std::filesystem::path parent = std::filesystem::path("runs") / name;
  const std::string stamp = fmt::format("{:%Y%m%dT%H%M%SZ}", fmt::gmtime(now));
  make_folder(parent);
  std::filesystem::path folder = parent / stamp;
  std::error_code error;
  for (int i = 2; !std::filesystem::create_directory(folder, error) && !error; ++i) {
    folder = parent / fmt::format("{}-{}", stamp, i);
  }
  return folder;  // WorkDir::open() reports an error of create_directory(), with the name.
}

/// Writes a kit: the models to time, and scripts that time them, for a device on which hsconas does
/// not run.
void export_kit(const Config& config, const std::string& folder, CommandContext& context) {
  const EdgeKit kit =
      plan_edge_kit(SearchSpace(config.space), config.latency, config.seed, context.log);
  write_edge_kit(folder, kit, config.seed);
  const auto blocks = std::count_if(kit.models.begin(), kit.models.end(),
                                    [](const KitModel& model) { return model.role == "block"; });
  const auto networks = std::ssize(kit.models) - blocks;
  fmt::print("{}",
             context.options.json
                 ? json{{"kit", folder}, {"blocks", blocks}, {"networks", networks}}.dump() + "\n"
                 : fmt::format("{} blocks and {} networks of space {}, batch {}, in {}\n"
                               "On the device, run python3 run.py or ./run_trtexec.sh; then, with "
                               "its results.csv, here: hsconas latency import {}/results.csv\n",
                               blocks, networks, kit.space.name, kit.batch, folder, folder));
}

/// A command that works on a run: its work, and the text of its --dry-run.
struct RunCommand {
  Answer (*answer)(Run&);
  RunGoal goal = RunGoal::Network;
  std::string (*plan)(const Config&, Log&, const StopToken&, const PlanOptions&) = describe_plan;
  /// The work for a config with several targets; null if the command does not support them.
  Answer (*answer_targets)(const Config&, const WorkDir&, CommandContext&,
                           const RunOptions&) = nullptr;
};

/// The text of --dry-run: the plan of the search for each target.
std::string plan_of(const Config& config, const RunCommand& command, const PlanOptions& options,
                    CommandContext& context) {
  if (config.targets.empty()) return command.plan(config, context.log, context.stop, options);
  std::string text;
  for (const Config& target : target_configs(config)) {
    text += fmt::format("target {}:\n{}\n", target.name,
                        command.plan(target, context.log, context.stop, options));
  }
  return text +
         "The supernet is trained once, for all targets; each of the times above includes it.\n";
}

Answer answer_alone(const RunCommand& command, const Config& config, WorkDir dir,
                    CommandContext& context, const RunOptions& options) {
  Run run(config, std::move(dir), context.log, context.stop, options);
  return command.answer(run);
}

void execute(RunCommandOptions options, const RunCommand& command, CommandContext& context) {
  const Config config = options.config.load();
  require_same_config(*context.group, config);
  check_device(config.device.type, context.group->size());
  const bool has_targets = !config.targets.empty();
  if (has_targets && command.answer_targets == nullptr) {
    throw Error(ErrorKind::Usage,
                "this command does not support targets: use search or train, or remove them with "
                "targets={}");
  }
  const GroupFiles files(context.group);
  if (options.dry_run) {
    files.on_root([&] {
      const std::string plan = plan_of(config, command, options.plan, context);
      fmt::print("{}", context.options.json ? json{{"plan", plan}}.dump() + "\n" : plan);
    });
    return;
  }
  if (!options.kit.empty()) {
    files.on_root([&] { export_kit(config, options.kit, context); });
    return;
  }
  const auto mode = options.resume      ? WorkDirMode::Resume
                    : options.overwrite ? WorkDirMode::Overwrite
                                        : WorkDirMode::Fresh;
  // Throws for an absent GPU before a folder is created. Profiling does not use device.type.
  if (command.answer != answer_profile) open_device(config.device.type);
  stop_on_closed_pipe();
  const bool is_new = options.work_dir.empty();
  const std::filesystem::path root =
      is_new ? files.from_root([&] { return new_work_dir(config.name).string(); })
             : options.work_dir;
  WorkDir dir = WorkDir::open(root, mode, is_new, files);
  const RunOptions settings{
      .goal = command.goal, .may_change = options.allow_changes, .supernet_from = options.supernet};
  const Answer result = has_targets
                            ? command.answer_targets(config, dir, context, settings)
                            : answer_alone(command, config, std::move(dir), context, settings);
  files.on_root(
      [&] { fmt::print("{}", context.options.json ? result.object.dump() + "\n" : result.text); });
  context.log.info("all files of this run are in " + root.string());
}

}  // namespace

void run_search(const RunCommandOptions& options, CommandContext& context) {
  execute(options, {.answer = answer_search, .answer_targets = answer_targets}, context);
}

void run_profile(const RunCommandOptions& options, CommandContext& context) {
  execute(options, {.answer = answer_profile, .goal = RunGoal::Latency}, context);
}

void run_train(const RunCommandOptions& options, CommandContext& context) {
  execute(options,
          {.answer = answer_train,
           .goal = RunGoal::Supernet,
           .answer_targets = answer_train_for_targets},
          context);
}

void run_shrink(const RunCommandOptions& options, CommandContext& context) {
  execute(options, {.answer = answer_shrink}, context);
}

void run_codesign(const RunCommandOptions& options, CommandContext& context) {
  execute(options, {.answer = answer_codesign, .goal = RunGoal::Codesign, .plan = codesign_plan},
          context);
}

}  // namespace hsconas
