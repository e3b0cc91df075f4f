#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <utility>

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
#include "hsconas/pipeline/run_devices.hpp"
#include "hsconas/pipeline/target_search.hpp"
#include "hsconas/report/comparison.hpp"
#include "hsconas/report/latency_report.hpp"
#include "hsconas/stages/codesign_run.hpp"
#include "hsconas/stages/result.hpp"

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
  return {format_shrunk(run.space(), region), shrunk_json(run.space(), region)};
}

Answer answer_codesign(Run& run) {
  const CodesignRecord record = run.codesign();
  return {format_codesign_record(record), to_json(record)};
}

std::string codesign_plan(const Config& config, Log& /*log*/, const StopToken& /*stop*/,
                          const PlanOptions& /*options*/) {
  return describe_codesign(config, 0);
}

/// Writes a kit: the models to time, and scripts that time them, for a device on which hsconas does
/// not run.
void export_kit(const Config& config, const std::string& folder, bool is_int8,
                CommandContext& context) {
  EdgeKit kit = plan_edge_kit(SearchSpace(config.space), config.latency, config.seed, context.log);
  kit.is_int8 = is_int8;
  write_edge_kit(folder, kit, config.seed);
  const auto blocks = std::count_if(kit.models.begin(), kit.models.end(),
                                    [](const KitModel& model) { return model.role == "block"; });
  const auto networks = std::ssize(kit.models) - blocks;
  fmt::print("{}",
             context.options.json
                 ? json{{"kit", folder}, {"blocks", blocks}, {"networks", networks}}.dump() + "\n"
                 : fmt::format("{} blocks and {} networks of space {}, batch {}{}, in {}\n"
                               "On the device, run python3 run.py{}; then, with "
                               "its results.csv, here: hsconas latency import {}/results.csv\n",
                               blocks, networks, kit.space.name, kit.batch, is_int8 ? ", int8" : "",
                               folder, is_int8 ? "" : " or ./run_trtexec.sh", folder));
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
    files.on_root([&] { export_kit(config, options.kit, options.int8, context); });
    return;
  }
  // Throws for an absent GPU before a folder is created. Profiling does not use device.type.
  if (command.answer != answer_profile) {
    check_run_devices(config, *context.group, context.log);
  }
  stop_on_closed_pipe();
  WorkDir dir = open_work_dir(options, config, files);
  const std::filesystem::path root = dir.root;
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
