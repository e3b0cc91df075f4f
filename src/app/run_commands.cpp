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
#include "hsconas/deploy/edge_kit.hpp"
#include "hsconas/pipeline/codesign_run.hpp"
#include "hsconas/pipeline/plan.hpp"
#include "hsconas/pipeline/result.hpp"
#include "hsconas/pipeline/run.hpp"
#include "hsconas/report/latency_report.hpp"
#include "hsconas/score/table_evaluator.hpp"
#include "hsconas/space/subspace.hpp"
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

/// What is printed when a command is done: text for people, an object for --json.
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

std::string codesign_plan(const Config& config, Log& /*log*/) {
  const CodesignConfig& settings = config.codesign;
  if (settings.accuracies.empty()) return describe_codesign(config, 0);
  const SearchSpace space(config.space);
  const TableEvaluator table(space, settings.accuracies, settings.accuracy_column);
  return describe_codesign(config, table.architectures().size());
}

/// A new folder, which no other process gets: runs that start in the same second are numbered.
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
  return folder;  // What went wrong is said, by name, when it is opened.
}

/// What has to be timed, for a device that this program does not run on.
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
                               "There: python3 run.py, or ./run_trtexec.sh; then here: hsconas "
                               "latency import {}/results.csv\n",
                               blocks, networks, kit.space.name, kit.batch, folder, folder));
}

/// A command that works on a run: what it does, and what --dry-run prints.
struct RunCommand {
  Answer (*answer)(Run&);
  RunGoal goal = RunGoal::Network;
  std::string (*plan)(const Config&, Log&) = describe_plan;
};

void execute(CommandOptions options, const RunCommand& command, CommandContext& context) {
  const Config config = options.config.load();
  if (options.dry_run) {
    const std::string plan = command.plan(config, context.log);
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
  // An absent GPU is said before anything is made; profiling alone does without it.
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
  context.log.info("everything is in " + root.string());
}

void add_run_command(CLI::App& app, Command& chosen, const char* name, const char* help,
                     RunCommand run) {
  auto options = std::make_shared<CommandOptions>();
  CLI::App* command = app.add_subcommand(name, help);
  options->config.add_to(*command);
  auto* work_dir = command
                       ->add_option("-w,--work-dir", options->work_dir,
                                    "Folder of the run (default: runs/<name>/<time>)")
                       ->type_name("DIR");
  auto* resume = command->add_flag("--resume", options->resume,
                                   "Continue the run in --work-dir, or start it there");
  resume->needs(work_dir);  // The default folder is a new one each time.
  command
      ->add_flag("--allow-changes", options->allow_changes,
                 "With --resume: take a changed config, repeat what depends on it")
      ->needs(resume);
  command
      ->add_flag("--overwrite", options->overwrite, "Remove the run in --work-dir and start over")
      ->needs(work_dir)
      ->excludes(resume);
  command->add_flag("-n,--dry-run", options->dry_run,
                    "Print the plan (space, steps, evaluations, memory) and exit");
  if (run.answer == answer_profile) {
    command
        ->add_option("--export-kit", options->kit,
                     "Measure nothing: write models and runners for another device")
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
                  "Find the most accurate network within the budget, doing all stages",
                  {answer_search});
  add_run_command(app, chosen, "profile", "Only measure the latency table, and judge it",
                  {answer_profile, RunGoal::Latency});
  add_run_command(app, chosen, "train", "Only train the supernet", {answer_train});
  add_run_command(app, chosen, "shrink", "Everything up to the shrunk space", {answer_shrink});
  add_run_command(app, chosen, "codesign", "Search a network and an accelerator together",
                  {answer_codesign, RunGoal::Codesign, codesign_plan});
}

}  // namespace hsconas
