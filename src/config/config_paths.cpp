#include "config_paths.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "hsconas/base/error.hpp"
#include "hsconas/base/shipped_files.hpp"
#include "schema.hpp"

namespace hsconas {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

/// Calls `act`(key, value, kind of shipped file that it may name) for every path in the JSON of a
/// config that is text and not empty, and for every such path in a list. `act` may change the
/// value.
template <typename Act>
class PathVisitor {
 public:
  PathVisitor(json& object, std::string prefix, const Act& act)
      : object_(object), prefix_(std::move(prefix)), act_(act) {}

  template <typename T>
  void operator()(std::string_view key, T&, const Allowed& allowed, std::string_view) {
    if (allowed.is_path) visit(key, allowed.shipped);
  }
  template <typename T>
  void section(std::string_view key, T& value, StageSet) {
    const auto part = object_.find(std::string(key));
    if (part == object_.end() || !part->is_object()) return;
    PathVisitor visitor(*part, prefix_ + std::string(key) + ".", act_);
    describe(visitor, value);
  }
  template <typename T>
  void list(std::string_view, std::vector<T>&, std::string_view) {}
  template <typename T>
  void by_name(std::string_view key, std::vector<T>&, std::string_view) {
    const auto members = object_.find(std::string(key));
    if (members == object_.end() || !members->is_object()) return;
    for (const auto& [name, member] : members->items()) {
      if (!member.is_object()) continue;
      T described;
      PathVisitor visitor(member, prefix_ + std::string(key) + "." + name + ".", act_);
      describe(visitor, described);
    }
  }

  void visit(std::string_view key, std::optional<Shipped> shipped) {
    const auto value = object_.find(std::string(key));
    if (value == object_.end()) return;
    if (!value->is_array()) return visit_text(key, *value, shipped);
    for (json& item : *value) visit_text(key, item, shipped);
  }

 private:
  void visit_text(std::string_view key, json& value, std::optional<Shipped> shipped) {
    if (!value.is_string() || value.template get_ref<const std::string&>().empty()) return;
    act_(prefix_ + std::string(key), value, shipped);
  }

  json& object_;
  std::string prefix_;
  const Act& act_;
};

template <typename Act>
void for_each_path(json& config, const std::string& prefix, const Act& act) {
  if (!config.is_object()) return;
  Config described;
  PathVisitor visitor(config, prefix, act);
  describe(visitor, described);
  visitor.visit("space", Shipped::Space);
  const auto targets = config.find("targets");
  if (targets == config.end() || !targets->is_object()) return;
  for (const auto& [name, settings] : targets->items()) {
    for_each_path(settings, "targets." + name + ".", act);
  }
}

/// `name`, a path, as an absolute one.
fs::path absolute_path(const fs::path& name, const fs::path& folder) {
  const fs::path plain = folder / name;
  const fs::path normal = plain.lexically_normal();
  // Normalising "link/.." would give the folder of the link instead of the target's parent.
  std::error_code unknown;
  const bool is_other = fs::exists(plain, unknown) && !fs::equivalent(plain, normal, unknown);
  return is_other ? plain : normal;
}

/// The shipped file that an absolute path means which a run recorded in another current folder, so
/// that its config repeats it from any folder.
std::optional<std::string> shipped_elsewhere(const fs::path& path, Shipped kind) {
  std::error_code unknown;
  const fs::path parent = path.parent_path();
  const bool is_recorded = path.is_absolute() && path.extension() == ".json" &&
                           parent.parent_path().filename() == "configs" &&
                           !fs::exists(path, unknown);
  if (!is_recorded) return std::nullopt;
  auto shipped = shipped_named(path.stem(), kind, parent);
  if (shipped && fs::path(*shipped).parent_path() != parent.filename()) return std::nullopt;
  return shipped;
}

}  // namespace

void resolve_paths(json& config, const fs::path& folder) {
  const auto resolve = [&](const std::string&, json& value, std::optional<Shipped> kind) {
    const fs::path name = value.get<std::string>();
    auto shipped = kind ? shipped_named(name, *kind, folder) : std::nullopt;
    if (kind && !shipped) shipped = shipped_elsewhere(name, *kind);
    value = (shipped ? fs::current_path() / "configs" / *shipped : absolute_path(name, folder))
                .string();
  };
  for_each_path(config, "", resolve);
}

void check_shipped_names(json& config) {
  const auto check = [](const std::string& key, const json& value, std::optional<Shipped> kind) {
    if (!kind) return;
    naming_errors(key, [&] { check_named(value.get<std::string>(), *kind); });
  };
  for_each_path(config, "", check);
}

bool comes_from_pipe(const fs::path& path) {
  std::error_code unknown;
  const std::string text = fs::absolute(path, unknown).lexically_normal().string();
  return text.starts_with("/dev/") || text.starts_with("/proc/") ||
         !fs::is_regular_file(path, unknown);
}

fs::path folder_of(const fs::path& path) {
  if (comes_from_pipe(path)) return fs::current_path();
  std::error_code unknown;
  return fs::absolute(path, unknown).lexically_normal().parent_path();
}

}  // namespace hsconas
