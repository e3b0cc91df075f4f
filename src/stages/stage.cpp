#include "hsconas/stages/stage.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace hsconas {

bool run_stage(const Stage& stage, StageRecord& record, Log& log) {
  const bool are_there =
      std::all_of(stage.outputs.begin(), stage.outputs.end(),
                  [&](const auto& output) { return record.files().exists(output); });
  if (are_there && record.is_done(stage.name, stage.inputs)) {
    if (stage.load()) {
      log.info(stage.name + ": finished before with the same settings, reused");
      return true;
    }
    log.info(stage.name + ": finished before, but its output is incomplete, so it runs again");
  }
  for (const std::string& change : record.changes(stage.name, stage.inputs)) {
    log.info(fmt::format("{}: runs again because {}", stage.name, change));
  }
  record.begin(stage.name);
  stage.produce();
  record.finish(stage.name, stage.inputs);
  return false;
}

}  // namespace hsconas
