#pragma once

#include <span>
#include <vector>

#include "hsconas/accel/batch.hpp"
#include "hsconas/accel/layer.hpp"
#include "hsconas/codesign/pair_cost.hpp"
#include "hsconas/space/block.hpp"

namespace hsconas {

/// What blocks cost on many designs, by the accelerator model.
class BlockCosts {
 public:
  /// `images` at a time.
  BlockCosts(std::span<const Accelerator> designs, int images);

  std::size_t designs() const { return batch_.size(); }
  /// Adds the costs of `block`, whose layers have words of the widths `bits`, to `out`: one entry
  /// per design. Infinite where the block does not fit the buffer or the design does not support
  /// the widths.
  void add(const Block& block, const LayerBits& bits, std::span<PairCost> out) const;

 private:
  DesignBatch batch_;
  std::vector<double> clocks_mhz_;  ///< Of every design at its voltage.
  int images_;
};

}  // namespace hsconas
