#include "hsconas/codesign/pair_cost.hpp"

#include <map>
#include <string>
#include <vector>

#include "hsconas/accel/batch.hpp"
#include "hsconas/accel/operating_point.hpp"

namespace hsconas {

void PairCostModel::costs(const Architecture& arch, std::span<PairCost> out) const {
  for (std::size_t design = 0; design < out.size(); ++design) out[design] = cost(arch, design);
}

namespace {

/// The clock of every design at its voltage, in MHz.
std::vector<double> clocks_of(std::span<const Accelerator> designs) {
  std::vector<double> clocks_mhz;
  clocks_mhz.reserve(designs.size());
  for (const Accelerator& design : designs) {
    clocks_mhz.push_back(operating_point(design).clock_mhz);
  }
  return clocks_mhz;
}

/// Adds one block's costs to `out`, all designs.
void add_block(const Block& block, const DesignBatch& batch, std::span<const double> clocks_mhz,
               int images, std::span<PairCost> out) {
  std::vector<double> cycles(batch.size());
  std::vector<double> energy(batch.size());
  for (Layer& layer : layers_of(block)) {
    layer.n = images;
    batch.cost_of(layer, cycles, energy);
    for (std::size_t i = 0; i < out.size(); ++i) {
      out[i].ms += cycles[i] / (clocks_mhz[i] * 1e3);
      out[i].energy += energy[i];
    }
  }
}

}  // namespace

CostTable::CostTable(const SearchSpace& space, std::span<const Accelerator> designs, int batch)
    : designs_(designs.size()),
      ops_(static_cast<std::size_t>(space.ops())),
      widths_(static_cast<std::size_t>(space.widths())),
      fixed_(designs.size()) {
  const DesignBatch costs(designs);
  const std::vector<double> clocks_mhz = clocks_of(designs);
  add_block(space.stem(), costs, clocks_mhz, batch, fixed_);
  add_block(space.head(), costs, clocks_mhz, batch, fixed_);
  std::map<std::string, std::size_t> known;
  for (int layer = 0; layer < space.layers(); ++layer) {
    for (int op = 0; op < space.ops(); ++op) {
      for (int width = 0; width < space.widths(); ++width) {
        const Block block = space.block(layer, {op, width});
        const auto [it, is_new] = known.emplace(block.key(), known.size());
        rows_.push_back(it->second);
        if (!is_new) continue;
        values_.resize(values_.size() + designs_);
        add_block(block, costs, clocks_mhz, batch, std::span(values_).last(designs_));
      }
    }
  }
}

const PairCost* CostTable::row(std::size_t layer, LayerChoice choice) const {
  const std::size_t flat = (layer * ops_ + static_cast<std::size_t>(choice.op)) * widths_ +
                           static_cast<std::size_t>(choice.width);
  return values_.data() + rows_[flat] * designs_;
}

PairCost CostTable::cost(const Architecture& arch, std::size_t design) const {
  PairCost total = fixed_[design];
  for (std::size_t layer = 0; layer < arch.size(); ++layer) {
    const PairCost& block = row(layer, arch[layer])[design];
    total.ms += block.ms;
    total.energy += block.energy;
  }
  return total;
}

void CostTable::costs(const Architecture& arch, std::span<PairCost> out) const {
  for (std::size_t i = 0; i < designs_; ++i) out[i] = fixed_[i];
  for (std::size_t layer = 0; layer < arch.size(); ++layer) {
    const PairCost* block = row(layer, arch[layer]);
    for (std::size_t i = 0; i < designs_; ++i) {
      out[i].ms += block[i].ms;
      out[i].energy += block[i].energy;
    }
  }
}

}  // namespace hsconas
