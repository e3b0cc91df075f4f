#include "hsconas/codesign/design_space.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "hsconas/base/error.hpp"
#include "hsconas/base/json_reader.hpp"
#include "hsconas/base/shipped_files.hpp"
#include "hsconas/base/text.hpp"

namespace hsconas {

using nlohmann::json;

namespace {

constexpr std::size_t kMostPoints = 1000000;

/// An axis, and its values as an accelerator file has them.
struct Choice {
  std::string key;
  std::vector<json> values;
};

[[noreturn]] void refuse(const std::string& sentence) {
  throw Error(ErrorKind::Usage, sentence);
}

bool is_range(const json& value) {
  return value.is_object() && value.contains("from");
}

std::vector<json> range_values(const json& value, const std::string& path) {
  JsonReader reader(value, path);
  const auto from = reader.required<double>("from");
  const auto to = reader.required<double>("to");
  const auto step = reader.required<double>("step");
  reader.finish();
  if (!(step > 0.0) || !(to >= from) || !((to - from) / step < 1e5)) {
    refuse(fmt::format("{} must rise from \"from\" to \"to\" by a positive \"step\"", path));
  }
  std::vector<json> values;
  const bool whole = from == std::floor(from) && step == std::floor(step);
  const auto count = static_cast<int>(std::floor((to - from) / step + 1e-9));
  for (int i = 0; i <= count; ++i) {
    const double number = from + i * step;
    if (whole) {
      values.emplace_back(static_cast<std::int64_t>(number));
    } else {
      // 0.6 + 3 * 0.1 is not quite 0.9, which names and the nominal voltage need exactly.
      values.emplace_back(json::parse(fmt::format("{:.12g}", number)).get<double>());
    }
  }
  return values;
}

std::vector<json> values_of(const json& value, const std::string& path) {
  if (is_range(value)) return range_values(value, path);
  if (!value.is_array()) return {value};
  if (value.empty()) refuse(fmt::format("{} is an empty list: no design is left", path));
  std::vector<json> values = value;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (std::find(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(i), values[i]) !=
        values.begin() + static_cast<std::ptrdiff_t>(i)) {
      refuse(fmt::format("{} names {} twice", path, values[i].dump()));
    }
  }
  return values;
}

/// The axes of `source` in an order that does not depend on how the file is written: the dataflow,
/// then the fields as an accelerator file is described.
std::vector<Choice> choices_of(const json& source, const std::string& path) {
  constexpr const char* kOrder[] = {
      "dataflow",           "pes",           "rows",      "columns",        "lanes",
      "register_words",     "buffer_bytes",  "noc_words", "noc_hop_cycles", "multicast",
      "reduction",          "offchip_bytes", "bits",      "clock_mhz",      "voltage",
      "leakage_mw_per_mm2", "energy",        "area"};
  std::vector<Choice> choices;
  for (const std::string key : kOrder) {
    const auto it = source.find(key);
    if (it == source.end()) continue;
    const std::string at = fmt::format("{}.{}", path, key);
    const bool by_tensor = key == "register_words" || key == "bits";
    if (by_tensor && it->is_object() && !is_range(*it)) {
      for (const auto& [tensor, value] : it->items()) {
        choices.push_back({fmt::format("{}.{}", key, tensor),
                           values_of(value, fmt::format("{}.{}", at, tensor))});
      }
      continue;
    }
    choices.push_back({key, values_of(*it, at)});
    if (!by_tensor) continue;
    for (json& value : choices.back().values) {
      if (value.is_number()) value = {{"input", value}, {"weight", value}, {"psum", value}};
    }
  }
  return choices;
}

/// A value as a part of a design's name.
std::string text_of(const json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (!value.is_object()) return value.dump();
  std::vector<std::string> parts;
  for (const char* tensor : {"input", "weight", "psum"}) {
    if (value.contains(tensor)) parts.push_back(value[tensor].dump());
  }
  // The three values are usually equal.
  const bool same = std::all_of(parts.begin(), parts.end(),
                                [&](const std::string& part) { return part == parts[0]; });
  return same && parts.size() == 3 ? parts[0] : join(parts, ":");
}

void set(json& point, const std::string& key, const json& value) {
  const auto dot = key.find('.');
  if (dot == std::string::npos) {
    point[key] = value;
  } else {
    point[key.substr(0, dot)][key.substr(dot + 1)] = value;
  }
}

/// The design at a point of the grid; empty if its dataflow cannot arrange the PEs.
std::optional<Accelerator> design_of(json point, const std::string& path) {
  if (point.contains("pes") && point.contains("dataflow") && point["dataflow"].is_string() &&
      point["pes"].is_number_integer()) {
    const Dataflow& dataflow = find_dataflow(point["dataflow"].get<std::string>());
    const auto pes = point["pes"].get<std::int64_t>();
    const bool fits = dataflow.cluster == 0 || pes % dataflow.cluster == 0;
    if (!fits && pes > 0) {
      point["pes"] = dataflow.cluster;  // The other values must be right all the same.
      read_accelerator(point, path);
      return std::nullopt;
    }
  }
  return read_accelerator(point, path);
}

}  // namespace

