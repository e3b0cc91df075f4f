#include "hsconas/latency/import.hpp"

#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include "hsconas/base/error.hpp"
#include "hsconas/base/rng.hpp"
#include "hsconas/base/statistics.hpp"
#include "hsconas/latency/measure.hpp"
#include "largest_time.hpp"

namespace hsconas {

namespace {

double time_ms(const CsvTable& csv, std::size_t row, std::size_t column) {
  const double ms = csv.number(row, column);
  if (ms > kLargestMs) {
    csv.fail(row, column, fmt::format("must be at most {} ms, got {}", kLargestMs, ms));
  }
  return ms;
}

double positive_ms(const CsvTable& csv, std::size_t row, std::size_t column) {
  const double ms = time_ms(csv, row, column);
  if (ms <= 0.0) csv.fail(row, column, fmt::format("must be a time > 0, got {}", ms));
  return ms;
}

void require_rows(const CsvTable& csv, const std::string& of_what) {
  if (csv.rows() == 0) {
    throw Error(ErrorKind::Data, fmt::format("{}: holds no {}", csv.source(), of_what));
  }
}

/// The entry of a block with these timings.
TableEntry entry_of(const std::vector<double>& times) {
  constexpr int kResamples = 1000;
  const double ms = median(times);
  Rng rng(times.size(), "latency-import");
  const Interval interval = bootstrap(times, median, 0.9, kResamples, rng);
  return {.ms = ms,
          .low = interval.low,
          .high = interval.high,
          .n = static_cast<int>(times.size()),
          .network_ms = ms};
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
  std::vector<Measurement> rows;
  for (std::size_t row = 0; row < csv.rows(); ++row) {
    rows.push_back(
        {csv.parsed(row, arch, [&](const std::string& text) { return space.decode(text); }),
         positive_ms(csv, row, ms)});
  }
  return merge_repeats(space, rows);
}

std::vector<Measurement> merge_repeats(const LatencySpace& space,
                                       std::span<const Measurement> rows) {
  std::vector<Measurement> networks;
  std::vector<std::vector<double>> times;  // [network][row of that network]
  std::map<Architecture, std::size_t> known;
  for (const Measurement& row : rows) {
    const auto [found, is_new] =
        known.try_emplace(space.canonical(row.arch, DeadOperators::Cost), networks.size());
    if (is_new) {
      networks.push_back(row);
      times.emplace_back();
    }
    times[found->second].push_back(row.ms);
  }
  for (std::size_t i = 0; i < networks.size(); ++i) networks[i].ms = median(times[i]);
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
  std::map<std::string, std::vector<double>> times;
  for (std::size_t row = 0; row < csv.rows(); ++row) {
    const std::string& name = csv.text(row, key);
    if (!known.contains(name)) {
      csv.fail(row, key, fmt::format("{} is no block of space {}", name, table.space));
    }
    missing.erase(name);
    const double value = time_ms(csv, row, ms);
    if (value < 0.0) csv.fail(row, ms, fmt::format("must be a time >= 0, got {}", value));
    times[name].push_back(value);
  }
  for (const auto& [name, values] : times) table.entries[name] = entry_of(values);
  if (!missing.empty()) {
    throw Error(ErrorKind::Data,
                fmt::format("{}: lacks {} of the {} blocks of space {}, first {}", csv.source(),
                            missing.size(), known.size(), table.space, *missing.begin()));
  }
  return table;
}

MeasurementSplit split_measurements(std::vector<Measurement> all, std::size_t fit_count,
                                    std::uint64_t seed, const LatencySpace* choose_in,
                                    const TermPrior* prior) {
  if (all.size() < 2) {
    throw Error(ErrorKind::Data,
                "a fit needs two different networks or more, and there is only "
                "one; measure others too (latency choose lists which)");
  }
  if (fit_count == 0) {
    fit_count = std::max((all.size() * 4 + 4) / 5, std::min(all.size(), kFewestToFit));
  }
  if (fit_count > all.size() || fit_count < 2) {
    throw Error(ErrorKind::Usage,
                fmt::format("--fit must be 2 to {}, as many different networks as are given, not "
                            "{}",
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
    for (const std::size_t i : choose_networks(*choose_in, candidates, fit_count, prior)) {
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

}  // namespace hsconas
