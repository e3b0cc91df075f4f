#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace hsconas {

// The program contains the files of the source's folder configs/, so that they need not be
// installed: where configs/NAME in the current folder does not exist, the shipped file of that name
// is meant.

/// The content of the shipped file `name`, relative to configs/, for example "spaces/fbnet.json".
std::optional<std::string_view> shipped_file(const std::string& name);

/// The names of the shipped configs, without ".json": those that are in no folder of configs/.
std::vector<std::string> shipped_configs();

/// Like read_file(), but takes the shipped file if `path` is configs/NAME in the current folder and
/// does not exist.
std::string read_file_or_shipped(const std::filesystem::path& path);
/// Likewise for read_json().
nlohmann::json read_json_or_shipped(const std::filesystem::path& path);

}  // namespace hsconas
