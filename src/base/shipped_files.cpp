#include "hsconas/base/shipped_files.hpp"

#include <algorithm>
#include <system_error>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "embedded_files.hpp"
#include "hsconas/base/error.hpp"
#include "hsconas/base/files.hpp"
#include "hsconas/base/json_reader.hpp"
#include "hsconas/base/text.hpp"

namespace hsconas {

namespace fs = std::filesystem;

namespace {

struct KindOfShipped {
  const char* what;                  ///< In messages: "a shipped ...".
  std::vector<std::string> folders;  ///< Of configs/; "": configs/ itself.
};

KindOfShipped described(Shipped kind) {
  switch (kind) {
    case Shipped::Config:
      return {"config", {""}};
    case Shipped::Space:
      return {"space", {"spaces", "cells"}};
    case Shipped::Accelerator:
      return {"accelerator", {"accelerators"}};
    case Shipped::Network:
      return {"network", {"networks"}};
    case Shipped::Designs:
      return {"design space", {"designs"}};
  }
  return {"file", {}};
}

/// A folder is none: a run with the name of a config must not hide the config.
bool is_a_file(const fs::path& path) {
  std::error_code unknown;
  return fs::exists(path, unknown) && !fs::is_directory(path, unknown);
}

/// The shipped file that `path` means, because it is configs/NAME and does not exist.
std::optional<std::string_view> shipped_instead_of(const fs::path& path) {
  std::error_code unknown;
  if (fs::exists(fs::symlink_status(path, unknown))) return std::nullopt;
  const fs::path configs = fs::current_path(unknown) / "configs";
  const fs::path full = fs::absolute(path, unknown).lexically_normal();
  return shipped_file(full.lexically_relative(configs).generic_string());
}

}  // namespace

std::optional<std::string_view> shipped_file(const std::string& name) {
  const auto found = embedded_files().find(name);
  if (found == embedded_files().end()) return std::nullopt;
  return found->second;
}

std::vector<std::string> shipped_names(Shipped kind) {
  std::vector<std::string> names;
  for (const std::string& folder : described(kind).folders) {
    for (const auto& [name, text] : embedded_files()) {
      const fs::path file = name;
      if (file.parent_path() == folder) names.push_back(file.stem().string());
    }
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

std::optional<std::string> shipped_named(const fs::path& path, Shipped kind,
                                         const fs::path& folder) {
  if (path != path.stem() || is_a_file(folder / path)) return std::nullopt;
  for (const std::string& shipped : described(kind).folders) {
    const std::string name = (fs::path(shipped) / (path.string() + ".json")).generic_string();
    if (shipped_file(name)) return name;
  }
  return std::nullopt;
}

void check_named(const fs::path& path, Shipped kind) {
  std::error_code unknown;
  if (path.has_extension() || fs::exists(path, unknown)) return;
  throw Error(
      ErrorKind::Data,
      fmt::format("{}: is neither a file nor the name of a shipped {}{}", path.string(),
                  described(kind).what, suggestion(path.filename().string(), shipped_names(kind))));
}

fs::path file_or_shipped(const fs::path& path, Shipped kind) {
  if (const auto shipped = shipped_named(path, kind)) return fs::path("configs") / *shipped;
  if (path == path.stem()) check_named(path, kind);
  return path;
}

std::string read_file_or_shipped(const fs::path& path) {
  const auto shipped = shipped_instead_of(path);
  return shipped ? std::string(*shipped) : read_file(path);
}

nlohmann::json read_json_or_shipped(const fs::path& path) {
  const auto shipped = shipped_instead_of(path);
  return shipped ? parse_json(*shipped, path.string(), ErrorKind::Data) : read_json(path);
}

}  // namespace hsconas
