#pragma once

#include <filesystem>

#include <nlohmann/json_fwd.hpp>

namespace hsconas {

/// Makes the paths in the JSON of a config absolute. A relative path counts from `folder`; a bare
/// name that is no file there but that of a shipped file becomes the path of that file in
/// ./configs, as does the absolute path of a shipped file in another configs/ that does not exist.
/// Values that are not text are left unchanged; reading the config rejects them later.
void resolve_paths(nlohmann::json& config, const std::filesystem::path& folder);

/// Throws Error(Data) that names the key and the nearest shipped names if a path of the config,
/// absolute by now, is no file and has no extension, where a shipped file could have been named.
void check_shipped_names(nlohmann::json& config);

/// Whether the config comes from a stream such as /dev/stdin, whose folder is of no use.
bool comes_from_pipe(const std::filesystem::path& path);

/// The folder from which relative paths in the config file `path` count: the file's own folder, or
/// the current one if the config comes from a pipe (/dev/stdin, <(...)).
std::filesystem::path folder_of(const std::filesystem::path& path);

}  // namespace hsconas
