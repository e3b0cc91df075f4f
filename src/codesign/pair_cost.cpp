#include "hsconas/codesign/pair_cost.hpp"

#include <map>
#include <string>
#include <vector>

#include "block_costs.hpp"

namespace hsconas {

void PairCostModel::costs(const Architecture& arch, std::span<PairCost> out) const {
  for (std::size_t design = 0; design < out.size(); ++design) out[design] = cost(arch, design);
}

CostTable::CostTable(const SearchSpace& space, std::span<const Accelerator> designs, int batch)
    : designs_(designs.size()),
      ops_(static_cast<std::size_t>(space.ops())),
      widths_(static_cast<std::size_t>(space.widths())),
      fixed_(designs.size()) {
  const BlockCosts costs(designs, batch);
  costs.add(space.stem(), {}, fixed_);
  costs.add(space.head(), {}, fixed_);
  std::map<std::string, std::size_t> known;
  for (int layer = 0; layer < space.layers(); ++layer) {
    for (int op = 0; op < space.ops(); ++op) {
      for (int width = 0; width < space.widths(); ++width) {
        const Block block = space.block(layer, {op, width});
        const auto [it, is_new] = known.emplace(block.key(), known.size());
        rows_.push_back(it->second);
        if (!is_new) continue;
        values_.resize(values_.size() + designs_);
        costs.add(block, {}, std::span(values_).last(designs_));
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
