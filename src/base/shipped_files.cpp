#include "hsconas/base/shipped_files.hpp"

#include <system_error>

#include <nlohmann/json.hpp>

#include "embedded_files.hpp"
#include "hsconas/base/error.hpp"
#include "hsconas/base/files.hpp"
#include "hsconas/base/json_reader.hpp"

namespace hsconas {

namespace fs = std::filesystem;

namespace {

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

std::vector<std::string> shipped_configs() {
  std::vector<std::string> names;
  for (const auto& [name, text] : embedded_files()) {
    const fs::path file = name;
    if (!file.has_parent_path()) names.push_back(file.stem().string());
  }
  return names;
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
