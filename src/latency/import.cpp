#include "hsconas/latency/import.hpp"

#include <algorithm>
#include <cassert>
#include <set>

#include <fmt/format.h>

#include "hsconas/base/error.hpp"
#include "hsconas/base/rng.hpp"
#include "hsconas/latency/measure.hpp"

namespace hsconas {

namespace {

double positive_ms(const CsvTable& csv, std::size_t row, std::size_t column) {
  const double ms = csv.number(row, column);
  if (ms <= 0.0) csv.fail(row, column, fmt::format("must be a time > 0, got {}", ms));
  return ms;
}

void require_rows(const CsvTable& csv, const std::string& of_what) {
  if (csv.rows() == 0) {
    throw Error(ErrorKind::Data, fmt::format("{}: holds no {}", csv.source(), of_what));
  }
}

/// Into each entry of a table by position, how many of `networks` contain it.
void count_occurrences(LatencyTable& table, const LatencySpace& space,
                       std::span<const Measurement> networks) {
  for (auto& [key, entry] : table.entries) entry.n = 0;
  for (const Measurement& network : networks) {
    for (std::size_t i = 0; i < network.arch.size(); ++i) {
      const std::size_t index = space.index(static_cast<int>(i), network.arch[i]);
      ++table.entries.at(space.term(index).position_key).n;
    }
  }
}

/// The networks with the table's answers beside the measured times.
std::vector<MeasuredNetwork> judged(const LatencySpace& space, const TableModel& model,
                                    const LatencyTable& table, const TermPrior* prior,
                                    std::span<const Measurement> networks) {
  std::vector<MeasuredNetwork> list;
  for (const Measurement& network : networks) {
    const Architecture arch = space.canonical(network.arch, table.dead);
    double sum_ms = prior == nullptr ? 0.0 : prior->fixed_ms;
    for (std::size_t i = 0; prior != nullptr && i < arch.size(); ++i) {
      sum_ms += prior->ms[space.index(static_cast<int>(i), arch[i])];
    }
    list.push_back({.arch = space.encode(network.arch),
                    .sum_ms = std::max(sum_ms, 0.0),
                    .predicted_ms = model.predict_ms(arch),
                    .measured_ms = network.ms});
  }
  return list;
}

void judge_table(LatencyTable& table, const LatencySpace& space, const TermPrior* prior,
                 const MeasurementSplit& networks) {
  const TableModel model(space, table);
  table.calibration = judged(space, model, table, prior, networks.fit);
  table.test = judged(space, model, table, prior, networks.test);
}

LatencyTable empty_table(const LatencySpace& space, const DeviceInfo& device, bool by_position) {
  return {.space = space.name(), .device = device, .by_position = by_position};
}

}  // namespace

std::size_t arch_column(const CsvTable& csv) {
  return csv.column(!csv.has("arch") && csv.has("ops") ? "ops" : "arch");
}

std::vector<Measurement> read_measurements(const CsvTable& csv, const LatencySpace& space,
                                           const std::string& ms_column) {
  const std::size_t arch = arch_column(csv);
  const std::size_t ms = csv.column(ms_column);
  require_rows(csv, "networks");
  std::vector<Measurement> networks;
  for (std::size_t row = 0; row < csv.rows(); ++row) {
    try {
      networks.push_back({space.decode(csv.text(row, arch)), positive_ms(csv, row, ms)});
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::Usage) csv.fail(row, arch, error.what());
      throw;
    }
  }
  return networks;
}

