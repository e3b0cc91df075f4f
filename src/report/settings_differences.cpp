#include "settings_differences.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "hsconas/config/config_file.hpp"
#include "hsconas/report/table.hpp"
#include "page.hpp"

namespace hsconas {

using nlohmann::json;

namespace {

constexpr const char* kNone = "All settings are the same.";

/// Converts a JSON pointer to the notation of settings: "/shrink/stages/0/layers" becomes
/// "shrink.stages.0.layers".
std::string key_of(std::string pointer) {
  std::replace(pointer.begin(), pointer.end(), '/', '.');
  return pointer.substr(1);
}

template <typename Table>
Table table_of(const std::vector<RunRecord>& runs,
               const std::vector<SettingDifference>& differences) {
  std::vector<std::string> head{"setting"};
  for (const RunRecord& run : runs) head.push_back(run.folder);
  Table table(std::move(head));
  for (const SettingDifference& difference : differences) {
    std::vector<std::string> row{difference.key};
    for (const std::string& value : difference.values) row.push_back(value.empty() ? "-" : value);
    table.add(std::move(row));
  }
  return table;
}

}  // namespace

std::vector<SettingDifference> differing_settings(const std::vector<RunRecord>& runs) {
  std::map<std::string, std::vector<std::string>> by_key;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const json flat = to_json(runs[i].config).flatten();
    for (const auto& [pointer, value] : flat.items()) {
      auto& values = by_key[key_of(pointer)];
      values.resize(runs.size());
      values[i] = value.dump();
    }
  }
  by_key.erase("name");
  std::vector<SettingDifference> differences;
  for (auto& [key, of_runs] : by_key) {
    auto& values = of_runs;  // Clang 14 cannot capture structured bindings.
    const bool differs = std::any_of(values.begin(), values.end(), [&](const std::string& value) {
      return value != values.front();
    });
    if (differs) differences.push_back({key, std::move(values)});
  }
  return differences;
}

std::string differences_text(const std::vector<RunRecord>& runs) {
  const auto differences = differing_settings(runs);
  return differences.empty() ? std::string(kNone) + "\n"
                             : table_of<TextTable>(runs, differences).str();
}

json differences_json(const std::vector<RunRecord>& runs) {
  json object = json::object();
  for (const SettingDifference& difference : differing_settings(runs)) {
    json& values = object[difference.key] = json::array();
    for (const std::string& value : difference.values) {
      values.push_back(value.empty() ? json() : json::parse(value));
    }
  }
  return object;
}

std::string differences_section(const std::vector<RunRecord>& runs) {
  const auto differences = differing_settings(runs);
  return section("Settings that differ", differences.empty()
                                             ? paragraph(kNone)
                                             : table_of<HtmlTable>(runs, differences).str());
}

}  // namespace hsconas
