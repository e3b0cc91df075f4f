#include "hsconas/stages/stage_inputs.hpp"

#include <algorithm>
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "catch.hpp"
#include "hsconas/base/files.hpp"
#include "hsconas/base/hash.hpp"
#include "hsconas/config/config_file.hpp"
#include "hsconas/config/methods.hpp"
#include "hsconas/config/precision.hpp"
#include "support/errors.hpp"
#include "support/known_table.hpp"
#include "support/spaces.hpp"
#include "support/temporary_folder.hpp"

using namespace hsconas;
using nlohmann::json;

namespace {

/// The inputs of every stage of a run whose latency table, images and shared weights differ exactly
/// when their own inputs do.
std::map<StageId, json> all_inputs(const Config& asked) {
  Config config = with_resolved_precisions(asked);
  config.retrain.precision = resolved_precision("retrain.precision", config.retrain.precision,
                                                Purpose::Training, config.device.type);
  const StageInputs inputs(config, {.train = "images of " + config.data.path,
                                    .test = "test images of " + config.data.path});
  const LatencyConfig& latency = config.latency;
  const LatencyIdentity identity{
      .target_ms = latency.target_ms > 0.0 ? latency.target_ms : latency.target_position,
      .table = fingerprint_of(inputs.latency())};
  json judged =
      config.codesign.accuracies.empty() ? inputs.supernet_accuracies() : inputs.known_accuracies();
  if (!config.codesign.start.empty()) judged = inputs.start_accuracies();
  const std::size_t last = config.shrink.stages.size() - 1;  // Wraps if there are none.
  return {{StageId::Latency, inputs.latency()},
          {StageId::Supernet, inputs.supernet()},
          {StageId::Shrink, inputs.shrink(last, identity)},
          {StageId::Search, inputs.search(identity)},
          {StageId::CostNetworks, inputs.cost_networks()},
          {StageId::Dance, inputs.dance()},
          {StageId::Codesign, inputs.codesign(judged)},
          {StageId::Retrain, inputs.retrain("0:0", fingerprint(config.retrain.teacher), "")}};
}

std::string names(StageSet stages) {
  std::string text;
  for (const StageDescription& stage : kStages) {
    if (stages.contains(stage.id)) text += std::string(stage.name) + " ";
  }
  return text;
}

/// A folder with the files that a config may name.
class Files {
 public:
  Files() {
    const auto configs = source_folder() / "configs";
    for (const char* name : {"a", "b"}) {
      std::filesystem::create_directory(folder_ / name);
      write_file(path(name, "accuracies.csv"), fmt::format("arch,accuracy\n0:0,{}\n", name));
      write_file(path(name, "embeddings.csv"), fmt::format("arch,e1\n0:0,{}\n", name));
      json table = read_json(source_folder() / "tests/golden/latency_table.json");
      table["bias_ms"] = std::string(name) == "a" ? 1.0 : 2.0;
      write_json(path(name, "table.json"), table);
      json designs = read_json(configs / "designs/semi-decoupled.json");
      designs["name"] = name;
      write_json(path(name, "designs.json"), designs);
    }
    json design = read_json(configs / "accelerators/eyeriss-168.json");
    write_json(path("b", "accelerator.json"), design);
  }
  std::string path(const char* folder, const char* name) const {
    return (folder_ / folder / name).string();
  }

