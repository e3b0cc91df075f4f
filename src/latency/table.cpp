#include "hsconas/latency/table.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "hsconas/base/error.hpp"
#include "hsconas/base/statistics.hpp"

namespace hsconas {

namespace {

const TableEntry& entry(const LatencyTable& table, const std::string& key) {
  const auto found = table.entries.find(key);
  if (found == table.entries.end()) {
    throw Error(
        ErrorKind::Data,
        fmt::format("the latency table of space {} has no entry {}; {}", table.space, key,
                    table.by_position ? "it was fitted for another space"
                                      : "it was measured for another space or is not complete: "
                                        "measure the space at hand"));
  }
  return found->second;
}

const std::string& key_of(const LatencyTable& table, const LatencySpace::Term& term) {
  return table.by_position ? term.position_key : term.block_key;
}

/// `value` of every term's entry; blocks that do nothing have no entry and give 0.
template <typename Value>
std::vector<double> values_of_terms(const LatencySpace& space, const LatencyTable& table,
                                    Value value) {
  std::vector<double> values;
  values.reserve(space.terms());
  for (std::size_t i = 0; i < space.terms(); ++i) {
    const LatencySpace::Term& term = space.term(i);
    const bool has_entry = table.by_position || !term.is_free;
    values.push_back(has_entry ? value(entry(table, key_of(table, term))) : 0.0);
  }
  return values;
}

template <typename Value>
double fixed_part(const LatencySpace& space, const LatencyTable& table, Value value) {
  if (table.by_position) return 0.0;
  double sum = 0.0;
  for (const std::string& key : space.fixed_blocks()) sum += value(entry(table, key));
  return sum;
}

void apply_by_position(LatencyTable& table, const LatencySpace& space, const NetworkFit& fit) {
  table.bias_ms += fit.fixed_ms;
  const std::size_t row = space.terms() / static_cast<std::size_t>(space.positions());
  for (std::size_t first = 0; first < fit.terms.size(); first += row) {
    const auto begin = fit.terms.begin() + static_cast<std::ptrdiff_t>(first);
    const double cheapest = *std::min_element(begin, begin + static_cast<std::ptrdiff_t>(row));
    table.bias_ms += cheapest;
    for (std::size_t i = first; i < first + row; ++i) {
      TableEntry& entry = table.entries[space.term(i).position_key];
      entry.network_ms = fit.terms[i] - cheapest;
      entry.ms = entry.low = entry.high = entry.network_ms;  // read_table() does the same.
    }
  }
}

double constant_bias(const LatencyTable& table) {
  std::vector<double> differences;
  for (const MeasuredNetwork& network : table.calibration) {
    differences.push_back(network.measured_ms - network.sum_ms);
  }
  return mean(differences);
}

}  // namespace

std::string describe(const DeviceInfo& info) {
  if (info.mode.empty()) return info.device;
  return fmt::format("{}, {}, {}", info.device, info.precision, info.mode);
}

ModelAccuracy judge(std::span<const double> predicted_ms, std::span<const double> measured_ms) {
  if (predicted_ms.empty()) return {};
  const double mean_ms = mean(measured_ms);
  ModelAccuracy accuracy{.n = static_cast<int>(predicted_ms.size()),
                         .rmse_ms = rmse(predicted_ms, measured_ms),
                         .mean_error_ms = mean(predicted_ms) - mean_ms,
                         .pearson = pearson(predicted_ms, measured_ms),
                         .spearman = spearman(predicted_ms, measured_ms),
                         .kendall = kendall(predicted_ms, measured_ms)};
  accuracy.rmse_percent = 100.0 * accuracy.rmse_ms / mean_ms;
  accuracy.mean_error_percent = 100.0 * accuracy.mean_error_ms / mean_ms;
  return accuracy;
}

TableModel::TableModel(const LatencySpace& space, const LatencyTable& table)
    : widths_(space.widths()),
      row_(static_cast<std::ptrdiff_t>(space.ops()) * space.widths()),
      error_percent_(table.error_percent) {
  const auto in_network = [](const TableEntry& e) { return e.network_ms; };
  fixed_ms_ = fixed_part(space, table, in_network) + table.bias_ms;
  ms_ = values_of_terms(space, table, in_network);
  pairs_ = pairs_by_name(table.pairs, space);
}

double TableModel::pairs_ms(const Architecture& arch) const {
  std::vector<std::size_t> terms;
  terms.reserve(arch.size());
  for (const LayerChoice choice : arch) {
    terms.push_back(terms.size() * static_cast<std::size_t>(row_) +
                    static_cast<std::size_t>(choice.op * widths_ + choice.width));
  }
  return pairs_.sum(terms);
}

TermPrior prior_from(const LatencySpace& space, const LatencyTable& table, bool corrected) {
  const auto value = [corrected](const TableEntry& e) { return corrected ? e.network_ms : e.ms; };
  return {.ms = values_of_terms(space, table, value),
          .fixed_ms = fixed_part(space, table, value) + (corrected ? table.bias_ms : 0.0),
          .pairs = pairs_by_name(table.pairs, space)};
}

void apply_fit(LatencyTable& table, const LatencySpace& space, const NetworkFit& fit) {
  table.form = fit.form;
  table.trials = fit.trials;
  table.error_percent = fit.error_percent;
  table.dead = fit.dead;
  table.pairs = named_pairs(fit.pairs, space);
  table.bias_ms = fit.bias_ms;
  if (table.by_position) {
    apply_by_position(table, space, fit);
    return;
  }
  for (std::size_t i = 0; i < space.terms(); ++i) {
    const LatencySpace::Term& term = space.term(i);
    if (!term.is_free) table.entries.at(term.block_key).network_ms = fit.terms[i];
  }
  // Every network has stem and head, so the fit cannot tell their times from the bias: they keep
  // their proportion and are scaled together.
  double fixed_ms = 0.0;
  for (const std::string& key : space.fixed_blocks()) fixed_ms += table.entries.at(key).ms;
  for (const std::string& key : space.fixed_blocks()) {
    TableEntry& entry = table.entries.at(key);
    entry.network_ms = fixed_ms > 0.0 ? fit.fixed_ms * entry.ms / fixed_ms : 0.0;
  }
  if (!(fixed_ms > 0.0)) table.bias_ms += fit.fixed_ms;
}

ModelAccuracy accuracy_on(const std::vector<MeasuredNetwork>& networks, const LatencyTable& table,
                          Prediction prediction) {
  const double bias_ms = prediction == Prediction::Constant ? constant_bias(table) : 0.0;
  std::vector<double> predicted;
  std::vector<double> measured;
  for (const MeasuredNetwork& network : networks) {
    predicted.push_back(prediction == Prediction::Fitted ? network.predicted_ms
                                                         : network.sum_ms + bias_ms);
    measured.push_back(network.measured_ms);
  }
  return judge(predicted, measured);
}

double kendall_ceiling(const std::vector<MeasuredNetwork>& networks) {
  std::vector<double> first;
  std::vector<double> second;
  for (const MeasuredNetwork& network : networks) {
    if (network.again_ms <= 0.0) return std::numeric_limits<double>::quiet_NaN();
    first.push_back(network.measured_ms);
    second.push_back(network.again_ms);
  }
  return kendall(first, second);
}

TableDifference compare_entries(const LatencyTable& first, const LatencyTable& second) {
  TableDifference result;
  std::vector<double> ratios;
  int covered = 0;
  for (const auto& [key, a] : first.entries) {
    const auto found = second.entries.find(key);
    if (found == second.entries.end() || a.ms <= 0.0) continue;
    const TableEntry& b = found->second;
    const double difference = std::abs(b.ms - a.ms);
    if (difference <= std::hypot(a.high - a.low, b.high - b.low) / 2.0) ++covered;
    ratios.push_back(b.ms / a.ms);
    const double percent = 100.0 * difference / a.ms;
    if (percent >= result.largest_percent) {
      result.largest_percent = percent;
      result.largest_key = key;
    }
  }
  result.entries = static_cast<int>(ratios.size());
  if (ratios.empty()) return result;
  result.covered = static_cast<double>(covered) / static_cast<double>(ratios.size());
  result.median_ratio = median(ratios);
  return result;
}

double error_bar_coverage(const std::vector<MeasuredNetwork>& networks, const LatencyTable& table) {
  const auto is_covered = [&](const MeasuredNetwork& network) {
    return std::abs(network.predicted_ms - network.measured_ms) <=
           table.error_percent / 100.0 * network.predicted_ms;
  };
  const auto covered = std::count_if(networks.begin(), networks.end(), is_covered);
  return networks.empty() ? 0.0
                          : static_cast<double>(covered) / static_cast<double>(networks.size());
}

}  // namespace hsconas
