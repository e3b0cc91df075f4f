#include "hsconas/config/config_file.hpp"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "config_paths.hpp"
#include "consistency.hpp"
#include "hsconas/base/error.hpp"
#include "hsconas/base/files.hpp"
#include "hsconas/base/json_reader.hpp"
#include "hsconas/base/shipped_files.hpp"
#include "hsconas/base/text.hpp"
#include "schema.hpp"

namespace hsconas {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

/// Whether `name` can name a target, whose folder has that name, or a table of the limits.
bool is_name(const std::string& name) {
  constexpr std::size_t kLongest = 64;
  return !name.empty() && name.size() <= kLongest && name.front() != '-' &&
         std::all_of(name.begin(), name.end(),
                     [](unsigned char c) { return std::isalnum(c) != 0 || c == '-' || c == '_'; });
}

/// Fills a section from JSON.
class ReadVisitor {
 public:
  ReadVisitor(JsonReader& reader, std::string path) : reader_(reader), path_(std::move(path)) {}

  template <typename T>
  void operator()(std::string_view key, T& value, const Allowed& allowed, std::string_view) {
    if constexpr (std::is_same_v<T, std::vector<int>>) {
      read_integers(key, value, allowed);
    } else if constexpr (std::is_enum_v<T>) {
      const auto word = reader_.optional<std::string>(key, word_of(value));
      check(key, word, allowed);
      value = *parse_word<T>(word);
    } else {
      value = reader_.optional<T>(key, value);
      if constexpr (std::is_same_v<T, std::vector<double>>) {
        for (const double item : value) check(key, item, allowed);
      } else if constexpr (std::is_same_v<T, std::vector<std::string>>) {
        for (const std::string& item : value) check(key, item, allowed);
      } else if constexpr (std::is_arithmetic_v<T>) {
        check(key, static_cast<double>(value), allowed);
      } else {
        check(key, value, allowed);
      }
    }
  }

  template <typename T>
  void section(std::string_view key, T& value, StageSet) {
    if (!reader_.has(key)) return;
    JsonReader child = reader_.child(key);
    ReadVisitor visitor(child, path_ + std::string(key) + ".");
    describe(visitor, value);
    child.finish();
  }

  template <typename T>
  void list(std::string_view key, std::vector<T>& items, std::string_view) {
    if (!reader_.has(key)) return;
    const auto array = reader_.required<json>(key);
    if (!array.is_array()) reader_.fail(key, "must be a list");
    items.clear();
    for (std::size_t i = 0; i < array.size(); ++i) {
      JsonReader child(array[i], fmt::format("{}{}[{}]", path_, key, i));
      ReadVisitor visitor(child, "");
      describe(visitor, items.emplace_back());
      child.finish();
    }
  }

  template <typename T>
  void by_name(std::string_view key, std::vector<T>& items, std::string_view) {
    if (!reader_.has(key)) return;
    const auto object = reader_.required<json>(key);
    if (!object.is_object()) reader_.fail(key, "must be an object of sections by name");
    items.clear();
    for (const auto& [name, value] : object.items()) {
      if (!is_name(name)) {
        reader_.fail(key, fmt::format("cannot hold the name '{}': use letters, digits, '-' and '_'",
                                      printable(name)));
      }
      JsonReader child(value, fmt::format("{}{}.{}", path_, key, name));
      ReadVisitor visitor(child, "");
      items.emplace_back().name = name;
      describe(visitor, items.back());
      child.finish();
    }
  }

 private:
  /// Reads numbers as doubles first, because nlohmann would silently truncate 1.5 to 1.
  void read_integers(std::string_view key, std::vector<int>& value, const Allowed& allowed) {
    const auto numbers = reader_.optional<std::vector<double>>(key, {value.begin(), value.end()});
    value.clear();
    for (const double number : numbers) {
      check(key, number, allowed);
      if (number != std::floor(number)) {
        reader_.fail(key, fmt::format("must be a list of integers, got {}", number));
      }
      value.push_back(static_cast<int>(number));
    }
  }

  void check(std::string_view key, double value, const Allowed& allowed) const {
    // A NaN fails every comparison, so it is rejected, too.
    if (value >= allowed.low && value <= allowed.high) return;
    reader_.fail(key, fmt::format("must be {}{}, got {}", std::isinf(allowed.high) ? "" : "in ",
                                  text_of(allowed), value));
  }