DesignSpace::DesignSpace(const json& source, const std::string& path) {
  if (!source.is_object()) refuse(path + " must be a JSON object");
  name_ = source.contains("name") && source["name"].is_string() ? source["name"].get<std::string>()
                                                                : path;
  const std::vector<Choice> choices = choices_of(source, path);
  std::vector<std::size_t> free;  // Those with several values.
  std::size_t points = 1;
  json point = source;  // Keys that are no choice stay, so that a misspelt one is found.
  for (const char* key : {"register_words", "bits"}) {
    if (point.contains(key)) point[key] = json::object();
  }
  for (std::size_t i = 0; i < choices.size(); ++i) {
    set(point, choices[i].key, choices[i].values[0]);
    if (choices[i].values.size() == 1) continue;
    free.push_back(i);
    points *= choices[i].values.size();
    if (points > kMostPoints) {
      refuse(fmt::format("{} has more than {} combinations", path, kMostPoints));
    }
    DesignAxis& axis = axes_.emplace_back(DesignAxis{choices[i].key, {}});
    for (const json& value : choices[i].values) axis.values.push_back(text_of(value));
  }
  for (std::size_t index = 0; index < points; ++index) {
    std::vector<int> at(free.size());
    std::vector<std::string> names(free.size());
    for (std::size_t rest = index, axis = free.size(); axis-- > 0;) {
      const Choice& choice = choices[free[axis]];
      const std::size_t value = rest % choice.values.size();
      rest /= choice.values.size();
      at[axis] = static_cast<int>(value);
      names[axis] = axes_[axis].values[value];
      set(point, choice.key, choice.values[value]);
    }
    std::optional<Accelerator> design = design_of(point, path);
    points_.emplace_back();
    if (!design) {
      ++left_out_;
      continue;
    }
    design->name = names.empty() ? name_ : join(names, "_");
    points_.back() = designs_.size();
    designs_.push_back(*std::move(design));
    coordinates_.insert(coordinates_.end(), at.begin(), at.end());
  }
  if (designs_.empty()) {
    refuse(fmt::format("{}: no design is left: none of the {} combinations suits its dataflow",
                       path, points));
  }
}

std::span<const int> DesignSpace::coordinates(std::size_t design) const {
  return std::span(coordinates_).subspan(design * axes_.size(), axes_.size());
}

std::optional<std::size_t> DesignSpace::at(std::span<const int> coordinates) const {
  std::size_t index = 0;
  for (std::size_t axis = 0; axis < axes_.size(); ++axis) {
    index = index * axes_[axis].values.size() + static_cast<std::size_t>(coordinates[axis]);
  }
  return points_[index];
}

std::size_t DesignSpace::find(const std::string& name) const {
  std::size_t nearest = 0;
  std::size_t distance = std::string::npos;
  for (std::size_t i = 0; i < designs_.size(); ++i) {
    if (designs_[i].name == name) return i;
    const std::size_t edits = edit_distance(name, designs_[i].name);
    if (edits < distance) {
      distance = edits;
      nearest = i;
    }
  }
  refuse(fmt::format("{} has no design '{}' (did you mean '{}'?)", name_, name,
                     designs_[nearest].name));
}

DesignSpace load_design_space(const std::filesystem::path& path) {
  json source = parse_json(read_file_or_shipped(path), path.string());
  if (source.is_object() && !source.contains("name")) source["name"] = path.stem().string();
  return naming_errors(path.string(), [&] { return DesignSpace(source); });
}

}  // namespace hsconas
