#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "hsconas/config/config.hpp"
#include "hsconas/config/stage_set.hpp"

namespace hsconas {

/// Reads a whole config strictly: unknown keys, wrong types and values out of range throw
/// Error(Usage) with the path of the value. The space is an object here, not a file name.
Config read_config(const nlohmann::json& source);

/// Every key with its value: read_config() of it gives the same config back.
nlohmann::json to_json(const Config& config);

/// Reads a config file and applies `overrides`, each "a.b=c" with c as JSON or else as text;
/// "shrink.stages.0.layers=2" reaches into lists. `space` may name a file. Relative names of files
/// and folders count from the config's folder, in an override from the current one; all are
/// absolute in what is returned. `name` defaults to the file's stem, "stdin" for a pipe, from which
/// relative names count from the current folder, too. An override of a text is a text, whatever it
/// looks like: data.path=2024. A plain word that is no file
/// names one of shipped_configs(), whose relative paths count from the folder configs, there or
/// not. Throws Error(Data) when a file is missing, Error(Usage) that names the file for what is
/// wrong in it.
Config load_config(const std::filesystem::path& path, const std::vector<std::string>& overrides);

/// The configs that are part of the program, by name: "quickstart", "gpu", ...
std::vector<std::string> shipped_configs();

/// One key of the config, for people.
struct ConfigKey {
  std::string path;     ///< "search.population".
  std::string initial;  ///< Its default, as JSON.
  std::string allowed;  ///< "[1, 100000]", "linear or cosine", or nothing.
  std::string meaning;
  std::vector<std::string> words{};  ///< The only values of a text; empty: any.
  bool is_path = false;
  StageSet changes{};       ///< The stages that run again when its value has changed.
  bool is_guarded = false;  ///< A change needs --allow-changes even where no stage runs again.
};

/// Every key outside the space, in the order of the sections.
std::vector<ConfigKey> config_keys();

}  // namespace hsconas
