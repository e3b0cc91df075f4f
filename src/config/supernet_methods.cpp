#include "hsconas/config/supernet_methods.hpp"

#include <string>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "consistency.hpp"
#include "hsconas/base/error.hpp"
#include "hsconas/config/method_table.hpp"
#include "schema.hpp"

namespace hsconas {

std::span<const SupernetMethod> supernet_methods() {
  static constexpr SupernetMethod kMethods[] = {
      {.name = "single_path",
       .meaning = "the weights only, on the paths of supernet.paths, for the search after that"},
      {.name = "mixed_level",
       .meaning = "also a probability of every choice, by the gradient of training and held-out "
                  "loss (MiLeNAS)",
       .uses_training_loss = true,
       .uses_held_out_loss = true},
      {.name = "bilevel",
       .meaning = "the same by the held-out loss only (DARTS)",
       .uses_held_out_loss = true},
      {.name = "single_level",
       .meaning = "the same by the training loss only",
       .uses_training_loss = true}};
  return kMethods;
}

const SupernetMethod& find_supernet_method(std::string_view name) {
  return find_method(supernet_methods(), "supernet.method", name);
}

bool SupernetStageConfig::learns_choices() const {
  const SupernetMethod& row = find_supernet_method(method);
  return row.uses_training_loss || row.uses_held_out_loss;
}

namespace {

[[noreturn]] void reject(const std::string& sentence) {
  throw Error(ErrorKind::Usage, sentence);
}

/// Collects the values of a section's keys.
struct ValuesVisitor {
  nlohmann::json values = nlohmann::json::object();

  template <typename T>
  void operator()(std::string_view key, T& value, const Allowed&, std::string_view) {
    values[std::string(key)] = value_of(value);
  }
};

/// The first key of `section` whose value differs from the default and that `is_used` rejects;
/// empty if there is none.
template <typename Section, typename IsUsed>
std::string first_without_effect(Section section, const IsUsed& is_used,
                                 Section by_default = Section{}) {
  ValuesVisitor asked;
  describe(asked, section);
  ValuesVisitor initial;
  describe(initial, by_default);
  for (const auto& [key, value] : asked.values.items()) {
    if (value != initial.values.at(key) && !is_used(key)) return key;
  }
  return "";
}

/// The defaults of earlier programs, which are in the config.json of the runs of these.
SearchConfig earlier_search_defaults() {
  SearchConfig search;
  search.population = 50;
  search.generations = 20;
  search.parents = 10;
  return search;
}

/// Rejects keys of the search by gradient where nothing, or something else, learns by gradient.
void check_gradient_keys(const SupernetStageConfig& supernet) {
  const SupernetMethod& method = find_supernet_method(supernet.method);
  const bool adds_losses = method.uses_training_loss && method.uses_held_out_loss;
  const std::string key = first_without_effect(supernet.gradient, [&](const std::string& name) {
    return supernet.learns_choices() && (adds_losses || name != "held_out_weight");
  });
  if (key.empty()) return;
  reject(
      fmt::format("supernet.gradient.{} has no effect with supernet.method {}: leave it out, or "
                  "set supernet.method=mixed_level",
                  key, supernet.method));
}

/// Rejects keys of the search among random networks, which a search by gradient does without.
void check_search_keys(const Config& config, const std::string& method) {
  const auto is_used = [](const std::string& name) {
    return name == "latency_tolerance" || name == "baseline_samples";
  };
  const std::string key = first_without_effect(config.search, is_used);
  if (key.empty()) return;
  if (first_without_effect(config.search, is_used, earlier_search_defaults()).empty()) return;
  reject(
      fmt::format("search.{} has no effect with supernet.method {}, which chooses among the "
                  "networks that its training reads off: leave it out",
                  key, method));
}

}  // namespace

void check_supernet_method(const Config& config) {
  check_gradient_keys(config.supernet);
  if (!config.supernet.learns_choices()) return;
  const std::string& method = config.supernet.method;
  if (config.score.is_known()) {
    reject(
        fmt::format("supernet.method {} trains on images: leave score.accuracies empty", method));
  }
  if (!config.shrink.stages.empty()) {
    reject(
        fmt::format("shrink.stages have no effect with supernet.method {}, which learns in the "
                    "whole space: set shrink.stages=[]",
                    method));
  }
  if (config.limits.any()) {
    reject(fmt::format("the section limits has no effect with supernet.method {}: leave it out",
                       method));
  }
  if (!config.targets.empty()) {
    reject(
        fmt::format("supernet.method {} learns for one target: remove the others with "
                    "targets={{}}, or set supernet.method=single_path",
                    method));
  }
  check_search_keys(config, method);
}

}  // namespace hsconas
