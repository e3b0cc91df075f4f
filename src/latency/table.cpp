#include "hsconas/latency/table.hpp"

#include <fmt/format.h>

#include "hsconas/base/error.hpp"
#include "hsconas/base/statistics.hpp"

namespace hsconas {

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
  return accuracy;
}

const TableEntry& LatencyTable::at(const Block& block) const {
  static const TableEntry free;
  if (block.is_identity()) return free;
  const auto entry = entries.find(block.key());
  if (entry == entries.end()) {
    throw Error(ErrorKind::Data,
                fmt::format("the latency table of space {} has no entry {}; measure it again",
                            space, block.key()));
  }
  return entry->second;
}

TableModel::TableModel(const SearchSpace& space, const LatencyTable& table)
    : ops_(space.ops()),
      widths_(space.widths()),
      fixed_ms_(table.at(space.stem()).ms + table.at(space.head()).ms + table.bias_ms) {
  for (int layer = 0; layer < space.layers(); ++layer) {
    for (int op = 0; op < ops_; ++op) {
      for (int width = 0; width < widths_; ++width) {
        ms_.push_back(table.at(space.block(layer, {op, width})).ms);
      }
    }
  }
}

std::size_t TableModel::index(std::size_t layer, LayerChoice choice) const {
  const auto ops = static_cast<std::size_t>(ops_);
  const auto widths = static_cast<std::size_t>(widths_);
  return (layer * ops + static_cast<std::size_t>(choice.op)) * widths +
         static_cast<std::size_t>(choice.width);
}

double TableModel::predict_ms(const Architecture& arch) const {
  double total = fixed_ms_;
  for (std::size_t layer = 0; layer < arch.size(); ++layer) total += ms_[index(layer, arch[layer])];
  return total;
}

}  // namespace hsconas
