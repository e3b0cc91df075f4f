#include "hsconas/pipeline/load_run.hpp"

#include <initializer_list>
#include <system_error>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "hsconas/base/error.hpp"
#include "hsconas/base/files.hpp"
#include "hsconas/base/text.hpp"
#include "hsconas/config/config_file.hpp"
#include "hsconas/pipeline/work_dir.hpp"

namespace hsconas {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

bool is_there(const fs::path& file) {
  std::error_code unknown;
  return fs::exists(file, unknown);
}

/// Why the result in `dir` is none of the settings that are there now; empty when it is.
std::string why_unfinished(const WorkDir& dir, const RunRecord& run) {
  const StageRecord record(dir.stages());
  const json stages = is_there(dir.stages()) ? read_json(dir.stages()) : json::object();
  if (!stages.contains("search") || !is_there(dir.result())) {
    return "the search has not ended; continue it with `hsconas search --resume`";
  }
  // What of the search's inputs the settings alone tell; the rest cannot differ without them.
  const json config = to_json(run.config);
  json now = stages.at("search");
  now["result_format"] = kResultFormat;
  const json images = now.value(json::json_pointer("/weights/data/images"), json(""));
  now["weights"] = weights_inputs(run.config, images.is_string() ? images : "");
  if (now.contains("test")) now["test"]["test_images"] = run.config.data.test_images;
  json& judged_by = now["judged_by"];
  if (!judged_by.is_object()) judged_by = json::object();
  judged_by["score"] = score_inputs(run.config);
  if (run.table) judged_by["latency_table"] = fingerprint_of(to_json(*run.table));
  now["shrink"] = config.at("shrink");
  now["search"] = config.at("search");
  const auto changes = record.changes("search", now);
  if (changes.empty()) return "";
  return fmt::format("since the search ended, {}; repeat it with `hsconas search --resume`",
                     join(changes, ", "));
}

}  // namespace

json without(json object, std::initializer_list<const char*> keys) {
  for (const char* key : keys) object.erase(key);
  return object;
}

json weights_inputs(const Config& config, const std::string& images) {
  const json all = to_json(config);
  json data = without(all["data"], {"path", "workers", "memory_mb", "test_images"});
  data["images"] = images;
  return {{"space", all["space"]},
          {"data", std::move(data)},
          {"supernet", all["supernet"]},
          {"seed", config.seed}};
}

json score_inputs(const Config& config) {
  return without(to_json(config)["score"], {"memory_mb"});
}

RunRecord load_run(const fs::path& folder) {
  const WorkDir dir{.root = folder, .lock = nullptr};
  if (!is_there(dir.config())) {
    throw Error(ErrorKind::Data,
                fmt::format("{}: holds no run, config.json is missing", folder.string()));
  }
  RunRecord run{.folder = folder.string(), .config = load_config(dir.config(), {})};
  if (is_there(dir.version())) run.versions = read_file(dir.version());
  if (is_there(dir.latency())) run.table = load_table(dir.latency());
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
                    run.result ? run.result->weights : std::vector<JudgingWeights>{}, run);
  }
  return run;
}

}  // namespace hsconas
