#include "hsconas/config/known_settings.hpp"

#include <algorithm>
#include <string_view>

#include <nlohmann/json.hpp>

#include "hsconas/config/config_file.hpp"

namespace hsconas {

namespace {

using nlohmann::json;

/// Sections, and keys of other sections, that concern only training, images and timing.
constexpr std::string_view kOfTraining[] = {"device.",
                                            "cluster.",
                                            "data.",
                                            "supernet.",
                                            "checkpoint_minutes",
                                            "checkpoint_steps",
                                            "latency.device",
                                            "latency.threads",
                                            "latency.cuda",
                                            "latency.precision",
                                            "latency.cpus",
                                            "latency.rounds",
                                            "latency.interval_percent",
                                            "latency.budget_minutes",
                                            "latency.sample_ms",
                                            "latency.bias_networks",
                                            "latency.test_networks",
                                            "score.calibration_images",
                                            "score.validation_images",
                                            "score.batch",
                                            "score.precision",
                                            "score.memory_mb",
                                            "search.racing"};

bool is_of_training(const std::string& path) {
  return std::any_of(std::begin(kOfTraining), std::end(kOfTraining), [&](std::string_view name) {
    return name.ends_with('.') ? path.starts_with(name) : path == name;
  });
}

}  // namespace

std::vector<std::string> settings_without_effect(const Config& config) {
  const json all = to_json(config);
  std::vector<std::string> paths;
  for (const ConfigKey& key : config_keys()) {
    if (!is_of_training(key.path)) continue;
    std::string pointer = "/" + key.path;
    std::replace(pointer.begin(), pointer.end(), '.', '/');
    if (all.at(json::json_pointer(pointer)) != json::parse(key.initial)) paths.push_back(key.path);
  }
  return paths;
}

}  // namespace hsconas
