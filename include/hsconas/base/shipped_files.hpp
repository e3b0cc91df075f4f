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
// is meant. Most can also be named by the stem of their file alone: "fbnet" is
// configs/spaces/fbnet.json where a space is named.

/// A kind of shipped file, and the folder in which files of that kind lie.
enum class Shipped {
  Config,       ///< configs
  Space,        ///< configs/spaces and configs/cells
  Accelerator,  ///< configs/accelerators
  Network,      ///< configs/networks
  Designs       ///< configs/designs
};

/// The content of the shipped file `name`, relative to configs/, for example "spaces/fbnet.json".
std::optional<std::string_view> shipped_file(const std::string& name);

/// The names of all shipped files of a kind, without ".json", in order.
std::vector<std::string> shipped_names(Shipped kind);

/// The shipped file, relative to configs/, that `path` names: it is a bare name (no folder, no
/// extension) of that kind, and `folder` has no file of that name.
std::optional<std::string> shipped_named(const std::filesystem::path& path, Shipped kind,
                                         const std::filesystem::path& folder = {});

/// Throws Error(Data) that lists the nearest names in shipped_names() if `path` has no extension
/// and is no file.
void check_named(const std::filesystem::path& path, Shipped kind);

/// `path`, or configs/... if it names a shipped file; both can be read by the functions below.
/// Throws as check_named() does for a bare name.
std::filesystem::path file_or_shipped(const std::filesystem::path& path, Shipped kind);

/// Like read_file(), but takes the shipped file if `path` is configs/NAME in the current folder and
/// does not exist.
std::string read_file_or_shipped(const std::filesystem::path& path);
/// Likewise for read_json().
nlohmann::json read_json_or_shipped(const std::filesystem::path& path);

}  // namespace hsconas
