#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "hsconas/config/config.hpp"
#include "hsconas/latency/model.hpp"
#include "hsconas/latency/source.hpp"
#include "hsconas/latency/table.hpp"
#include "hsconas/space/search_space.hpp"

namespace hsconas {

/// The unit of a limited quantity, which is also that of its config key.
enum class LimitUnit { Parameters, Macs, Megabytes, Milliseconds };

template <>
inline constexpr std::array kWords<LimitUnit>{
    Word{LimitUnit::Parameters, "parameters"}, Word{LimitUnit::Macs, "multiply-adds"},
    Word{LimitUnit::Megabytes, "MB"}, Word{LimitUnit::Milliseconds, "ms"}};

/// A value with its unit: "1.2 M", "54.2 k", "2.31 MB", "5.3 ms".
std::string text_of(double value, LimitUnit unit);

/// An upper bound on one quantity of a network that its layers determine one by one: their values
/// add up, or the largest counts.
struct NetworkLimit {
  std::string key;   ///< "limits.max_params".
  std::string what;  ///< "parameters", "latency on phone".
  LimitUnit unit = LimitUnit::Parameters;
  bool adds_up = true;  ///< False: the largest value counts.
  double bound = 0.0;   ///< The largest allowed value, > 0.
  double fixed = 0.0;   ///< The value of what every network has: stem and head.
  int ops = 0;
  int widths = 0;
  std::vector<double> values{};  ///< [layer][op][width], row-major.

  double at(std::size_t layer, LayerChoice choice) const {
    return values[(layer * static_cast<std::size_t>(ops) + static_cast<std::size_t>(choice.op)) *
                      static_cast<std::size_t>(widths) +
                  static_cast<std::size_t>(choice.width)];
  }
  /// Cost: O(layers), no allocation.
  double value(const Architecture& arch) const;
  /// The smallest and the largest value of all combinations of choices.
  std::pair<double, double> range() const;
  /// By how much `arch` exceeds the bound, relative to it; 0 exactly inside.
  double excess(const Architecture& arch) const;
};

/// The latencies of a device on which networks have to be fast enough.
struct LimitTable {
  std::string name;
  LatencyTable table;
  double max_ms = 0.0;
};

/// All limits of a search beside its latency budget T.
class NetworkLimits {
 public:
  NetworkLimits() = default;  ///< No limits.
  /// `batch`: that of the latency table, for which the memory is unless limits.memory_batch says
  /// otherwise. Throws Error(Data) that names the limit if one of `tables` does not fit the space.
  NetworkLimits(const SearchSpace& space, const LimitsConfig& config, int batch,
                std::span<const LimitTable> tables);

  bool empty() const { return limits_.empty(); }
  std::span<const NetworkLimit> all() const { return limits_; }

  /// The sum of NetworkLimit::excess(); 0 exactly inside all limits.
  /// Cost: O(layers) per limit, no allocation.
  double violation(const Architecture& arch) const;
  /// The value of each limited quantity, in the order of all().
  std::vector<double> values(const Architecture& arch) const;

 private:
  std::vector<NetworkLimit> limits_;
};

/// The limit of latency T x (1 + `tolerance`), as one more limit of networks. `model` adds up over
/// layers.
NetworkLimit latency_limit(const SearchSpace& space, const LatencyModel& model, double target_ms,
                           double tolerance);

/// The lower bound T x (1 - `tolerance`) as an upper bound on how much faster than the slowest
/// network one is, in milliseconds.
NetworkLimit slowness_limit(const SearchSpace& space, const LatencyModel& model, double target_ms,
                            double tolerance);

/// Reads the tables that config.limits names. Throws the errors of the files, with the limit's key.
std::vector<LimitTable> load_limit_tables(const Config& config, const LatencySpace& space,
                                          const SourceContext& context);

/// Megabytes (10^6 bytes) of activations that `arch` needs at least for a batch of `batch` images
/// with `value_bytes` per value, see peak_activations().
double memory_mb(const SearchSpace& space, const Architecture& arch, int batch, int value_bytes);

/// The images that the memory limit is for, where a batch of the latency table has `batch`.
int memory_batch(const LimitsConfig& config, int batch);

}  // namespace hsconas
