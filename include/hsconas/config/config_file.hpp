#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "hsconas/config/config.hpp"
#include "hsconas/config/stage_set.hpp"

namespace hsconas {

/// Reads a whole config strictly: unknown keys, wrong types and values out of range throw
/// Error(Usage) with the path of the value. The space is an object here, not a file name.
Config read_config(const nlohmann::json& source);

/// The config as JSON, with every key. read_config() turns it back into an equal config.
nlohmann::json to_json(const Config& config);

/// Reads a config file and applies `overrides` in order. `path` may also be the name of a shipped
/// config, if no file of that name exists. `space` may name a file.
///
/// Overrides: each is "a.b=c", where c is JSON, or else text; "shrink.stages.0.layers=2" reaches
/// into a list. The value of a key that holds text is always text, as in data.path=2024.
///
/// Paths: the result holds absolute paths only. A relative path counts from the folder of the
/// config file; from ./configs in a shipped config, whether that folder exists or not; from the
/// current folder in an override and in a config that is read from a pipe. A bare name of a space,
/// an accelerator or accelerator designs that is no file there may name a shipped file.
///
/// `name` defaults to the stem of the file name, or "stdin" for a pipe. Throws Error(Data) when a
/// file is missing and Error(Usage), naming the file, when its content is invalid.
Config load_config(const std::filesystem::path& path, const std::vector<std::string>& overrides);

/// The config of each target: that of the search with the target's name and settings. For a config
/// without targets, the config itself.
std::vector<Config> target_configs(const Config& config);

/// Stands in ConfigKey::path for a name that the user chooses: "limits.tables.NAME.max_ms".
inline constexpr std::string_view kAnyName = "NAME";

/// One key of the config, as `hsconas config keys` lists it.
struct ConfigKey {
  std::string path;                  ///< "search.population".
  std::string initial;               ///< The default value as JSON.
  std::string allowed;               ///< "[1, 100000]", "linear, cosine", or "" if any is allowed.
  std::string meaning;               ///< One line that explains the key.
  std::vector<std::string> words{};  ///< The only values of a key that holds text; empty: any.
  bool is_path = false;
  bool is_list = false;  ///< Holds values; commas may separate them on the command line.
  StageSet changes{};    ///< The stages that run again when the value has changed.
  bool is_guarded =
      false;  ///< True if a change needs --allow-changes even when `changes` is empty.
};

/// Every key except those of the space, in the order of the sections.
std::vector<ConfigKey> config_keys();

}  // namespace hsconas
