#pragma once

#include <algorithm>
#include <cmath>

#include "hsconas/accel/accelerator.hpp"
#include "hsconas/accel/layer.hpp"
#include "hsconas/base/rng.hpp"

namespace hsconas::test {

/// A number in [1, `most`], uniform on a logarithmic scale.
inline std::int64_t log_uniform(std::int64_t most, Rng& rng) {
  const double power = rng.uniform(0.0, std::log(static_cast<double>(most) + 1.0));
  return std::clamp<std::int64_t>(static_cast<std::int64_t>(std::exp(power)), 1, most);
}

/// A matrix product, or a dense, grouped or depthwise convolution, with random stride and dilation.
inline Layer random_layer(Rng& rng) {
  if (rng.chance(0.1)) {
    return make_gemm("gemm", log_uniform(512, rng), log_uniform(2048, rng), log_uniform(2048, rng));
  }
  ConvShape shape{.name = "conv",
                  .in_y = log_uniform(230, rng),
                  .in_x = log_uniform(230, rng),
                  .r = log_uniform(11, rng),
                  .s = log_uniform(11, rng),
                  .stride = 1 + static_cast<std::int64_t>(rng.below(4)),
                  .dilation = rng.chance(0.1) ? 2 : 1,
                  .batch = rng.chance(0.1) ? 1 + static_cast<std::int64_t>(rng.below(8)) : 1};
  shape.groups = rng.chance(0.3) ? log_uniform(256, rng) : 1;
  const bool is_depthwise = rng.chance(0.5) && shape.groups > 1;
  shape.channels = shape.groups * (is_depthwise ? 1 : log_uniform(512 / shape.groups + 1, rng));
  shape.filters = shape.groups * (is_depthwise ? 1 : log_uniform(512 / shape.groups + 1, rng));
  const std::int64_t reach_y = shape.dilation * (shape.r - 1) + 1;
  const std::int64_t reach_x = shape.dilation * (shape.s - 1) + 1;
  shape.pad_y = reach_y / 2;
  shape.pad_x = reach_x / 2;
  shape.in_y = std::max(shape.in_y, reach_y);
  shape.in_x = std::max(shape.in_x, reach_x);
  return make_conv(shape);
}

/// A design with random dataflow, array, registers, buffer, bandwidths and word widths.
inline Accelerator random_design(Rng& rng) {
  Accelerator design;
  const auto dataflows = all_dataflows();
  design.dataflow = dataflows[rng.index(dataflows.size())].name;
  design.rows = log_uniform(256, rng);
  design.columns = log_uniform(256, rng);
  design.lanes = rng.chance(0.3) ? log_uniform(16, rng) : 1;
  for (auto& words : design.register_words) words = log_uniform(512, rng);
  design.buffer_bytes = 256 + log_uniform(std::int64_t{16} << 20U, rng);
  design.noc_words = static_cast<double>(log_uniform(4096, rng));
  design.noc_hop_cycles = static_cast<double>(rng.below(8));
  design.multicast = rng.chance(0.7);
  design.reduction = rng.chance(0.7);
  design.offchip_bytes = static_cast<double>(log_uniform(1024, rng));
  design.bits = {8, 8, rng.chance(0.5) ? 32 : 16};
  if (rng.chance(0.3)) design.bits = {16, 16, 16};
  const auto tables = energy_tables();
  design.energy = tables[rng.index(tables.size())].name;
  return design;
}

}  // namespace hsconas::test
