#include "hsconas/score/limits.hpp"

#include <algorithm>
#include <functional>

#include <fmt/format.h>

#include "hsconas/base/error.hpp"
#include "hsconas/space/activation_memory.hpp"

namespace hsconas {

namespace {

constexpr double kBytesPerMegabyte = 1e6;
/// A T that equals the latency of a network is met although sums of differences round otherwise.
constexpr double kRounding = 1.0 + 1e-9;

/// `limit` with the value of every choice, and `fixed` of the stem and the head.
NetworkLimit filled(NetworkLimit limit, const SearchSpace& space,
                    const std::function<double(const Block&)>& value) {
  limit.ops = space.ops();
  limit.widths = space.widths();
  const double stem = value(space.stem());
  const double head = value(space.head());
  limit.fixed = limit.adds_up ? stem + head : std::max(stem, head);
  for (int layer = 0; layer < space.layers(); ++layer) {
    for (int op = 0; op < space.ops(); ++op) {
      for (int width = 0; width < space.widths(); ++width) {
        limit.values.push_back(value(space.block(layer, {op, width})));
      }
    }
  }
  return limit;
}

/// A limit of the latency that `model` predicts. Its values are differences of predictions, since
/// the interface of models tells no more.
NetworkLimit of_model(NetworkLimit limit, const SearchSpace& space, const LatencyModel& model) {
  limit.unit = LimitUnit::Milliseconds;
  limit.ops = space.ops();
  limit.widths = space.widths();
  const Architecture base = space.uniform(0);
  limit.fixed = model.sum_ms(base);
  for (std::size_t layer = 0; layer < base.size(); ++layer) {
    Architecture changed = base;
    for (changed[layer].op = 0; changed[layer].op < space.ops(); ++changed[layer].op) {
      for (changed[layer].width = 0; changed[layer].width < space.widths();
           ++changed[layer].width) {
        limit.values.push_back(model.sum_ms(changed) - limit.fixed);
      }
    }
  }
  return limit;
}

/// The count with three digits: "1.2 M", "54.2 k", "7".
std::string rounded(double count) {
  if (count >= 1e9) return fmt::format("{:.3g} G", count / 1e9);
  if (count >= 1e6) return fmt::format("{:.3g} M", count / 1e6);
  if (count >= 1e3) return fmt::format("{:.3g} k", count / 1e3);
  return fmt::format("{:.3g}", count);
}

}  // namespace

double NetworkLimit::value(const Architecture& arch) const {
  double total = fixed;
  for (std::size_t layer = 0; layer < arch.size(); ++layer) {
    const double more = at(layer, arch[layer]);
    total = adds_up ? total + more : std::max(total, more);
  }
  return std::max(total, 0.0);
}

std::pair<double, double> NetworkLimit::range() const {
  double least = fixed;
  double most = fixed;
  const std::ptrdiff_t choices = std::ptrdiff_t{ops} * widths;
  for (auto row = values.begin(); row != values.end(); row += choices) {
    const auto [low, high] = std::minmax_element(row, row + choices);
    least = adds_up ? least + *low : std::max(least, *low);
    most = adds_up ? most + *high : std::max(most, *high);
  }
  return {least, most};
}

double NetworkLimit::excess(const Architecture& arch) const {
  const double found = value(arch);
  return found <= bound ? 0.0 : found / bound - 1.0;
}

std::string text_of(double value, LimitUnit unit) {
  const bool is_count = unit == LimitUnit::Parameters || unit == LimitUnit::Macs;
  return is_count ? rounded(value) : fmt::format("{:.4g} {}", value, word_of(unit));
}

NetworkLimits::NetworkLimits(const SearchSpace& space, const LimitsConfig& config, int batch,
                             std::span<const LimitTable> tables) {
  if (config.max_params > 0.0) {
    limits_.push_back(filled({.key = "limits.max_params",
                              .what = "parameters",
                              .unit = LimitUnit::Parameters,
                              .bound = config.max_params},
                             space, [](const Block& block) {
                               return static_cast<double>(cost_of(block).parameters());
                             }));
  }
  if (config.max_macs > 0.0) {
    limits_.push_back(
        filled({.key = "limits.max_macs",
                .what = "multiply-adds",
                .unit = LimitUnit::Macs,
                .bound = config.max_macs},
               space, [](const Block& block) { return static_cast<double>(cost_of(block).macs); }));
  }
  if (config.max_memory_mb > 0.0) {
    const int images = memory_batch(config, batch);
    const double megabytes =
        static_cast<double>(images) * config.memory_value_bytes / kBytesPerMegabyte;
    limits_.push_back(filled({.key = "limits.max_memory_mb",
                              .what = fmt::format("memory, batch {}", images),
                              .unit = LimitUnit::Megabytes,
                              .adds_up = false,
                              .bound = config.max_memory_mb},
                             space, [megabytes](const Block& block) {
                               return megabytes * static_cast<double>(peak_activations(block));
                             }));
  }
  for (const LimitTable& table : tables) {
    const std::string section = "limits.tables." + table.name;
    naming_errors(section + ".table", [&] {
      limits_.push_back(of_model(
          {.key = section + ".max_ms", .what = "latency on " + table.name, .bound = table.max_ms},
          space, TableModel(space, table.table)));
    });
  }
}

double NetworkLimits::violation(const Architecture& arch) const {
  double sum = 0.0;
  for (const NetworkLimit& limit : limits_) sum += limit.excess(arch);
  return sum;
}

std::vector<double> NetworkLimits::values(const Architecture& arch) const {
  std::vector<double> values;
  for (const NetworkLimit& limit : limits_) values.push_back(limit.value(arch));
  return values;
}

NetworkLimit latency_limit(const SearchSpace& space, const LatencyModel& model, double target_ms,
                           double tolerance) {
  return of_model({.key = "latency.target_ms",
                   .what = "latency",
                   .bound = target_ms * (1.0 + tolerance) * kRounding},
                  space, model);
}

NetworkLimit slowness_limit(const SearchSpace& space, const LatencyModel& model, double target_ms,
                            double tolerance) {
  NetworkLimit limit = latency_limit(space, model, target_ms, 0.0);
  limit.what = "slowness";
  const double slowest_ms = limit.range().second;
  // Each value becomes its distance from the largest of its layer, so that none is negative.
  const std::ptrdiff_t choices = std::ptrdiff_t{limit.ops} * limit.widths;
  for (auto row = limit.values.begin(); row != limit.values.end(); row += choices) {
    const double most = *std::max_element(row, row + choices);
    std::transform(row, row + choices, row, [most](double value) { return most - value; });
  }
  limit.fixed = 0.0;
  limit.bound = (slowest_ms - target_ms * (1.0 - tolerance)) * kRounding;
  return limit;
}

std::vector<LimitTable> load_limit_tables(const Config& config, const LatencySpace& space,
                                          const SourceContext& context) {
  std::vector<LimitTable> tables;
  for (const TableLimit& limit : config.limits.tables) {
    Config other = config;
    other.latency = with_table(config.latency, limit.table);
    naming_errors(fmt::format("limits.tables.{}.table", limit.name), [&] {
      tables.push_back({.name = limit.name,
                        .table = latency_source(other.latency).make(other, space, context),
                        .max_ms = limit.max_ms});
    });
  }
  return tables;
}

double memory_mb(const SearchSpace& space, const Architecture& arch, int batch, int value_bytes) {
  return static_cast<double>(peak_activations(space.network(arch))) * batch * value_bytes /
         kBytesPerMegabyte;
}

int memory_batch(const LimitsConfig& config, int batch) {
  return config.memory_batch > 0 ? config.memory_batch : batch;
}

}  // namespace hsconas
