#include <cmath>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "hsconas/base/text.hpp"
#include "hsconas/config/config_file.hpp"
#include "schema.hpp"

namespace hsconas {

namespace {

using nlohmann::json;

/// Collects a ConfigKey for every key.
struct ExplainVisitor {
  std::string path{};
  StageSet stages{};  ///< The stages that the keys of this section affect by default.
  std::vector<ConfigKey> keys{};

  template <typename T>
  void operator()(std::string_view key, T& value, const Allowed& allowed,
                  std::string_view meaning) {
    keys.push_back({.path = path + std::string(key),
                    .initial = value_of(value).dump(),
                    .allowed = text_of(allowed),
                    .meaning = std::string(meaning),
                    .words = allowed.words,
                    .is_path = allowed.is_path,
                    .is_list = value_of(value).is_array(),
                    .changes = with_later_stages(allowed.stages.value_or(stages)),
                    .is_guarded = allowed.is_guarded});
  }
  template <typename T>
  void section(std::string_view key, T& value, StageSet changed) {
    ExplainVisitor visitor{.path = path + std::string(key) + ".", .stages = changed};
    describe(visitor, value);
    keys.insert(keys.end(), visitor.keys.begin(), visitor.keys.end());
  }
  template <typename T>
  void list(std::string_view key, std::vector<T>&, std::string_view meaning) {
    keys.push_back({.path = path + std::string(key),
                    .initial = "[]",
                    .allowed = "list",
                    .meaning = std::string(meaning),
                    .changes = with_later_stages(stages)});
    T item;
    section(std::string(key) + "[]", item, stages);
  }
  template <typename T>
  void by_name(std::string_view key, std::vector<T>&, std::string_view meaning) {
    keys.push_back({.path = path + std::string(key),
                    .initial = "{}",
                    .allowed = "names",
                    .meaning = std::string(meaning),
                    .changes = with_later_stages(stages)});
    T item;
    section(fmt::format("{}.{}", key, kAnyName), item, stages);
  }
};

}  // namespace

std::string text_of(const Allowed& allowed) {
  if (!allowed.words.empty()) return join(allowed.words, ", ");
  if (std::isinf(allowed.low) && std::isinf(allowed.high)) return "";
  if (std::isinf(allowed.high)) return fmt::format(">= {}", allowed.low);
  return fmt::format("[{}, {}]", allowed.low, allowed.high);
}

std::vector<ConfigKey> config_keys() {
  Config config;
  ExplainVisitor visitor;
  describe(visitor, config);
  return visitor.keys;
}

}  // namespace hsconas