  void check(std::string_view key, const std::string& value, const Allowed& allowed) const {
    if (allowed.words.empty()) return;
    for (const auto& word : allowed.words) {
      if (word == value) return;
    }
    reader_.fail(key, fmt::format("must be one of {}, got \"{}\"", text_of(allowed), value));
  }

  JsonReader& reader_;
  std::string path_;
};

/// Writes a section as JSON.
struct WriteVisitor {
  json object = json::object();

  template <typename T>
  void operator()(std::string_view key, T& value, const Allowed&, std::string_view) {
    object[std::string(key)] = value_of(value);
  }
  template <typename T>
  void section(std::string_view key, T& value, StageSet) {
    object[std::string(key)] = write(value);
  }
  template <typename T>
  void list(std::string_view key, std::vector<T>& items, std::string_view) {
    json& array = object[std::string(key)] = json::array();
    for (T& item : items) array.push_back(write(item));
  }
  template <typename T>
  void by_name(std::string_view key, std::vector<T>& items, std::string_view) {
    json& members = object[std::string(key)] = json::object();
    for (T& item : items) members[item.name] = write(item);
  }
  template <typename T>
  static json write(T& value) {
    WriteVisitor visitor;
    describe(visitor, value);
    return visitor.object;
  }
};

/// Replaces the path of a space file, which is absolute by now, by the content of the file.
void inline_space(json& config) {
  const auto space = config.find("space");
  if (space == config.end() || !space->is_string()) return;
  const fs::path path = space->get<std::string>();
  *space = read_json_or_shipped(path);
  naming_errors(path.string(), [&] { read_space(*space); });
}

/// The value at `path` ("a.b" or "a.0.b") in `root`; absent objects on the way are created.
json& descend(json& root, const std::string& path) {
  json* at = &root;
  for (const std::string& key : split(path, '.')) {
    if (at->is_array()) {
      const bool number = !key.empty() &&
                          key.find_first_not_of("0123456789") == std::string::npos &&
                          key.size() < 6;
      if (!number || std::stoul(key) >= at->size()) {
        throw Error(ErrorKind::Usage, fmt::format("override {}: '{}' is not an index in [0, {})",
                                                  path, key, at->size()));
      }
      at = &(*at)[std::stoul(key)];
    } else if (at->is_object() || at->is_null()) {
      at = &(*at)[key];
    } else {
      throw Error(ErrorKind::Usage,
                  fmt::format("override {}: '{}' cannot be set, because the value that it belongs "
                              "to is neither an object nor a list",
                              path, key));
    }
  }
  return *at;
}

/// Whether `path` is `key`, in which kAnyName stands for any name.
bool is_key_of(const std::string& key, const std::string& path) {
  const auto wanted = split(key, '.');
  const auto given = split(path, '.');
  return std::equal(
      wanted.begin(), wanted.end(), given.begin(), given.end(),
      [](const std::string& a, const std::string& b) { return a == kAnyName || a == b; });
}

/// The key that an override of `path` sets, if there is one.
std::optional<ConfigKey> key_at(std::string path) {
  if (path.starts_with("targets.")) {  // "targets.phone.latency.table"
    const std::size_t end = path.find('.', std::string_view("targets.").size());
    path.erase(0, end == std::string::npos ? end : end + 1);
  }
  for (ConfigKey& key : config_keys()) {
    if (is_key_of(key.path, path)) return std::move(key);
  }
  return std::nullopt;
}

/// The value of an override: parsed as JSON if possible, otherwise taken as text; of a key that
/// holds text, such as a folder 2024, always as text.
json value_as(const std::string& path, const std::string& value, bool is_text) {
  json parsed = json::parse(value, nullptr, false);
  if (parsed.is_discarded() || (!parsed.is_string() && is_text)) return value;
  if (parsed.is_structured()) return parse_json(value, "override " + path);
  return parsed;
}

/// A list may also be given as values with commas between them: latency.cpus=0,1.
json override_value(const std::string& path, const std::string& value) {
  const auto key = key_at(path);
  const bool is_list = key && key->is_list;
  if (!is_list) return value_as(path, value, key && key->initial.starts_with('"'));
  if (value.starts_with('[')) return parse_json(value, "override " + path);
  json list = json::array();
  if (value.empty()) return list;
  for (const std::string& item : split(value, ',')) {
    list.push_back(value_as(path, item, key->is_path));
  }
  return list;
}

void apply_override(json& config, const std::string& text) {
  const auto equals = text.find('=');
  if (equals == std::string::npos || equals == 0) {
    throw Error(ErrorKind::Usage,
                fmt::format("'{}' is not of the form key=value, such as seed=3", text));
  }
  const std::string path = text.substr(0, equals);
  const std::string value = text.substr(equals + 1);
  if (!is_utf8(value)) {
    throw Error(ErrorKind::Usage, fmt::format("override {}: the value is not UTF-8", path));
  }
  if (path.starts_with("space.")) inline_space(config);
  descend(config, path) = override_value(path, value);
  resolve_paths(config, fs::current_path());  // Paths from the file are absolute already.
}

/// Puts the values of `settings` in the place of those of `onto`.
void overlay(json& onto, const json& settings) {
  for (const auto& [key, value] : settings.items()) {
    if (value.is_object() && onto.is_object() && onto.contains(key)) {
      overlay(onto[key], value);
    } else {
      onto[key] = value;
    }
  }
}

std::vector<TargetConfig> read_targets(JsonReader& reader) {
  std::vector<TargetConfig> targets;
  const auto object = reader.optional<json>("targets", json::object());
  if (!object.is_object()) reader.fail("targets", "must be an object of targets by name");
  for (const auto& [name, settings] : object.items()) {
    if (!is_name(name)) {
      reader.fail("targets", fmt::format("'{}' cannot name a target: use letters, digits, '-' and "
                                         "'_'",
                                         printable(name)));
    }
    const std::string key = "targets." + name;
    if (!settings.is_object()) reader.fail(key, "must be an object of settings");
    for (const auto& [section, value] : settings.items()) {
      if (section == "latency" || section == "limits" || section == "score" ||
          section == "shrink" || section == "search") {
        continue;
      }
      reader.fail(key, fmt::format("cannot set '{}', because all targets share one supernet: only "
                                   "latency, limits, score, shrink and search may differ",
                                   printable(section)));
    }
    targets.push_back({.name = name, .settings = settings.dump()});
  }
  return targets;
}

Config config_of(const Config& config, const TargetConfig& target) {
  json merged = to_json(config);
  merged.erase("targets");
  overlay(merged, json::parse(target.settings));
  merged["name"] = target.name;
  return naming_errors(fmt::format("targets.{}", target.name), [&] { return read_config(merged); });
}

}  // namespace

