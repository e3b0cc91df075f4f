#include "block_costs.hpp"

#include "hsconas/accel/operating_point.hpp"

namespace hsconas {

BlockCosts::BlockCosts(std::span<const Accelerator> designs, int images)
    : batch_(designs), images_(images) {
  clocks_mhz_.reserve(designs.size());
  for (const Accelerator& design : designs) {
    clocks_mhz_.push_back(operating_point(design).clock_mhz);
  }
}

void BlockCosts::add(const Block& block, const LayerBits& bits, std::span<PairCost> out) const {
  std::vector<double> cycles(batch_.size());
  std::vector<double> energy(batch_.size());
  for (Layer& layer : layers_of(block)) {
    layer.n = images_;
    layer.bits = bits;
    batch_.cost_of(layer, cycles, energy);
    for (std::size_t i = 0; i < out.size(); ++i) {
      out[i].ms += cycles[i] / (clocks_mhz_[i] * 1e3);
      out[i].energy += energy[i];
    }
  }
}

}  // namespace hsconas
