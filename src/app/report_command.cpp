#include <algorithm>
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
#include "hsconas/report/codesign_report.hpp"
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

/// What `report` prints of one run, and its page.
struct Report {
  std::string page;
  std::string unfinished;  ///< Why the run has no result; empty if it has one.
  std::string text;        ///< The result for people.
  json result;             ///< Null if there is none.
};

Report report_of(const std::string& folder) {
  if (kind_of(WorkDir{folder}) == RunKind::Codesign) {
    const CodesignRun codesign = load_codesign_run(folder);
    if (!codesign.found) return {run_report(codesign.run), codesign.run.unfinished, "", {}};
    return {codesign_report(codesign), "", format_codesign_record(*codesign.found),
            to_json(*codesign.found)};
  }
  const RunRecord run = load_run(folder);
  if (!run.result) return {run_report(run), run.unfinished, "", {}};
  return {run_report(run), "", format_result(*run.result), to_json(*run.result)};
}

void report_one(const ReportOptions& options, CommandContext& context) {
  const std::string& folder = options.runs.front();
  const Report report = report_of(folder);
  if (options.out.empty() && ::access(folder.c_str(), W_OK) != 0) {
    throw Error(ErrorKind::Data,
                folder + ": cannot write report.html here; name another file with --out FILE");
  }
  const WorkDir dir{folder};
  const std::filesystem::path file =
      options.out.empty() ? dir.report() : std::filesystem::path(options.out);
  write_file(file, report.page);
  const bool is_finished = report.unfinished.empty();
  if (!is_finished) {
    context.log.warn(fmt::format("{}: {}; the report is incomplete", folder, report.unfinished));
  }
  if (context.options.json) {
    json object = {{"file", file.string()}, {"finished", is_finished}};
    if (is_finished) object["result"] = report.result;
    fmt::print("{}\n", object.dump());
  } else {
    fmt::print("{}", report.text);
  }
  context.log.info("the report is in " + file.string());
}

/// A comparison as JSON, as text and as a page.
struct Comparison {
  json object;
  std::string text;
  std::string page;
};

Comparison compare_codesigns(const std::vector<std::string>& folders) {
  std::vector<CodesignRun> runs;
  for (const std::string& folder : folders) {
    const CodesignRun& codesign = runs.emplace_back(load_codesign_run(folder));
    if (codesign.found) continue;
    throw Error(ErrorKind::Data, fmt::format("{}: has no result of a co-design: {}", folder,
                                             codesign.run.unfinished));
  }
  return {codesign_comparison_json(runs), codesign_comparison_text(runs),
          codesign_comparison_page(runs)};
}

Comparison compare_searches(const std::vector<std::string>& folders, Log& log) {
  std::vector<RunRecord> runs;
  for (const std::string& folder : folders) {
    RunRecord& run = runs.emplace_back(load_run(folder));
    if (run.result) continue;
    if (is_target(WorkDir{folder})) {
      log.warn(fmt::format("{} is left out: {}", run.folder, run.unfinished));
      runs.pop_back();
    } else {
      throw Error(ErrorKind::Data,
                  fmt::format("{}: has no result of a search: {}", run.folder, run.unfinished));
    }
  }
  if (runs.empty()) throw Error(ErrorKind::Data, "none of these runs is finished");
  return {comparison_json(runs), comparison_text(runs), comparison_page(runs)};
}

/// Compares runs of one kind. Throws Error(Usage) that names two runs of different kinds.
Comparison compare(const std::vector<std::string>& folders, Log& log) {
  const auto is_codesign = [](const std::string& folder) {
    return kind_of(WorkDir{folder}) == RunKind::Codesign;
  };
  const auto codesign = std::find_if(folders.begin(), folders.end(), is_codesign);
  if (codesign == folders.end()) return compare_searches(folders, log);
  const auto other = std::find_if_not(folders.begin(), folders.end(), is_codesign);
  if (other == folders.end()) return compare_codesigns(folders);
  throw Error(ErrorKind::Usage,
              fmt::format("{} is a co-design run and {} is none: compare runs of one kind",
                          *codesign, *other));
}

void report_several(const ReportOptions& options, CommandContext& context) {
  Comparison comparison = compare(options.runs, context.log);
  if (!options.out.empty()) {
    write_file(options.out, comparison.page);
    comparison.object["file"] = options.out;
  }
  fmt::print("{}", context.options.json ? comparison.object.dump() + "\n" : comparison.text);
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
