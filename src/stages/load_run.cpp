#include "hsconas/stages/load_run.hpp"

#include <system_error>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "hsconas/base/error.hpp"
#include "hsconas/base/files.hpp"
#include "hsconas/base/text.hpp"
#include "hsconas/codesign/methods.hpp"
#include "hsconas/config/config_file.hpp"
#include "hsconas/config/latency_keys.hpp"
#include "hsconas/stages/run_kind.hpp"
#include "hsconas/stages/stage_inputs.hpp"
#include "hsconas/stages/work_dir.hpp"

namespace hsconas {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

/// Why `dir` has no result that belongs to its current settings; empty if it has one.
std::string why_unfinished(const WorkDir& dir, const RunRecord& run) {
  const StageRecord record(dir.stages());
  const json stages = is_there(dir.stages()) ? read_json(dir.stages()) : json::object();
  const RunKind kind = kind_of(dir);
  const bool is_search = kind == RunKind::Search || kind == RunKind::Open;
  if (!is_search || !stages.contains("search") || !is_there(dir.result())) {
    return why_no_search(dir);
  }
  // The images and T cannot be computed from the files of the run, so the recorded ones are used.
  const json& before = stages.at("search");
  const auto text = [&](const char* pointer) {
    const json value = before.value(json::json_pointer(pointer), json(""));
    return value.is_string() ? value.get<std::string>() : "";
  };
  const json target_ms = before.value(json::json_pointer("/judged_by/target_ms"), json(0.0));
  const StageInputs inputs(run.config, {.train = text("/weights/data/images"),
                                        .test = text("/test/images"),
                                        .accuracies = text("/accuracies/file")});
  const json now =
      inputs.search({.target_ms = target_ms.is_number() ? target_ms.get<double>() : 0.0,
                     .table = run.table ? fingerprint_of(to_json(*run.table))
                                        : text("/judged_by/latency_table")});
  const auto changes = record.changes("search", now);
  if (changes.empty()) return "";
  return fmt::format("since the search finished, {}; repeat it with {}", join(changes, ", "),
                     continuation(dir, RunKind::Search));
}

/// The inputs that the co-design in `dir` would have now, with the images and known accuracies that
/// it had `before`. Throws Error when a file that the config names is gone.
json codesign_inputs(const Config& config, const json& before) {
  const auto text = [&](const char* pointer) {
    const json value = before.value(json::json_pointer(pointer), json(""));
    return value.is_string() ? value.get<std::string>() : "";
  };
  if (config.codesign.method == "dance") {
    return StageInputs(config,
                       {.train = text("/weights/data/images"), .test = text("/test/images")})
        .dance();
  }
  if (find_codesign_method(config.codesign.method).has_start) {
    const StageInputs inputs(
        config, {.train = text("/judge/data/images"), .test = text("/judge/test/images")});
    return inputs.codesign(inputs.start_accuracies());
  }
  const StageInputs inputs(config, {.train = text("/judge/weights/data/images")});
  return inputs.codesign(config.codesign.accuracies.empty() ? inputs.supernet_accuracies()
                                                            : before.value("judge", json()));
}

/// Why `dir` has no pair that belongs to its current settings; empty if it has one.
std::string why_no_pair(const WorkDir& dir, const Config& config) {
  const StageRecord record(dir.stages());
  if (kind_of(dir) != RunKind::Codesign || !record.has("codesign") || !is_there(dir.codesign())) {
    return why_no_search(dir);
  }
  std::vector<std::string> changes;
  try {
    changes = record.changes("codesign", codesign_inputs(config, record.inputs("codesign")));
  } catch (const Error&) {  // Without that file, the run cannot be compared with its settings.
  }
  if (changes.empty()) return "";
  return fmt::format("since the co-design finished, {}; repeat it with {}", join(changes, ", "),
                     continuation(dir, RunKind::Codesign));
}

/// Whether latencies are predicted from a table. One in the folder may be of earlier settings.
bool uses_table(const Config& config) {
  return !config.score.is_known() ||
         (config.latency.column.empty() && names_latencies(config.latency));
}

}  // namespace

RunRecord load_run(const fs::path& folder) {
  const WorkDir dir{.root = folder, .lock = nullptr};
  if (!is_there(dir.config())) {
    throw Error(ErrorKind::Data,
                fmt::format("{}: holds no run: config.json is missing", folder.string()));
  }
  RunRecord run{.folder = folder.string(), .config = load_config(dir.config(), {})};
  if (is_there(dir.version())) run.versions = read_file(dir.version());
  if (uses_table(run.config) && is_there(dir.latency())) run.table = load_table(dir.latency());
  if (is_there(dir.shrink())) {
    run.shrink = read_shrink(read_sealed_json(dir.shrink()), dir.shrink().string());
  }
  run.metrics = load_metrics(dir.metrics());
  run.unfinished = why_unfinished(dir, run);
  if (run.unfinished.empty()) {
    run.result = read_result(read_sealed_json(dir.result()), dir.result().string());
  }
  if (is_there(dir.candidates())) {
    read_candidates(dir.candidates(),
                    run.result ? run.result->weights : std::vector<SharedWeights>{}, run);
  }
  return run;
}

CodesignRun load_codesign_run(const fs::path& folder) {
  const WorkDir dir{.root = folder, .lock = nullptr};
  CodesignRun codesign{.run = load_run(folder), .found = {}};
  codesign.run.unfinished = why_no_pair(dir, codesign.run.config);
  if (codesign.run.unfinished.empty()) {
    codesign.found =
        read_codesign_record(read_sealed_json(dir.codesign()), dir.codesign().string());
  }
  return codesign;
}

}  // namespace hsconas
