#include "hsconas/stages/run_kind.hpp"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "hsconas/base/error.hpp"
#include "hsconas/base/files.hpp"

namespace hsconas {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

constexpr const char* kEntry = "command";  ///< The entry of stages.json that holds the kind.
constexpr const char* kSearch = "search";
constexpr const char* kTargets = "targets";
constexpr const char* kCodesign = "codesign";

/// The work directory of the search to which `dir` belongs if it is one of its targets.
WorkDir around(const WorkDir& dir) {
  return {.root = dir.root.parent_path().parent_path(), .lock = nullptr};
}

bool has_any(const StageRecord& record, std::initializer_list<const char*> stages) {
  return std::any_of(stages.begin(), stages.end(),
                     [&](const char* stage) { return record.has(stage); });
}

bool any_is_there(std::initializer_list<fs::path> files) {
  return std::any_of(files.begin(), files.end(), is_there);
}

/// The architecture that a finished co-design run found; empty if there is none.
std::string codesigned_network(const WorkDir& dir) {
  if (!is_there(dir.codesign())) return "";
  const json arch =
      read_json(dir.codesign()).value(json::json_pointer("/best/arch"), json(std::string()));
  return arch.is_string() ? arch.get<std::string>() : "";
}

}  // namespace

RunKind kind_of(const WorkDir& dir) {
  if (!is_there(dir.stages())) return RunKind::Open;
  try {
    const StageRecord record(dir.stages());
    if (has_any(record, {"retraining", "retrain"})) return RunKind::Retrain;
    const json noted = record.inputs(kEntry);
    const std::string name = noted.is_object() ? noted.value("name", "") : "";
    if (name == kCodesign) return RunKind::Codesign;
    if (name == kSearch) return RunKind::Search;
    if (name == kTargets) return RunKind::Targets;
    // Earlier versions noted no kind, but some stages and files belong to one command only.
    if (has_any(record, {"codesign", "cost-networks"}) ||
        any_is_there({dir.codesign(), dir.codesign_candidates(), dir.checkpoint("dance"),
                      dir.checkpoint("dance-evaluator")})) {
      return RunKind::Codesign;
    }
    if (has_any(record, {"search", "baseline", "shrink-1"}) ||
        any_is_there({dir.result(), dir.candidates(), dir.shrink()})) {
      return RunKind::Search;
    }
  } catch (const Error&) {
  } catch (const json::exception&) {
  }
  return RunKind::Open;
}

bool is_target(const WorkDir& dir) {
  return around(dir).targets() == dir.root.parent_path() &&
         kind_of(around(dir)) == RunKind::Targets;
}

std::string continuation(const WorkDir& dir, RunKind kind) {
  if (kind == RunKind::Retrain)
    return fmt::format("hsconas retrain {} --resume", dir.root.string());
  return fmt::format("hsconas {0} --config {1}/config.json --work-dir {1} --resume",
                     kind == RunKind::Codesign ? kCodesign : kSearch,
                     (is_target(dir) ? around(dir) : dir).root.string());
}

std::string describe(RunKind kind) {
  switch (kind) {
    case RunKind::Search:
      return "a search";
    case RunKind::Targets:
      return "a search for several targets";
    case RunKind::Codesign:
      return "a co-design run";
    case RunKind::Retrain:
      return "a retraining";
    case RunKind::Open:
      break;
  }
  return "a run";
}

void check_kind(const WorkDir& dir, RunKind wanted) {
  const RunKind kind = kind_of(dir);
  if (kind == RunKind::Open || kind == wanted) return;
  if (wanted == RunKind::Open && kind != RunKind::Retrain) return;
  throw Error(ErrorKind::Usage,
              fmt::format("{}: holds {}; continue it with {}, or choose another "
                          "folder",
                          dir.root.string(), describe(kind), continuation(dir, kind)));
}

void note_kind(StageRecord& record, RunKind kind) {
  if (kind == RunKind::Open || kind == RunKind::Retrain) return;
  const json entry = {{"name", kind == RunKind::Search    ? kSearch
                               : kind == RunKind::Targets ? kTargets
                                                          : kCodesign}};
  if (!record.is_done(kEntry, entry)) record.finish(kEntry, entry);
}

std::string why_no_search(const WorkDir& dir) {
  const RunKind kind = kind_of(dir);
  if (kind == RunKind::Targets) {
    return "this is a search for several targets; name the run of one of them, which are in " +
           dir.targets().string();
  }
  const bool is_finished = kind != RunKind::Open && kind != RunKind::Search &&
                           has_any(StageRecord(dir.stages()), {"codesign", "retrain"});
  if (!is_finished) {
    const char* what = kind == RunKind::Codesign  ? "co-design"
                       : kind == RunKind::Retrain ? "retraining"
                                                  : "search";
    return fmt::format("the {} has not finished; continue it with {}", what,
                       continuation(dir, kind));
  }
  if (kind == RunKind::Retrain) {
    return fmt::format("this is a retraining, not a search; its result is in {}",
                       dir.result().string());
  }
  const std::string arch = codesigned_network(dir);
  return fmt::format(
      "this is a co-design run, which trains no single network; {} names the pair "
      "that it found, whose network hsconas retrain --config {} --arch {} --out DIR "
      "trains",
      dir.codesign().string(), dir.config().string(), arch.empty() ? "ARCH" : arch);
}

}  // namespace hsconas
