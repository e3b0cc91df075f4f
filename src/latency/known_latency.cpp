#include "hsconas/latency/known_latency.hpp"

#include <limits>
#include <utility>

#include <fmt/format.h>

#include "hsconas/base/csv.hpp"
#include "hsconas/base/error.hpp"
#include "hsconas/latency/import.hpp"

namespace hsconas {

KnownLatency::KnownLatency(const SearchSpace& space, const std::filesystem::path& csv,
                           const std::string& column, std::string unit)
    : space_(space),
      source_(fmt::format("column {} of {}", column, csv.string())),
      unit_(std::move(unit)) {
  const CsvTable table = CsvTable::load(csv);
  const std::size_t code = arch_column(table);
  const std::size_t value = table.column(column);
  for (std::size_t row = 0; row < table.rows(); ++row) {
    if (table.text(row, value).empty()) continue;
    const double ms = table.number(row, value);
    if (ms <= 0.0) table.fail(row, value, fmt::format("must be above 0, got {}", ms));
    Architecture arch = table.parsed(
        row, code, [&](const std::string& text) { return space_.canonical(space_.decode(text)); });
    if (!known_.emplace(arch, ms).second) {
      table.fail(row, code, "is a network that an earlier row has: leave out one of them");
    }
    networks_.push_back(std::move(arch));
  }
  if (networks_.empty()) throw Error(ErrorKind::Data, source_ + ": has no value");
}

std::size_t KnownLatency::Hash::operator()(const Architecture& arch) const {
  std::size_t hash = 0;
  for (const LayerChoice& choice : arch) {
    hash = hash * 1'000'003 + static_cast<std::size_t>(choice.op) * 31 +
           static_cast<std::size_t>(choice.width);
  }
  return hash;
}

double KnownLatency::predict_ms(const Architecture& arch) const {
  const auto found = known_.find(space_.canonical(arch));
  return found == known_.end() ? std::numeric_limits<double>::infinity() : found->second;
}

LatencyRange KnownLatency::range(const NetworkRegion& region) const {
  LatencyRange range{.fastest = {},
                     .slowest = {},
                     .fastest_ms = std::numeric_limits<double>::infinity(),
                     .slowest_ms = -std::numeric_limits<double>::infinity()};
  for (const Architecture& arch : networks_) {
    if (!region.contains(arch)) continue;
    const double ms = known_.at(arch);
    if (ms < range.fastest_ms) {
      range.fastest = arch;
      range.fastest_ms = ms;
    }
    if (ms > range.slowest_ms) {
      range.slowest = arch;
      range.slowest_ms = ms;
    }
  }
  if (range.fastest.empty()) {
    throw Error(ErrorKind::Infeasible, source_ + ": has a value for no network of the region");
  }
  return range;
}

}  // namespace hsconas
