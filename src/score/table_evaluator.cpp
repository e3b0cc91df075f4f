#include "hsconas/score/table_evaluator.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "hsconas/base/csv.hpp"
#include "hsconas/base/error.hpp"
#include "hsconas/latency/import.hpp"

namespace hsconas {

TableEvaluator::TableEvaluator(const SearchSpace& space, const std::filesystem::path& csv,
                               const std::string& column)
    : space_(space), source_(csv.string()) {
  const CsvTable table = CsvTable::load(csv);
  const std::size_t arch = arch_column(table);
  const std::size_t accuracy = table.column(column);
  if (table.rows() == 0) throw Error(ErrorKind::Data, source_ + ": has no networks");
  double highest = 0.0;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    highest = std::max(highest, table.number(row, accuracy));
  }
  const double unit = highest > 1.0 ? 100.0 : 1.0;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    const double value = table.number(row, accuracy);
    if (value < 0.0 || value > unit) {
      table.fail(row, accuracy, fmt::format("must be in [0, {}], got {}", unit, value));
    }
    Architecture canonical = table.parsed(
        row, arch, [&](const std::string& text) { return space_.canonical(space_.decode(text)); });
    if (!known_.emplace(canonical, value / unit).second) {
      table.fail(row, arch, "is a network that an earlier row has: leave out one of them");
    }
    architectures_.push_back(std::move(canonical));
  }
}

std::vector<double> TableEvaluator::accuracy(std::span<const Architecture> archs) {
  std::vector<double> result;
  for (const Architecture& arch : archs) result.push_back(accuracy(arch));
  return result;
}

double TableEvaluator::accuracy(const Architecture& arch) const {
  const auto it = known_.find(space_.canonical(arch));
  if (it != known_.end()) return it->second;
  throw Error(ErrorKind::Usage,
              fmt::format("{}: has no accuracy of network {}", source_, space_.encode(arch)));
}

}  // namespace hsconas