 private:
  TemporaryFolder folder_;
};

/// A config in which every section counts.
json busy_config(const Files& files) {
  Config config;
  config.space = tiny_description(4);
  config.data = {.format = DataFormat::Folder,
                 .path = files.path("a", "images"),
                 .mean = {0.5, 0.5, 0.5},
                 .std = {0.25, 0.25, 0.25}};
  config.latency.rounds = 7;
  config.shrink.stages = {{.layers = 1}};
  config.codesign.designs = files.path("a", "designs.json");
  json source = to_json(config);
  source["codesign"]["dance"]["cost"] = "linear";
  return source;
}

/// Adds the settings beside which another value of `key` has an effect.
void prepare(json& config, const ConfigKey& key, const Files& files) {
  // Only locality shrinking has these keys.
  for (const char* name :
       {"seeds", "rounds", "standard_errors", "latency_tolerance", "stages[].radius"}) {
    if (key.path == std::string("shrink.") + name) config["shrink"]["method"] = "locality";
  }
  // A stage of locality shrinking must not decide another number of layers than by default.
  if (config["shrink"]["method"] == "locality" || key.path == "shrink.method") {
    config["shrink"]["stages"][0]["layers"] = 4;
  }
  if (key.path.starts_with("search.controller")) config["search"]["method"] = "reinforce";
  if (key.path == "search.controller_units") config["search"]["controller"] = "recurrent";
  // Some co-design methods only have these keys.
  for (const MethodWord& method : codesign_method_words()) {
    const bool has_key =
        std::find(method.keys.begin(), method.keys.end(), key.path) != method.keys.end();
    if (has_key && key.path.starts_with("codesign.")) config["codesign"]["method"] = method.word;
  }
  if (config["codesign"]["method"] == "compress") {
    config["codesign"]["start"] = {files.path("a", "trained")};
  }
  if (key.path == "supernet.width_warmup") config["supernet"]["paths"] = "operators_first";
  if (key.path.starts_with("supernet.gradient.")) config["supernet"]["method"] = "mixed_level";
  // Nothing is shrunk where architecture parameters are learned.
  if (key.path.starts_with("supernet.gradient.") || key.path == "supernet.method") {
    config["shrink"]["stages"] = json::array();
  }
  if (key.path.starts_with("limits.")) {
    config["limits"] = {
        {"max_memory_mb", 1.0},
        {"tables", {{"NAME", {{"table", files.path("a", "table.json")}, {"max_ms", 5.0}}}}}};
    config = to_json(read_config(config));
  }
}

/// Another value of `key`, where the config has `value`.
json another_value(const ConfigKey& key, const json& value, const Files& files) {
  if (key.path == "latency.table") return files.path("b", "table.json");
  if (key.path == "limits.tables.NAME.table") return files.path("b", "table.json");
  if (key.path == "limits.tables") return json::object();
  if (key.path == "search.embeddings") return files.path("b", "embeddings.csv");
  if (key.path == "latency.accelerator") return files.path("b", "accelerator.json");
  if (key.path == "codesign.designs") return files.path("b", "designs.json");
  if (key.path == "codesign.accuracies" || key.path == "score.accuracies")
    return files.path("b", "accuracies.csv");
  if (key.path == "latency.device" || key.path == "device.type") return "cuda";
  if (key.path == "data.mean" || key.path == "data.std") return {0.5, 0.5, 0.125};
  if (key.path == "latency.cpus") return {1};
  if (key.path == "codesign.weight_bits") return {6, 8};
  if (key.path == "codesign.start") return {files.path("b", "trained")};
  if (key.path == "shrink.stages") return {{{"layers", 2}}};
  // "auto" means one of the others.
  if (key.path == "latency.cuda") return "eager";
  if (key.path == "score.precision") return "fp16";
  if (key.path.ends_with(".precision") && value == "auto") return "bf16";
  for (const std::string& word : key.words) {
    if (value != word && word != "auto") return word;
  }
  if (value.is_boolean()) return !value.get<bool>();
  if (value.is_string()) return value.get<std::string>() + "x";
  if (value.is_number_integer()) return value.get<int>() + 1;
  return value.get<double>() > 0.5 ? value.get<double>() * 0.875 : value.get<double>() + 0.125;
}

/// The config `source` with the other settings without which `key` would be refused or mean
/// nothing.
json with_needed(json source, const ConfigKey& key, const Files& files) {
  // Timing of a GPU counts only where a GPU is timed.
  const bool is_gpu = key.path == "latency.cuda" || key.path == "latency.precision";
  if (is_gpu) source["latency"]["device"] = "cuda";
  const bool is_known = key.path == "score.accuracy_column" ||
                        key.path == "score.reported_column" || key.path == "latency.column" ||
                        key.path == "latency.unit" || key.path == "search.embeddings";
  if (is_known) source["score"]["accuracies"] = files.path("a", "accuracies.csv");
  if (key.path == "latency.unit") source["latency"]["column"] = "ms";
  if (key.path == "search.embeddings") source["search"]["method"] = "bayesian";
  return source;
}

json::json_pointer pointer_of(std::string path) {
  for (std::size_t at = 0; (at = path.find("[]", at)) != std::string::npos;) {
    path.replace(at, 2, ".0");
  }
  for (char& c : path) c = c == '.' ? '/' : c;
  return json::json_pointer("/" + path);
}

}  // namespace

