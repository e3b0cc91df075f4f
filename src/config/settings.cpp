#include "hsconas/config/settings.hpp"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "schema.hpp"

namespace hsconas {

namespace {

using nlohmann::json;

/// Whether a value is to be written; `stages` are the stages that the value affects.
using Filter = std::function<bool(const Allowed& allowed, StageSet stages)>;

/// Writes the values that pass a filter.
struct SettingsVisitor {
  const Filter& counts;
  StageSet stages{};  ///< The stages that the keys of this section affect by default.
  json object = json::object();

  template <typename T>
  void operator()(std::string_view key, T& value, const Allowed& allowed, std::string_view) {
    if (allowed.value_before && json(value_of(value)) == *allowed.value_before) return;
    if (counts(allowed, allowed.stages.value_or(stages)))
      object[std::string(key)] = value_of(value);
  }
  template <typename T>
  void section(std::string_view key, T& value, StageSet changed) {
    SettingsVisitor visitor{.counts = counts, .stages = changed};
    describe(visitor, value);
    if (!visitor.object.empty()) object[std::string(key)] = std::move(visitor.object);
  }
  template <typename T>
  void list(std::string_view key, std::vector<T>& items, std::string_view) {
    if (!counts({}, stages)) return;
    json& array = object[std::string(key)] = json::array();
    for (T& item : items) {
      SettingsVisitor visitor{.counts = counts, .stages = stages};
      describe(visitor, item);
      array.push_back(std::move(visitor.object));
    }
  }
  template <typename T>
  void by_name(std::string_view key, std::vector<T>& items, std::string_view) {
    for (T& item : items) {
      SettingsVisitor visitor{.counts = counts, .stages = stages};
      describe(visitor, item);
      if (!visitor.object.empty()) object[std::string(key)][item.name] = std::move(visitor.object);
    }
  }
};

json filtered(Config config, const Filter& counts) {  // A copy: describe() takes mutable members.
  SettingsVisitor visitor{.counts = counts};
  describe(visitor, config);
  return std::move(visitor.object);
}

}  // namespace

json settings_of(const Config& config, StageId stage) {
  return filtered(config, [stage](const Allowed& allowed, StageSet stages) {
    return stages.contains(stage) && !allowed.is_resolved;
  });
}

json settings_of(const Config& config, StageSet stages) {
  return filtered(config, [stages](const Allowed& allowed, StageSet changed) {
    return (allowed.is_guarded || !(changed & stages).empty()) && !allowed.is_path;
  });
}

}  // namespace hsconas
