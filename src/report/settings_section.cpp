#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "hsconas/config/config_file.hpp"
#include "page.hpp"
#include "run_sections.hpp"
#include "svg.hpp"

namespace hsconas {

namespace {

using nlohmann::json;

std::string value_text(const json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

}  // namespace

std::string settings_section(const RunRecord& run) {
  const json config = to_json(run.config);
  HtmlTable table({"setting", "value", "default", "meaning"});
  for (const ConfigKey& key : config_keys()) {
    if (key.path.find("[]") != std::string::npos) continue;  // The whole list is shown instead.
    std::string pointer = "/" + key.path;
    std::replace(pointer.begin(), pointer.end(), '.', '/');
    const json::json_pointer at(pointer);
    if (!config.contains(at)) continue;
    const std::string value = config.at(at).dump();
    const bool is_changed = value != key.initial;
    table.add({key.path, value_text(config.at(at)),
               is_changed ? value_text(json::parse(key.initial, nullptr, false)) : "", key.meaning},
              is_changed);
  }
  std::string html = foldable("Settings (bold: different from the default)", table.str());
  html += foldable("The search space",
                   fmt::format("<pre>{}</pre>\n", escaped(config.at("space").dump(2), true)));
  html += run.versions.empty()
              ? paragraph("The run has no version.txt.")
              : foldable("Versions", fmt::format("<pre>{}</pre>\n", escaped(run.versions, true)));
  return section("Settings and versions", html);
}

}  // namespace hsconas
