#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "hsconas/config/config.hpp"

namespace hsconas {

/// Reads a whole config strictly: unknown keys, wrong types and values out of range throw
/// Error(Usage) with the path of the value. The space is an object here, not a file name.
Config read_config(const nlohmann::json& source);

/// Every key with its value: read_config() of it gives the same config back.
nlohmann::json to_json(const Config& config);

/// Reads a config file and applies `overrides`, each "a.b=c" with c as JSON or else as text;
/// "shrink.stages.0.layers=2" reaches into lists. `space` may name a file, relative to the
/// config's folder (in an override, and where `path` is a pipe such as /dev/stdin: to the current
/// one). `name` defaults to the file's stem, "stdin" for a pipe. An override of a text is a text,
/// whatever it looks like: data.path=2024.
/// Throws Error(Data) when a file is missing, Error(Usage) that names the file for what is wrong
/// in it.
Config load_config(const std::filesystem::path& path, const std::vector<std::string>& overrides);

/// One key of the config, for people.
struct ConfigKey {
  std::string path;     ///< "search.population".
  std::string initial;  ///< Its default, as JSON.
  std::string allowed;  ///< "[1, 100000]", "linear or cosine", or nothing.
  std::string meaning;
};

/// Every key outside the space, in the order of the sections.
std::vector<ConfigKey> config_keys();

}  // namespace hsconas
