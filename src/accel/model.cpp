#include "hsconas/accel/model.hpp"

#include <fmt/format.h>

#include "hsconas/accel/operating_point.hpp"
#include "hsconas/latency/measure.hpp"

namespace hsconas {

namespace {

struct BlockCost {
  double ms = 0.0;
  double energy = 0.0;
};

BlockCost cost_of_block(const Block& block, const CostModel& model, double clock_mhz, int batch) {
  BlockCost total;
  for (Layer& layer : layers_of(block)) {
    layer.n = batch;
    const LayerCost cost = model.cost_of(layer);
    total.ms += cost.cycles / (clock_mhz * 1e3);
    total.energy += cost.energy;
  }
  return total;
}

}  // namespace

AcceleratorModel::AcceleratorModel(const SearchSpace& space, const Accelerator& design, int batch)
    : widths_(space.widths()), row_(static_cast<std::ptrdiff_t>(space.ops()) * space.widths()) {
  const CostModel model(design);
  const double clock_mhz = operating_point(design).clock_mhz;
  const BlockCost stem = cost_of_block(space.stem(), model, clock_mhz, batch);
  const BlockCost head = cost_of_block(space.head(), model, clock_mhz, batch);
  fixed_ms_ = stem.ms + head.ms;
  fixed_energy_ = stem.energy + head.energy;
  for (int layer = 0; layer < space.layers(); ++layer) {
    for (int op = 0; op < space.ops(); ++op) {
      for (int width = 0; width < space.widths(); ++width) {
        const BlockCost cost =
            cost_of_block(space.block(layer, {op, width}), model, clock_mhz, batch);
        ms_.push_back(cost.ms);
        energy_.push_back(cost.energy);
      }
    }
  }
}

LatencyTable accelerator_table(const SearchSpace& space, const Accelerator& design, int batch) {
  const CostModel model(design);
  const double clock_mhz = operating_point(design).clock_mhz;
  LatencyTable table{.space = space.description().name,
                     .device = {.device = fmt::format("accelerator {}", design.name),
                                .threads = 1,
                                .batch = batch,
                                .precision = fmt::format("{} bit", design.bits[0]),
                                .versions = "cost model"}};
  for (const Block& block : distinct_blocks(space)) {
    const double ms = cost_of_block(block, model, clock_mhz, batch).ms;
    table.entries[block.key()] = {.ms = ms, .low = ms, .high = ms, .n = 1, .network_ms = ms};
  }
  return table;
}

}  // namespace hsconas
