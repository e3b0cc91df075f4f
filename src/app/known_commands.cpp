#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <utility>

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "hsconas/app/commands.hpp"
#include "hsconas/app/torch_commands.hpp"
#include "hsconas/base/error.hpp"
#include "hsconas/base/files.hpp"
#include "hsconas/score/table_evaluator.hpp"
#include "hsconas/stages/codesign_run.hpp"
#include "hsconas/stages/known_run.hpp"
#include "hsconas/stages/result.hpp"

namespace hsconas {

namespace {

using nlohmann::json;

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

/// Rejects options of a training.
void check_options(const RunCommandOptions& options, const Config& config) {
  const auto fail = [](const std::string& sentence) { throw Error(ErrorKind::Usage, sentence); };
  if (!config.targets.empty()) {
    fail("known accuracies do not support targets: remove them with targets={}");
  }
  if (!options.supernet.empty()) {
    fail("--supernet has no effect on known accuracies, on which nothing is trained: leave it out");
  }
  if (!options.plan.processes.empty()) {
    fail(
        "--processes has no effect on known accuracies, on which nothing is trained: leave it "
        "out");
  }
}

/// Rejects a setting that concerns the search of networks alone.
void check_pairs(const Config& config) {
  if (config.search.embeddings.empty()) return;
  throw Error(ErrorKind::Usage,
              "search.embeddings has no effect on co-design, which searches pairs of a network and "
              "an accelerator: leave it empty");
}

void print_plan(CommandContext& context, const std::string& plan) {
  fmt::print("{}", context.options.json ? json{{"plan", plan}}.dump() + "\n" : plan);
}

/// Does `work` in the work directory and prints its answer: the text, or with --json the object.
template <typename Work>
void run_in_folder(RunCommandOptions& options, CommandContext& context, const Work& work) {
  const Config& config = options.config.load();
  stop_on_closed_pipe();
  WorkDir dir = open_work_dir(options, config, GroupFiles(context.group));
  const std::string root = dir.root.string();
  const auto [text, object] = work(config, std::move(dir));
  fmt::print("{}", context.options.json ? object.dump() + "\n" : text);
  context.log.info("all files of this run are in " + root);
}

/// Text, and an object that --json prints instead.
using KnownAnswer = std::pair<std::string, json>;

KnownAnswer answer_known_search(KnownRun& run) {
  const ResultRecord result = run.search();
  return {format_result(result), to_json(result)};
}

KnownAnswer answer_known_shrink(KnownRun& run) {
  const NetworkRegion& region = run.shrunk();
  return {format_shrunk(run.space(), region), shrunk_json(run.space(), region)};
}

PlainCommand known_command(const std::shared_ptr<RunCommandOptions>& options,
                           KnownAnswer (*answer)(KnownRun&)) {
  if (!options->config.load().score.is_known()) return nullptr;
  return [options, answer](CommandContext& context) {
    const Config& config = options->config.load();
    check_options(*options, config);
    if (options->dry_run) {
      print_plan(context, describe_known_search(config, context.log, context.stop));
      return;
    }
    run_in_folder(*options, context, [&](const Config& settings, WorkDir dir) {
      KnownRun run(settings, std::move(dir), context.log, context.stop, options->allow_changes);
      return answer(run);
    });
  };
}

/// The plan of a co-design, with the number of known accuracies.
std::string codesign_plan(const Config& config) {
  const CodesignConfig& settings = config.codesign;
  const SearchSpace space(config.space);
  const TableEvaluator table(space, settings.accuracies, settings.accuracy_column);
  return describe_codesign(config, table.architectures().size());
}

}  // namespace

WorkDir open_work_dir(const RunCommandOptions& options, const Config& config,
                      const GroupFiles& files) {
  const auto mode = options.resume      ? WorkDirMode::Resume
                    : options.overwrite ? WorkDirMode::Overwrite
                                        : WorkDirMode::Fresh;
  const bool is_new = options.work_dir.empty();
  const std::filesystem::path root =
      is_new ? files.from_root([&] { return new_work_dir(config.name).string(); })
             : options.work_dir;
  return WorkDir::open(root, mode, is_new, files);
}

PlainCommand known_search(const std::shared_ptr<RunCommandOptions>& options) {
  return known_command(options, answer_known_search);
}

PlainCommand known_shrink(const std::shared_ptr<RunCommandOptions>& options) {
  return known_command(options, answer_known_shrink);
}

PlainCommand known_codesign(const std::shared_ptr<RunCommandOptions>& options) {
  const Config& config = options->config.load();
  if (config.codesign.accuracies.empty()) return nullptr;
  return [options](CommandContext& context) {
    const Config& settings = options->config.load();
    check_options(*options, settings);
    check_pairs(settings);
    if (options->dry_run) {
      print_plan(context, codesign_plan(settings));
      return;
    }
    run_in_folder(*options, context, [&](const Config& own, const WorkDir& dir) -> KnownAnswer {
      const CodesignRecord record =
          codesign_known(own, dir, context.log, context.stop, options->allow_changes);
      return {format_codesign_record(record), to_json(record)};
    });
  };
}

}  // namespace hsconas