TEST_CASE("another value of a key changes the stages that the key names, and no others",
          "[pipeline][config]") {
  const Files files;
  const json source = busy_config(files);
  std::size_t checked = 0;
  for (const ConfigKey& key : config_keys()) {
    INFO(key.path);
    json before = with_needed(source, key, files);
    prepare(before, key, files);
    if (key.path == "codesign.accuracy_column") {
      before["codesign"]["accuracies"] = files.path("a", "accuracies.csv");
    }
    const json::json_pointer pointer = pointer_of(key.path);
    json after = before;
    after[pointer] = another_value(key, before.at(pointer), files);
    INFO(before.at(pointer).dump() << " -> " << after.at(pointer).dump());
    const Config first = read_config(before);
    const Config second = read_config(after);
    const auto old_inputs = all_inputs(first);
    const auto new_inputs = all_inputs(second);
    StageSet changed;
    for (const StageDescription& stage : kStages) {
      if (old_inputs.at(stage.id) != new_inputs.at(stage.id))
        changed = changed | StageSet{stage.id};
    }
    CHECK(names(changed) == names(key.changes));
    ++checked;
  }
  CHECK(checked > 100);
}

TEST_CASE(
    "a run is another one exactly when a stage other than the retraining changes, or the key "
    "is guarded",
    "[pipeline][config]") {
  const Files files;
  const json source = busy_config(files);
  for (const ConfigKey& key : config_keys()) {
    INFO(key.path);
    if (key.path == "data.path")
      continue;  // Images count by what they hold, apart from the config.
    json before = with_needed(source, key, files);
    prepare(before, key, files);
    const json::json_pointer pointer = pointer_of(key.path);
    json after = before;
    after[pointer] = another_value(key, before.at(pointer), files);
    const Config first = read_config(before);
    const Config second = read_config(after);
    bool concerns_run = key.is_guarded;
    for (const StageDescription& stage : kStages) {
      concerns_run |= stage.id != StageId::Retrain && key.changes.contains(stage.id);
    }
    CHECK((StageInputs(first, {}).config() != StageInputs(second, {}).config()) == concerns_run);
  }
}

TEST_CASE("the inputs have the names that older runs recorded, so that these continue",
          "[pipeline][config]") {
  // If a new key is missing in the file, do not add it there: give it added_with() in schema.hpp.
  const Files files;
  json names = json::object();
  const Config config = read_config(busy_config(files));
  const auto add = [&](const std::string& stage, const json& inputs) {
    const json flat = inputs.flatten();
    for (const auto& [name, value] : flat.items()) names[stage].push_back(name);
  };
  for (const StageDescription& stage : kStages) {
    add(std::string(stage.name), all_inputs(config).at(stage.id));
  }
  add("config", StageInputs(config, {}).config());
  const json recorded = read_json(source_folder() / "tests/golden/input_names.json");
  for (const auto& [stage, known] : recorded.items()) {
    CAPTURE(stage);
    CHECK(names.value(stage, json()) == known);
  }
  CHECK(names.size() == recorded.size());
}

TEST_CASE("the keys of locality shrinking are inputs only where they are not what they were before",
          "[pipeline][config]") {
  const Files files;
  json source = busy_config(files);
  const auto shrink = [&] {
    const Config config = read_config(source);
    return StageInputs(config, {}).shrink(0, {}).at("shrink");
  };
  const json before = shrink();
  CHECK(before == json({{"samples", 100}, {"stages", before.at("stages")}}));
  CHECK(before.at("stages").at(0).size() == 3);
  source["shrink"] = {{"method", "locality"}, {"seeds", 7}, {"stages", {{{"radius", 2}}}}};
  CHECK(shrink().at("method") == "locality");
  CHECK(shrink().at("seeds") == 7);
  CHECK(shrink().at("stages").at(0).at("radius") == 2);
  CHECK_FALSE(shrink().contains("rounds"));
}

