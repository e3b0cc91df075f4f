#include "hsconas/stages/begin_run.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "hsconas/base/error.hpp"
#include "hsconas/base/files.hpp"
#include "hsconas/base/text.hpp"
#include "hsconas/config/config_file.hpp"

namespace hsconas {

using nlohmann::json;

void check_changes(const WorkDir& dir, const StageRecord& record, const json& settings,
                   std::vector<std::string> others, bool may_change) {
  if (may_change || !dir.holds_work()) return;
  const auto changed = record.changes("config", settings);
  if (!changed.empty()) {
    others.insert(others.begin(), "another config: " + join(changed, ", "));
  }
  if (others.empty()) return;
  throw Error(ErrorKind::Usage,
              fmt::format("the run in {} has {}; continue with --allow-changes, which repeats the "
                          "stages that depend on it, or choose another --work-dir",
                          dir.root.string(), join(others, "; and ")));
}

void begin_run(const Config& config, const WorkDir& dir, StageRecord& record, RunKind kind,
               const json& settings, const std::string& versions, Log& log) {
  dir.begin();
  note_kind(record, kind);
  if (!record.is_done("config", settings)) record.finish("config", settings);
  dir.files.on_root([&] {
    log.attach_file(dir.log());
    write_json(dir.config(), to_json(config));
    write_file(dir.version(), versions);
  });
  log.info(fmt::format("run {} in {}", config.name, dir.root.string()));
}

}  // namespace hsconas
