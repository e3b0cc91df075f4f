#include "hsconas/base/group_files.hpp"

#include <system_error>

#include <nlohmann/json.hpp>

#include "hsconas/base/files.hpp"

namespace hsconas {

void GroupFiles::on_root(const std::function<void()>& f) const {
  group_->on_root([&] {
    f();
    return std::string();
  });
}

bool GroupFiles::holds_on_root(const std::function<bool()>& f) const {
  return !from_root([&] { return std::string(f() ? "yes" : ""); }).empty();
}

bool GroupFiles::exists(const std::filesystem::path& path) const {
  return holds_on_root([&] {
    std::error_code unknown;
    return std::filesystem::exists(path, unknown);
  });
}

std::string GroupFiles::read(const std::filesystem::path& path) const {
  return from_root([&] { return read_file(path); });
}

nlohmann::json GroupFiles::read_sealed_json(const std::filesystem::path& path) const {
  return parse_sealed_json(read(path), path);
}

}  // namespace hsconas
