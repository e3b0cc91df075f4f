#include "consistency.hpp"

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "hsconas/base/error.hpp"
#include "hsconas/config/groups.hpp"
#include "hsconas/config/latency_keys.hpp"
#include "hsconas/config/methods.hpp"
#include "hsconas/config/precision.hpp"

namespace hsconas {

namespace {

[[noreturn]] void fail(const std::string& sentence) {
  throw Error(ErrorKind::Usage, sentence);
}

void check_data(const DataConfig& data) {
  if (data.format != DataFormat::Builtin && data.path.empty()) {
    fail(fmt::format("data.path is required for data.format \"{}\"", word_of(data.format)));
  }
  if (data.mean.size() != data.std.size()) {
    fail(fmt::format("data.mean and data.std must have the same length, got {} and {}",
                     data.mean.size(), data.std.size()));
  }
}

/// At most one file may be named as the source of latencies.
void check_latency_source(const LatencyConfig& latency) {
  std::string source;
  for (const LatencyKey& key : latency_keys()) {
    if ((latency.*key.file).empty()) continue;
    if (!source.empty()) {
      fail(
          fmt::format("{} and {} exclude each other: leave one of them empty", source, key.path()));
    }
    source = key.path();
  }
}

/// Rejects settings of GPU timing when no GPU is timed: they would have no effect.
void check_timing(const Config& config) {
  const LatencyConfig& latency = config.latency;
  std::string where = fmt::format("latency is timed on {}", config.latency_device());
  bool is_modelled = false;
  for (const LatencyKey& key : latency_keys()) {
    if (!key.is_modelled || (latency.*key.file).empty()) continue;
    is_modelled = true;
    where = "latency comes from " + key.path();
  }
  if (is_cuda(config.latency_device()) && !is_modelled) return;
  if (latency.cuda != Launch::Auto) {
    fail(fmt::format("latency.cuda \"{}\" is for GPUs, but {}: leave it at auto",
                     word_of(latency.cuda), where));
  }
  if (latency.precision != TimedPrecision::Fp32) {
    fail(fmt::format("latency.precision \"{}\" is for GPUs, but {}: leave it at fp32",
                     word_of(latency.precision), where));
  }
}

/// Rejects a table without a limit and settings of the memory that nothing limits.
void check_limits(const LimitsConfig& limits) {
  for (const TableLimit& table : limits.tables) {
    if (table.table.empty() || !(table.max_ms > 0.0)) {
      fail(
          fmt::format("limits.tables.{} needs both table, a file, and max_ms above 0", table.name));
    }
  }
  const bool describes_memory = limits.memory_batch != 0 || limits.memory_value_bytes != 4;
  if (describes_memory && limits.max_memory_mb == 0.0) {
    fail(
        "limits.memory_batch and limits.memory_value_bytes have no effect without "
        "limits.max_memory_mb: set it too");
  }
}

/// The keys that have an effect with the co-design method `name`, of those that some methods only
/// have. None for a method that does not exist.
std::optional<std::vector<std::string>> keys_of_codesign(const std::string& name) {
  for (MethodWord& method : codesign_method_words()) {
    if (method.word == name) return std::move(method.keys);
  }
  return std::nullopt;
}

bool is_in(const std::vector<std::string>& keys, const std::string& key) {
  return std::find(keys.begin(), keys.end(), key) != keys.end();
}

/// The default of codesign.fast_tries in earlier programs, which is in the config.json of the runs
/// of these, whatever their method.
constexpr int kEarlierFastTries = 10;

/// Rejects keys of co-design methods that are not chosen: they would have no effect.
void check_codesign_keys(const CodesignConfig& codesign) {
  const auto keys = keys_of_codesign(codesign.method);
  if (!keys) return;
  const CodesignConfig initial;
  const auto check = [&](const std::string& key, bool is_initial) {
    if (is_initial || is_in(*keys, key)) return;
    fail(fmt::format("{} has no effect with codesign.method {}: leave it out", key,
                     codesign.method));
  };
  check("codesign.fast_tries",
        codesign.fast_tries == initial.fast_tries || codesign.fast_tries == kEarlierFastTries);
  check("codesign.accuracy_weight", codesign.accuracy_weight == initial.accuracy_weight);
  check("codesign.phase_tries", codesign.phase_tries == initial.phase_tries);
  check("codesign.phase_entropy", codesign.phase_entropy == initial.phase_entropy);
  check("codesign.cost_knowledge", codesign.cost_knowledge == initial.cost_knowledge);
  check("codesign.start", codesign.start == initial.start);
  check("codesign.weight_bits", codesign.weight_bits == initial.weight_bits);
  check("codesign.cut_widths", codesign.cut_widths == initial.cut_widths);
  check("codesign.tune_steps", codesign.tune_steps == initial.tune_steps);
  check("codesign.tune_lr", codesign.tune_lr == initial.tune_lr);
}

/// Rejects settings of the controller where neither the search nor the co-design has one, or where
/// it is another one.
void check_controller(const SearchConfig& search, const std::string& codesign_method) {
  const SearchConfig initial;
  const auto keys = keys_of_codesign(codesign_method).value_or(std::vector<std::string>{});
  const auto check = [&](const char* key, const std::string& what, bool is_initial) {
    if (is_initial) return;
    fail(fmt::format("search.{} has no effect with {}: leave it out", key, what));
  };
  const auto check_method = [&](const char* key, bool is_initial) {
    if (is_in(keys, fmt::format("search.{}", key))) return;
    check(key, fmt::format("search.method {}", search.method), is_initial);
  };
  if (search.method != "reinforce") {
    check_method("controller", search.controller == initial.controller);
    check_method("controller_units", search.controller_units == initial.controller_units);
    check_method("controller_lr", search.controller_lr == initial.controller_lr);
    check_method("controller_entropy", search.controller_entropy == initial.controller_entropy);
  }
  if (search.controller != Controller::Recurrent) {
    check("controller_units", fmt::format("search.controller {}", word_of(search.controller)),
          search.controller_units == initial.controller_units);
  }
}

void check_warmup(const char* section, const SupernetConfig& training) {
  if (training.warmup_epochs < training.epochs) return;
  fail(fmt::format("{0}.warmup_epochs must be below {0}.epochs ({1}), got {2}", section,
                   training.epochs, training.warmup_epochs));
}

/// What draws the paths of the training instead of supernet.paths, such as "codesign.method dance";
/// empty if nothing does.
std::string drawn_by(const Config& config) {
  if (config.supernet.learns_choices()) {
    return fmt::format("supernet.method {}", config.supernet.method);
  }
  return config.codesign.method == "dance" ? "codesign.method dance" : "";
}

/// Rejects path methods and their keys where they have no effect.
void check_paths(const Config& config) {
  const SupernetConfig& supernet = config.supernet;
  const bool opens_widths = supernet.paths == "operators_first";
  if (!opens_widths && supernet.width_warmup != SupernetConfig{}.width_warmup) {
    fail(
        "supernet.width_warmup has no effect without supernet.paths operators_first: set that, "
        "or leave supernet.width_warmup out");
  }
  const bool needs_widths = opens_widths || supernet.paths == "sandwich";
  if (needs_widths && config.space.widths.size() == 1) {
    fail(
        fmt::format("supernet.paths {} concerns widths, but space {} has only one: choose another "
                    "path method, or give the space more widths",
                    supernet.paths, config.space.name));
  }
  const std::string other = drawn_by(config);
  if (supernet.paths != SupernetConfig{}.paths && !other.empty()) {
    fail(
        fmt::format("supernet.paths {} has no effect with {}, which draws its paths itself: leave "
                    "it at {}",
                    supernet.paths, other, SupernetConfig{}.paths));
  }
}

/// Rejects keys of the shrinking method that is not chosen: they would have no effect.
void check_shrink_keys(const ShrinkConfig& shrink) {
  const bool is_locality = shrink.method == "locality";
  const auto check = [&](bool is_used, const std::string& key, auto value, auto initial) {
    if (is_used || value == initial) return;
    fail(fmt::format("shrink.{} has no effect with shrink.method {}: remove it or set it to {}",
                     key, shrink.method, initial));
  };
  const ShrinkConfig initial;
  check(is_locality, "seeds", shrink.seeds, initial.seeds);
  check(is_locality, "rounds", shrink.rounds, initial.rounds);
  check(is_locality, "standard_errors", shrink.standard_errors, initial.standard_errors);
  check(is_locality, "latency_tolerance", shrink.latency_tolerance, initial.latency_tolerance);
  for (std::size_t i = 0; i < shrink.stages.size(); ++i) {
    const ShrinkConfig::Stage initial_stage;
    check(!is_locality, fmt::format("stages.{}.layers", i), shrink.stages[i].layers,
          initial_stage.layers);
    check(is_locality, fmt::format("stages.{}.radius", i), shrink.stages[i].radius,
          initial_stage.radius);
  }
}

void check_shrinking(const Config& config) {
  check_shrink_keys(config.shrink);
  const int layers = config.space.layers();
  int shrunk = 0;
  for (const auto& stage : config.shrink.stages) {
    shrunk += stage.layers;
    if (stage.radius > layers) {
      fail(
          fmt::format("shrink.stages have a radius of {}, but the space has only {} layers: lower "
                      "the radius",
                      stage.radius, layers));
    }
  }
  if (config.shrink.method != "locality" && shrunk > layers) {
    fail(fmt::format("shrink.stages fix {} layers, but the space has only {}: lower their layers",
                     shrunk, layers));
  }
}

/// Rejects embeddings of networks where no method uses them.
void check_embeddings(const Config& config) {
  if (config.search.embeddings.empty()) return;
  if (config.search.method != "bayesian") {
    fail(
        fmt::format("search.embeddings has no effect with search.method {}: set search.method to "
                    "bayesian, or leave search.embeddings empty",
                    config.search.method));
  }
  if (!config.score.is_known()) {
    fail(
        "search.embeddings has no effect without score.accuracies: name the CSV of known "
        "accuracies there, or leave search.embeddings empty");
  }
}

/// Rejects settings that only matter with known accuracies.
void check_trained(const Config& config) {
  const auto refuse = [](const char* key) {
    fail(
        fmt::format("{} has no effect without score.accuracies: name the CSV of known accuracies "
                    "there, or leave {} out",
                    key, key));
  };
  if (config.space.cell) {
    fail(
        fmt::format("space {} is a cell, which cannot be trained: name the CSV of its networks' "
                    "accuracies with score.accuracies, or choose a space of layers, such as one "
                    "in configs/spaces",
                    config.space.name));
  }
  if (config.score.accuracy_column != ScoreConfig{}.accuracy_column) {
    refuse("score.accuracy_column");
  }
  if (!config.score.reported_column.empty()) refuse("score.reported_column");
  if (!config.latency.column.empty()) refuse("latency.column");
  if (config.latency.unit != LatencyConfig{}.unit) refuse("latency.unit");
}

/// A search on known accuracies times nothing: latencies come from a file, or there is no budget.
void check_known(const Config& config) {
  if (!config.score.is_known()) return check_trained(config);
  if (config.limits.any()) {
    fail(
        "the section limits has no effect on a search on known accuracies: leave it out, or "
        "leave score.accuracies empty");
  }
  const LatencyConfig& latency = config.latency;
  if (latency.column.empty() && latency.unit != LatencyConfig{}.unit) {
    fail(
        "latency.unit is the unit of latency.column, which is empty: name a column, or leave "
        "latency.unit at ms");
  }
  if (!latency.column.empty() && !latency.accelerator.empty()) {
    fail("latency.column and latency.accelerator exclude each other: leave one of them empty");
  }
  if (names_latencies(latency)) return;
  const bool has_budget = latency.target_ms != LatencyConfig{}.target_ms ||
                          latency.target_position != LatencyConfig{}.target_position;
  if (!has_budget) return;
  fail(
      "a latency budget on known accuracies needs known latencies: name latency.column, "
      "latency.table or latency.accelerator, or leave out latency.target_ms and "
      "latency.target_position");
}

void check_dance(const CodesignConfig& codesign) {
  if (codesign.method != "dance") return;
  if (!codesign.accuracies.empty()) {
    fail("codesign.method dance trains on images: leave codesign.accuracies empty");
  }
  if (codesign.max_latency_ms + codesign.max_energy + codesign.max_area_mm2 +
          codesign.max_power_mw >
      0.0) {
    fail(
        "codesign.method dance does not support limits: set codesign.max_... to 0 and weigh "
        "costs by codesign.dance.penalty_weight");
  }
  if (codesign.dance.cost == CostKind::Linear &&
      codesign.dance.latency_weight + codesign.dance.energy_weight + codesign.dance.area_weight ==
          0.0) {
    fail("codesign.dance: one of latency_weight, energy_weight and area_weight must be above 0");
  }
}

void check_compress(const CodesignConfig& codesign) {
  if (codesign.method != "compress") return;
  if (codesign.start.empty()) {
    fail(
        "codesign.method compress needs trained networks: name their folders in codesign.start, "
        "separated by commas");
  }
  if (!codesign.accuracies.empty()) {
    fail("codesign.method compress tests networks on images: leave codesign.accuracies empty");
  }
  if (codesign.weight_bits.empty() && !codesign.cut_widths) {
    fail(
        "codesign.method compress has nothing to choose: name codesign.weight_bits or leave "
        "codesign.cut_widths at true");
  }
  const std::set<int> bits(codesign.weight_bits.begin(), codesign.weight_bits.end());
  if (bits.size() != codesign.weight_bits.size()) {
    fail("codesign.weight_bits names a number of bits twice: leave one of them out");
  }
  if (codesign.tune_steps == 0 && codesign.tune_lr != CodesignConfig{}.tune_lr) {
    fail("codesign.tune_lr has no effect with codesign.tune_steps 0: leave it out");
  }
}

}  // namespace

void check_consistency(const Config& config) {
  check_shrinking(config);
  check_data(config.data);
  check_latency_source(config.latency);
  check_timing(config);
  check_limits(config.limits);
  if (config.search.parents > config.search.population) {
    fail(fmt::format("search.parents must be at most search.population ({}), got {}",
                     config.search.population, config.search.parents));
  }
  check_controller(config.search, config.codesign.method);
  check_codesign_keys(config.codesign);
  check_embeddings(config);
  check_supernet_method(config);
  check_warmup("supernet", config.supernet);
  check_paths(config);
  check_warmup("retrain", config.retrain);
  check_groups("supernet", config.supernet);
  check_groups("retrain", config.retrain);
  check_precisions(config);
  check_dance(config.codesign);
  check_compress(config.codesign);
  check_known(config);
}

}  // namespace hsconas
