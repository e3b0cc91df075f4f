#include <filesystem>
#include <memory>
#include <unistd.h>
#include <utility>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "hsconas/app/commands.hpp"
#include "hsconas/base/error.hpp"
#include "hsconas/base/files.hpp"
#include "hsconas/config/config_file.hpp"
#include "hsconas/report/comparison.hpp"
#include "hsconas/report/run_report.hpp"
#include "hsconas/stages/load_run.hpp"
#include "hsconas/stages/result.hpp"
#include "hsconas/stages/run_kind.hpp"
#include "hsconas/stages/work_dir.hpp"

namespace hsconas {

namespace {

using nlohmann::json;

/// The folders, with those of the targets in the place of a search for several targets.
std::vector<std::string> with_targets(const std::vector<std::string>& folders) {
  std::vector<std::string> all;
  for (const std::string& folder : folders) {
    const WorkDir dir{folder};
    const auto targets = is_there(dir.targets()) ? load_config(dir.config(), {}).targets
                                                 : std::vector<TargetConfig>{};
    for (const TargetConfig& target : targets) all.push_back(dir.target(target.name).string());
    if (targets.empty()) all.push_back(folder);
  }
  return all;
}

struct ReportOptions {
  std::vector<std::string> runs;
  std::string out;
};

void report_one(const ReportOptions& options, CommandContext& context) {
  const RunRecord run = load_run(options.runs.front());
  if (options.out.empty() && ::access(options.runs.front().c_str(), W_OK) != 0) {
    throw Error(ErrorKind::Data, options.runs.front() +
                                     ": cannot write report.html here; name another file with "
                                     "--out FILE");
  }
  const WorkDir dir{options.runs.front()};
  const std::filesystem::path file =
      options.out.empty() ? dir.report() : std::filesystem::path(options.out);
  write_file(file, run_report(run));
  if (!run.result) {
    context.log.warn(fmt::format("{}: {}; the report is incomplete", run.folder, run.unfinished));
  }
  if (context.options.json) {
    json object = {{"file", file.string()}, {"finished", run.result.has_value()}};
    if (run.result) object["result"] = to_json(*run.result);
    fmt::print("{}\n", object.dump());
  } else if (run.result) {
    fmt::print("{}", format_result(*run.result));
  }
  context.log.info("the report is in " + file.string());
}

void report_several(const ReportOptions& options, CommandContext& context) {
  std::vector<RunRecord> runs;
  for (const std::string& folder : options.runs) {
    RunRecord& run = runs.emplace_back(load_run(folder));
    if (run.result) continue;
    if (is_target(WorkDir{folder})) {
      context.log.warn(fmt::format("{} is left out: {}", run.folder, run.unfinished));
      runs.pop_back();
    } else {
      throw Error(ErrorKind::Data,
                  fmt::format("{}: has no result of a search: {}", run.folder, run.unfinished));
    }
  }
  if (runs.empty()) throw Error(ErrorKind::Data, "none of these runs is finished");
  json object = comparison_json(runs);
  if (!options.out.empty()) {
    write_file(options.out, comparison_page(runs));
    object["file"] = options.out;
  }
  fmt::print("{}", context.options.json ? object.dump() + "\n" : comparison_text(runs));
  if (!options.out.empty()) context.log.info("the comparison is in " + options.out);
}

}  // namespace

void add_report_command(CLI::App& app, Command& chosen) {
  auto options = std::make_shared<ReportOptions>();
  CLI::App* command =
      app.add_subcommand("report", "Write the report of a run again, or compare finished runs");
  command->add_option("runs", options->runs, "Work directories of the runs")
      ->required()
      ->type_name("RUN");
  command
      ->add_option("-o,--out", options->out,
                   "Page to write (default: RUN/report.html for one run, none for several)")
      ->type_name("FILE");
  command->callback([options, &chosen] {
    chosen = [options](CommandContext& context) {
      options->runs = with_targets(options->runs);
      if (options->runs.size() == 1) {
        report_one(*options, context);
      } else {
        report_several(*options, context);
      }
    };
  });
}

}  // namespace hsconas