LatencyTable table_of_blocks(const CsvTable& csv, const SearchSpace& space,
                             const std::string& ms_column, const DeviceInfo& device) {
  const std::size_t key = csv.column("key");
  const std::size_t ms = csv.column(ms_column);
  require_rows(csv, "operators");
  std::set<std::string> missing;
  for (const Block& block : distinct_blocks(space)) missing.insert(block.key());
  const std::set<std::string> known = missing;
  LatencyTable table{.space = space.description().name, .device = device};
  for (std::size_t row = 0; row < csv.rows(); ++row) {
    const std::string& name = csv.text(row, key);
    if (!known.contains(name)) {
      csv.fail(row, key, fmt::format("{} is no block of space {}", name, table.space));
    }
    if (missing.erase(name) == 0) csv.fail(row, key, fmt::format("{} is given twice", name));
    const double value = csv.number(row, ms);
    if (value < 0.0) csv.fail(row, ms, fmt::format("must be a time >= 0, got {}", value));
    table.entries[name] = {.ms = value, .low = value, .high = value, .n = 1, .network_ms = value};
  }
  if (!missing.empty()) {
    throw Error(ErrorKind::Data,
                fmt::format("{}: lacks {} of the {} blocks of space {}, first {}", csv.source(),
                            missing.size(), known.size(), table.space, *missing.begin()));
  }
  return table;
}

MeasurementSplit split_measurements(std::vector<Measurement> all, std::size_t fit_count,
                                    std::uint64_t seed, const LatencySpace* choose_in) {
  if (fit_count == 0) fit_count = (all.size() * 4 + 4) / 5;
  if (fit_count > all.size() || fit_count < 2) {
    throw Error(ErrorKind::Data, fmt::format("a fit needs 2 to {} of the networks given, not {}",
                                             all.size(), fit_count));
  }
  Rng rng(seed, "latency-split");
  rng.shuffle(std::span(all));
  if (choose_in != nullptr) {
    std::vector<Architecture> candidates;
    for (std::size_t i = 0; i < std::min(all.size(), std::max(fit_count, kChoiceCandidates)); ++i) {
      candidates.push_back(all[i].arch);
    }
    std::vector<bool> is_chosen(all.size(), false);
    for (const std::size_t i : choose_networks(*choose_in, candidates, fit_count)) {
      is_chosen[i] = true;
    }
    MeasurementSplit split;
    for (std::size_t i = 0; i < all.size(); ++i) {
      (is_chosen[i] ? split.fit : split.test).push_back(std::move(all[i]));
    }
    return split;
  }
  const auto cut = all.begin() + static_cast<std::ptrdiff_t>(fit_count);
  return {.fit = {all.begin(), cut}, .test = {cut, all.end()}};
}

LatencyTable fit_table(const LatencySpace& space, const MeasurementSplit& networks,
                       const TableFitOptions& options, const DeviceInfo& device) {
  LatencyTable table = empty_table(space, device, true);
  FitOptions fit{.forms = network_forms(space.is_cell())};
  if (options.least_squares) fit.forms = {fit.forms.back()};
  if (options.dead) fit.dead = {*options.dead};
  apply_fit(table, space, fit_networks(space, networks.fit, fit));
  count_occurrences(table, space, networks.fit);
  judge_table(table, space, nullptr, networks);
  return table;
}

LatencyTable adapt_table(const LatencySpace& space, const LatencyTable& source,
                         const MeasurementSplit& networks, const DeviceInfo& device) {
  LatencyTable table = source;
  table.device = device;
  table.noise = {};
  table.test_spread.clear();
  const TermPrior prior = prior_from(space, source, true);
  apply_fit(table, space,
            fit_networks(space, networks.fit,
                         {.forms = adaptation_forms(source.by_position, space.is_cell()),
                          .prior = &prior,
                          .rescale_prior = true}));
  if (table.by_position) {
    count_occurrences(table, space, networks.fit);
  } else {
    // Nothing was timed alone on this device.
    for (auto& [key, entry] : table.entries) {
      entry.ms = entry.low = entry.high = std::max(0.0, entry.network_ms);
    }
  }
  judge_table(table, space, &prior, networks);
  return table;
}

void correct_table(LatencyTable& table, const LatencySpace& space,
                   const MeasurementSplit& networks) {
  assert(!table.by_position);
  const TermPrior prior = prior_from(space, table, false);
  apply_fit(table, space,
            fit_networks(space, networks.fit, {.forms = correction_forms(), .prior = &prior}));
  judge_table(table, space, &prior, networks);
}

}  // namespace hsconas