TEST_CASE("settings of other co-design methods are no inputs, whatever default they once had",
          "[pipeline][config]") {
  const Files files;
  json source = busy_config(files);
  source["codesign"]["accuracies"] = files.path("a", "accuracies.csv");
  const auto inputs = [&](const char* method, int fast_tries) {
    source["codesign"]["method"] = method;
    source["codesign"]["fast_tries"] = fast_tries;
    const Config config = read_config(source);
    const StageInputs stages(config, {});
    return std::pair(stages.codesign({}).at("codesign"), stages.config().at("codesign"));
  };
  const int initial = CodesignConfig{}.fast_tries;
  const int earlier = 10;
  CHECK(inputs("coupled", initial) == inputs("coupled", earlier));
  // A run by two_level with the earlier default recorded none, and continues with it.
  CHECK_FALSE(inputs("two_level", earlier).first.contains("fast_tries"));
  CHECK(inputs("two_level", initial).first.at("fast_tries") == initial);
  CHECK(inputs("two_level", initial).second.at("fast_tries") == initial);
}

TEST_CASE("groups are an input of the trainings unless there is one, as before there were any",
          "[pipeline][config]") {
  Config config;
  config.space = tiny_description(2);
  const auto inputs = [&] { return StageInputs(config, {}); };
  CHECK_FALSE(inputs().supernet().at("supernet").contains("groups"));
  CHECK_FALSE(inputs().config().at("supernet").contains("groups"));
  CHECK_FALSE(inputs().retrain("", "", "").at("retrain").contains("groups"));
  config.supernet.groups = 2;
  config.retrain.groups = 4;
  CHECK(inputs().supernet().at("supernet").at("groups") == 2);
  CHECK(inputs().config().at("supernet").at("groups") == 2);
  CHECK(inputs().retrain("", "", "").at("retrain").at("groups") == 4);
}

TEST_CASE("limits are inputs of shrinking and search, and none where there are none",
          "[pipeline][config][limits]") {
  const Files files;
  Config config = read_config(busy_config(files));
  const LatencyIdentity identity{.target_ms = 1.0, .table = "t"};
  const auto inputs = [&] { return StageInputs(config, {}); };
  CHECK_FALSE(inputs().shrink(0, identity).contains("limits"));
  CHECK_FALSE(inputs().search(identity).contains("limits"));
  CHECK_FALSE(inputs().config().contains("limits"));
  config.limits.max_macs = 1e6;
  config.limits.tables = {{.name = "phone", .table = files.path("a", "table.json"), .max_ms = 2.0}};
  for (const json& stage :
       {inputs().shrink(0, identity), inputs().search(identity), inputs().config()}) {
    CHECK(stage.at("limits").at("max_macs") == 1e6);
    CHECK(stage.at("limits").at("tables").at("phone").at("max_ms") == 2.0);
    const std::string table = stage.at("limits").at("tables").at("phone").at("table");
    CHECK_FALSE(contains(table, "table.json"));  // The content of the file, not its name.
  }
}

TEST_CASE("the content of embeddings is an input of the search, and the identity of a cell is none",
          "[pipeline][config]") {
  const Files files;
  Config config;
  config.space = read_space(small_cell());
  config.score.accuracies = files.path("a", "accuracies.csv");
  const auto inputs = [&] { return StageInputs(config, {}); };
  const json before = inputs().search({});
  const json all = inputs().config();
  CHECK_FALSE(before.at("search").contains("embeddings"));
  config.space.cell->identity = 1;
  CHECK(inputs().search({}) == before);
  CHECK(inputs().config() == all);
  config.search.embeddings = files.path("a", "embeddings.csv");
  const json first = inputs().search({});
  CHECK(first.at("search").at("embeddings") ==
        fingerprint(read_file(files.path("a", "embeddings.csv"))));
  config.search.embeddings = files.path("b", "embeddings.csv");
  CHECK(inputs().search({}) != first);
}

TEST_CASE("every stage comes after those that it uses", "[config]") {
  StageSet before;
  for (const StageDescription& stage : kStages) {
    INFO(stage.name);
    CHECK((stage.uses & before) == stage.uses);
    before = before | StageSet{stage.id};
  }
}
