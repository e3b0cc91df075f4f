#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <utility>

#include <CLI/CLI.hpp>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "hsconas/app/commands.hpp"
#include "hsconas/base/files.hpp"
#include "hsconas/config/config_file.hpp"
#include "hsconas/edge/edge_kit.hpp"
#include "hsconas/pipeline/plan.hpp"
#include "hsconas/pipeline/run.hpp"
#include "hsconas/report/latency_report.hpp"
#include "hsconas/score/table_evaluator.hpp"
#include "hsconas/space/subspace.hpp"
#include "hsconas/stages/codesign_run.hpp"
#include "hsconas/stages/result.hpp"
#include "hsconas/supernet/device.hpp"

namespace hsconas {

namespace {

using nlohmann::json;

struct CommandOptions {
  ConfigOptions config;
  std::string work_dir;
  std::string kit;  ///< Folder of an edge kit to write instead of measuring.
  bool resume = false;
  bool allow_changes = false;
  bool overwrite = false;
  bool dry_run = false;
};

/// The output of a finished command: text, and an object that --json prints instead.
struct Answer {
  std::string text;
  json object;
};

Answer answer_search(Run& run) {
  const ResultRecord result = run.search();
  return {format_result(result), to_json(result)};
}

Answer answer_profile(Run& run) {
  const LatencyBudget& budget = run.latency();
  json report = latency_report_json(budget.table);
  report["target_ms"] = budget.objective.target_ms;
  return {latency_report(budget.table), std::move(report)};
}

Answer answer_train(Run& run) {
  run.supernet();
  return {"supernet trained\n", {{"stage", "supernet"}}};
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
  return {text, {{"log10_size", region.log10_size()}, {"operators", kept}}};
}

Answer answer_codesign(Run& run) {
  const CodesignRecord record = run.codesign();
  return {format_codesign_record(record), to_json(record)};
}

std::string codesign_plan(const Config& config, Log& /*log*/, const StopToken& /*stop*/) {
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
  std::string (*plan)(const Config&, Log&, const StopToken&) = describe_plan;
};

void execute(CommandOptions options, const RunCommand& command, CommandContext& context) {
  const Config config = options.config.load();
  if (options.dry_run) {
    const std::string plan = command.plan(config, context.log, context.stop);
    fmt::print("{}", context.options.json ? json{{"plan", plan}}.dump() + "\n" : plan);
    return;
  }
  if (!options.kit.empty()) {
    export_kit(config, options.kit, context);
    return;
  }
  const auto mode = options.resume      ? WorkDirMode::Resume
                    : options.overwrite ? WorkDirMode::Overwrite
                                        : WorkDirMode::Fresh;
  // Throws for an absent GPU before a folder is created. Profiling does not use device.type.
  if (command.answer != answer_profile) open_device(config.device.type);
  stop_on_closed_pipe();
  const bool is_new = options.work_dir.empty();
  const GroupFiles files(context.group);
  const std::filesystem::path root =
      is_new ? files.from_root([&] { return new_work_dir(config.name).string(); })
             : options.work_dir;
  WorkDir dir = WorkDir::open(root, mode, is_new, files);
  Run run(config, std::move(dir), context.log, context.stop,
          {.goal = command.goal, .may_change = options.allow_changes});
  const Answer result = command.answer(run);
  files.on_root(
      [&] { fmt::print("{}", context.options.json ? result.object.dump() + "\n" : result.text); });
  context.log.info("all files of this run are in " + root.string());
}

void add_run_command(CLI::App& app, Command& chosen, const char* name, const char* help,
                     RunCommand run) {
  auto options = std::make_shared<CommandOptions>();
  CLI::App* command = app.add_subcommand(name, help);
  options->config.add_to(*command);
  auto* work_dir = command
                       ->add_option("-w,--work-dir", options->work_dir,
                                    "Folder for all files of the run (default: runs/<name>/<time>)")
                       ->type_name("DIR");
  auto* resume = command->add_flag("--resume", options->resume,
                                   "Continue the run in --work-dir, or start one if there is none");
  resume->needs(work_dir);  // The default folder is always new, so it has nothing to continue.
  command
      ->add_flag("--allow-changes", options->allow_changes,
                 "With --resume: accept a changed config or data set")
      ->needs(resume);
  command
      ->add_flag("--overwrite", options->overwrite,
                 "Remove the files of the run in --work-dir and start over")
      ->needs(work_dir)
      ->excludes(resume);
  command->add_flag("-n,--dry-run", options->dry_run,
                    "Print the plan (space, steps, evaluations, memory, time) and exit");
  if (run.answer == answer_profile) {
    command
        ->add_option("--export-kit", options->kit,
                     "Write models, and scripts to time them on another device, instead")
        ->type_name("DIR")
        ->excludes(work_dir);
  }
  command->callback([options, run, &chosen] {
    chosen = [options, run](CommandContext& context) { execute(*options, run, context); };
  });
}

}  // namespace

void add_run_commands(CLI::App& app, Command& chosen) {
  add_run_command(app, chosen, "search",
                  "Find the most accurate network within the latency budget (all stages)",
                  {answer_search});
  add_run_command(app, chosen, "profile", "Only measure the latency table and test its accuracy",
                  {answer_profile, RunGoal::Latency});
  add_run_command(app, chosen, "train", "Only train the supernet",
                  {answer_train, RunGoal::Supernet});
  add_run_command(app, chosen, "shrink", "Run all stages up to shrinking the space",
                  {answer_shrink});
  add_run_command(app, chosen, "codesign", "Search a network and an accelerator design together",
                  {answer_codesign, RunGoal::Codesign, codesign_plan});
}

}  // namespace hsconas
