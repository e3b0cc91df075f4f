#include "hsconas/pipeline/target_search.hpp"

#include <filesystem>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "hsconas/base/error.hpp"
#include "hsconas/base/files.hpp"
#include "hsconas/config/config_file.hpp"
#include "hsconas/pipeline/diagnosis.hpp"
#include "hsconas/report/comparison.hpp"
#include "hsconas/stages/load_run.hpp"

namespace hsconas {

namespace fs = std::filesystem;

namespace {

/// The work directory of the target that `config` belongs to.
WorkDir open_target(const WorkDir& dir, const Config& config) {
  return WorkDir::open(dir.target(config.name), WorkDirMode::Resume, false, dir.files);
}

/// Runs `action` for `target`, whose name its errors get.
template <typename Action>
void for_target(const Config& target, const Action& action) {
  try {
    action();
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::Interrupted) throw;
    throw Error(error.kind(), fmt::format("target {}: {}", target.name, error.what()));
  }
}

}  // namespace

void train_for_targets(const Config& config, const WorkDir& dir, Log& log, const StopToken& stop,
                       const RunOptions& options) {
  const std::vector<Config> targets = target_configs(config);
  // All targets are checked before any file is written or removed.
  for (const Config& target : targets) {
    for_target(target, [&] { check_latency(target, log, stop); });
  }
  Run base(config, dir, log, stop,
           {.goal = RunGoal::Targets,
            .may_change = options.may_change,
            .supernet_from = options.supernet_from});
  std::vector<fs::path> measured;
  for (const Config& target : targets) {
    for_target(target, [&] {
      Run(target, open_target(dir, target), log, stop,
          {.goal = RunGoal::Latency, .may_change = options.may_change, .tables_from = measured})
          .check_feasible();
    });
    measured.push_back(dir.target(target.name));
  }
  // The runs of the targets have attached their own files.
  dir.files.on_root([&] { log.attach_file(dir.log()); });
  base.supernet();
}

std::vector<RunRecord> search_targets(const Config& config, const WorkDir& dir, Log& log,
                                      const StopToken& stop, const RunOptions& options) {
  train_for_targets(config, dir, log, stop, options);
  const std::vector<Config> targets = target_configs(config);
  for (const Config& target : targets) {
    for_target(target, [&] {
      Run(target, open_target(dir, target), log, stop,
          {.goal = RunGoal::Network, .may_change = options.may_change, .supernet_from = dir.root})
          .search();
    });
  }
  std::vector<RunRecord> runs;
  dir.files.on_root([&] {
    log.attach_file(dir.log());
    for (const Config& target : targets) runs.push_back(load_run(dir.target(target.name)));
    write_json(dir.comparison(), comparison_json(runs));
    write_file(dir.report(), comparison_page(runs));
  });
  return runs;
}

}  // namespace hsconas