Config read_config(const json& source) {
  Config config;
  JsonReader reader(source);
  ReadVisitor visitor(reader, "");
  describe(visitor, config);
  const auto space = reader.required<json>("space");
  reader.optional<std::string>("description", "");
  config.targets = read_targets(reader);
  reader.finish();
  config.space = read_space(space);
  check_consistency(config);
  for (const TargetConfig& target : config.targets) config_of(config, target);
  return config;
}

std::vector<Config> target_configs(const Config& config) {
  if (config.targets.empty()) return {config};
  std::vector<Config> configs;
  for (const TargetConfig& target : config.targets) configs.push_back(config_of(config, target));
  return configs;
}

json to_json(const Config& config) {
  Config copy = config;  // describe() passes members by non-const reference.
  json result = WriteVisitor::write(copy);
  result["space"] = to_json(config.space);
  for (const TargetConfig& target : config.targets) {
    result["targets"][target.name] = json::parse(target.settings);
  }
  return result;
}

Config load_config(const fs::path& path, const std::vector<std::string>& overrides) {
  const auto shipped = shipped_named(path, Shipped::Config);
  const bool is_shipped = shipped.has_value();
  if (!is_shipped && path == path.stem()) check_named(path, Shipped::Config);
  json source = parse_json(is_shipped ? std::string(*shipped_file(*shipped)) : read_file(path),
                           path.string());
  if (!source.is_object()) {
    throw Error(ErrorKind::Usage, path.string() + ": a config must be a JSON object ({...})");
  }
  if (!source.contains("name"))
    source["name"] = !is_shipped && comes_from_pipe(path) ? "stdin" : path.stem().string();
  resolve_paths(source, is_shipped ? fs::current_path() / "configs" : folder_of(path));
  for (const std::string& text : overrides) apply_override(source, text);
  naming_errors(path.string(), [&] { check_shipped_names(source); });
  inline_space(source);
  return naming_errors(path.string(), [&] { return read_config(source); });
}

}  // namespace hsconas
