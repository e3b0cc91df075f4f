#include "hsconas/stages/stage_inputs.hpp"

#include <filesystem>
#include <set>
#include <string>
#include <system_error>
#include <utility>

#include "hsconas/base/files.hpp"
#include "hsconas/base/hash.hpp"
#include "hsconas/base/shipped_files.hpp"
#include "hsconas/config/config_file.hpp"
#include "hsconas/config/latency_keys.hpp"
#include "hsconas/config/methods.hpp"
#include "hsconas/config/precision.hpp"
#include "hsconas/config/settings.hpp"
#include "hsconas/latency/measure.hpp"
#include "hsconas/latency/source.hpp"
#include "hsconas/report/run_record.hpp"
#include "hsconas/stages/work_dir.hpp"

namespace hsconas {

using nlohmann::json;

namespace {

/// The fingerprint of a file's content. For a file that does not exist, its name: it belongs to a
/// section that this run does not use.
std::string file_identity(const std::string& file) {
  return is_there(file) ? fingerprint(read_file(file)) : file;
}

/// The fingerprints of the trained networks in `folders`.
json identities_of(const std::vector<std::string>& folders) {
  json identities = json::array();
  for (const std::string& folder : folders) {
    const WorkDir dir{.root = folder, .lock = nullptr};
    identities.push_back(
        {file_identity(dir.architecture().string()), file_identity(dir.model().string())});
  }
  return identities;
}

/// What the fine-tuning of a compressed network depends on, apart from its images.
json tuning_of(const Config& config) {
  const RetrainConfig& retrain = config.retrain;
  const auto precision = word_of(resolved_precision("retrain.precision", retrain.precision,
                                                    Purpose::Training, config.device.type));
  return {{"steps", config.codesign.tune_steps},
          {"lr", config.codesign.tune_lr},
          {"batch", retrain.batch},
          {"schedule", word_of(retrain.schedule)},
          {"momentum", retrain.momentum},
          {"weight_decay", retrain.weight_decay},
          {"label_smoothing", retrain.label_smoothing},
          {"clip_norm", retrain.clip_norm},
          {"precision", precision}};
}

/// The space without what no stage depends on: which operator of a cell is the identity concerns
/// only embeddings, whose file is an input of its own.
json identity_of(const SpaceDescription& space) {
  json identity = to_json(space);
  if (space.cell) identity.erase("identity");
  return identity;
}

/// Adds the content of the file of embeddings, if there is one, to the section search.
void add_embeddings(json& search, const SearchConfig& config) {
  if (!config.embeddings.empty()) search["embeddings"] = file_identity(config.embeddings);
}

/// Adds the contents of the tables that limit networks to `inputs`, in which their limits are.
void add_limit_tables(json& inputs, const LimitsConfig& limits) {
  for (const TableLimit& limit : limits.tables) {
    const LatencyConfig source = with_table({}, limit.table);
    inputs["limits"]["tables"][limit.name]["table"] = latency_source(source).identity(limit.table);
  }
}

/// Removes the settings of other co-design methods than `method` from the section `codesign`. They
/// have no effect, and runs from before one of them existed, or had another default, continue.
void remove_keys_of_others(json& codesign, const std::string& method) {
  std::set<std::string> own;
  std::set<std::string> all;
  for (const MethodWord& word : codesign_method_words()) {
    all.insert(word.keys.begin(), word.keys.end());
    if (word.word == method) own.insert(word.keys.begin(), word.keys.end());
  }
  const std::string section = "codesign.";
  for (const std::string& key : all) {
    if (key.starts_with(section) && !own.contains(key)) codesign.erase(key.substr(section.size()));
  }
}

/// Removes the object at `key` from `object` and returns it; empty if there is none.
json take(json& object, const char* key) {
  json part = object.value(key, json::object());
  object.erase(key);
  return part;
}

}  // namespace

json StageInputs::settings(StageId stage) const {
  return settings_of(config_, stage);
}

json StageInputs::test_images() const {
  return {{"images", images_.test}, {"test_images", config_.data.test_images}};
}

void StageInputs::add_timing(json& inputs) const {
  const LatencyConfig& latency = config_.latency;
  if (!is_cuda(config_.latency_device()) || latency_source(latency).is_modelled) return;
  inputs["cuda"] = launch_mode(latency, config_.latency_device());
  inputs["precision"] = word_of(latency.precision);
}

json StageInputs::config() const {
  StageSet stages;
  for (const StageDescription& stage : kStages) {
    if (stage.id != StageId::Retrain) stages = stages | StageSet{stage.id};
  }
  json all = settings_of(config_, stages);
  all["space"] = identity_of(config_.space);
  json& latency = all["latency"];
  latency.erase("cuda");
  latency.erase("precision");
  add_timing(latency);
  for (const LatencyKey& key : latency_keys()) latency[key.key] = "";
  const LatencySource& source = latency_source(config_.latency);
  if (source.file != nullptr) {
    latency[std::string(source.key)] = source.identity(config_.latency.*source.file);
  }
  if (config_.score.is_known()) {
    all["score"]["accuracies"] = file_identity(config_.score.accuracies);
  }
  add_embeddings(all["search"], config_.search);
  add_limit_tables(all, config_.limits);
  const CodesignConfig& codesign = config_.codesign;
  all["codesign"]["designs"] = codesign.designs.empty() ? "" : file_identity(codesign.designs);
  all["codesign"]["accuracies"] =
      codesign.accuracies.empty() ? "" : file_identity(codesign.accuracies);
  if (!codesign.start.empty()) all["codesign"]["start"] = identities_of(codesign.start);
  remove_keys_of_others(all["codesign"], codesign.method);
  return all;
}

json StageInputs::latency() const {
  json inputs = settings(StageId::Latency);
  inputs["space"] = to_json(config_.space);
  inputs["device"] = config_.latency_device();
  json& latency = inputs["latency"];
  const LatencySource& source = latency_source(config_.latency);
  if (source.inputs != nullptr) {
    latency = source.inputs(config_.latency);
    return inputs;
  }
  // A table that was measured names no file: WorkDir::holds_work() tells it by that.
  for (const LatencyKey& key : latency_keys()) latency[key.key] = "";
  add_timing(latency);
  return inputs;
}

json StageInputs::supernet() const {
  json inputs = settings(StageId::Supernet);
  inputs["space"] = to_json(config_.space);
  inputs["data"]["images"] = images_.train;
  return inputs;
}

json StageInputs::accuracy() const {
  return settings(StageId::Codesign).at("score");
}

json StageInputs::shrink(std::size_t stage, const LatencyIdentity& latency) const {
  json inputs = settings(StageId::Shrink);
  add_limit_tables(inputs, config_.limits);
  auto& stages = inputs["shrink"]["stages"];
  while (stages.size() > stage + 1) stages.erase(stages.size() - 1);
  inputs["weights"] = config_.score.is_known() ? accuracies_to_search() : supernet();
  inputs["judged_by"] = {{"score", take(inputs, "score")},
                         {"target_ms", latency.target_ms},
                         {"latency_table", latency.table}};
  return inputs;
}

json StageInputs::accuracies_to_search() const {
  const ScoreConfig& score = config_.score;
  return {
      {"file", images_.accuracies.empty() ? file_identity(score.accuracies) : images_.accuracies},
      {"column", score.accuracy_column},
      {"space", identity_of(config_.space)}};
}

json StageInputs::search_known(const LatencyIdentity& latency) const {
  const LatencyConfig& source = config_.latency;
  json search = settings(StageId::Search).at("search");
  add_embeddings(search, config_.search);
  return {{"accuracies", accuracies_to_search()},
          {"reported_column", config_.score.reported_column},
          {"judged_by",
           {{"beta", config_.score.beta},
            {"target_ms", latency.target_ms},
            {"latency_table", latency.table}}},
          {"latency", {{"column", source.column}, {"unit", source.unit}}},
          {"shrink", settings(StageId::Shrink).at("shrink")},
          {"search", std::move(search)},
          {"seed", config_.seed},
          {"result_format", kResultFormat}};
}

json StageInputs::search(const LatencyIdentity& latency) const {
  if (config_.score.is_known()) return search_known(latency);
  json inputs = settings(StageId::Search);
  add_limit_tables(inputs, config_.limits);
  const json measured = take(inputs, "latency");
  take(inputs, "data");
  inputs["weights"] = supernet();
  inputs["test"] = test_images();
  inputs["judged_by"] = {{"score", take(inputs, "score")},
                         {"target_ms", latency.target_ms},
                         {"latency_table", latency.table}};
  inputs["shrink"] = settings(StageId::Shrink).at("shrink");
  inputs["measured_on"] = config_.latency_device();
  inputs["measured_threads"] = measured.at("threads");
  inputs["measured_cpus"] = measured.at("cpus");
  inputs["rounds"] = measured.at("rounds");
  inputs["result_format"] = kResultFormat;
  json timing = json::object();
  add_timing(timing);
  if (!timing.empty()) inputs["measured_as"] = std::move(timing);
  return inputs;
}

json StageInputs::cost_networks() const {
  json inputs = settings(StageId::CostNetworks);
  json codesign = take(inputs, "codesign");
  inputs["space"] = to_json(config_.space);
  inputs["designs"] = fingerprint(read_file_or_shipped(config_.codesign.designs));
  inputs["batch"] = codesign.at("batch");
  inputs["dance"] = codesign.at("dance");
  return inputs;
}

json StageInputs::dance() const {
  const json own = settings(StageId::Dance);
  return {{"weights", supernet()},
          {"test", test_images()},
          {"dance", own.at("codesign").at("dance")},
          {"evaluator", cost_networks()},
          {"score", own.at("score")}};
}

json StageInputs::codesign(json accuracies) const {
  json inputs = settings(StageId::Codesign);
  take(inputs, "score");  // `accuracies` contains it if it matters.
  remove_keys_of_others(inputs["codesign"], config_.codesign.method);
  inputs["space"] = to_json(config_.space);
  inputs["designs"] = fingerprint(read_file_or_shipped(config_.codesign.designs));
  inputs["judge"] = std::move(accuracies);
  return inputs;
}

json StageInputs::supernet_accuracies() const {
  return {{"weights", supernet()}, {"score", accuracy()}};
}

json StageInputs::known_accuracies() const {
  return {{"accuracies", fingerprint(read_file(config_.codesign.accuracies))},
          {"column", config_.codesign.accuracy_column}};
}

json StageInputs::start_accuracies() const {
  json data = settings(StageId::Retrain).at("data");
  data["images"] = images_.train;
  return {{"networks", identities_of(config_.codesign.start)},
          {"data", std::move(data)},
          {"test", test_images()},
          {"score", accuracy()},
          {"tuning", tuning_of(config_)},
          {"seed", config_.seed}};
}

json StageInputs::retrain(const std::string& arch, const std::string& teacher,
                          const std::string& run) const {
  json inputs = settings(StageId::Retrain);
  const json score = take(inputs, "score");
  inputs["space"] = to_json(config_.space);
  inputs["data"]["images"] = images_.train;
  inputs["data"]["images_to_test_on"] = images_.test;
  inputs["retrain"]["teacher"] = teacher;
  inputs["calibration_images"] = score.at("calibration_images");
  inputs["calibration_batch"] = score.at("batch");
  inputs["arch"] = arch;
  if (!run.empty()) inputs["run"] = run;
  return inputs;
}

std::string fingerprint_of(const json& inputs) {
  return fingerprint(inputs.dump());
}

}  // namespace hsconas
