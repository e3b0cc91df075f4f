#pragma once

#include <array>
#include <cstddef>

#include "arithmetic.hpp"
#include "hsconas/accel/dataflow.hpp"
#include "hsconas/accel/layer.hpp"

namespace hsconas::HSCONAS_ENGINE {

/// A design's numbers, or those of several designs. The arrays are by Tensor.
template <typename V>
struct Design {
  V rows{}, columns{}, lanes{};
  std::array<V, kTensors> register_words{}, bits{};
  V buffer_bits{}, noc_words{}, hop_cycles{}, offchip_bits{};
  V stored_bits{};             ///< Width of a result off-chip, that of the next layer's inputs.
  V multicast{}, reduction{};  ///< 1 or 0.
  // Energies of one event, for words of `bits`.
  V mac{};
  std::array<V, kTensors> register_read{}, register_write{}, noc{};
  std::array<V, kTensors> buffer_read{}, buffer_write{}, offchip{};
  V leakage{};  ///< Energy per cycle.
};

/// Calls visit(number) for every number of a design, always in the same order.
template <typename V, typename Visit>
HSCONAS_INLINE void each_number(Design<V>& d, Visit&& visit) {
  for (V* number :
       {&d.rows, &d.columns, &d.lanes, &d.buffer_bits, &d.noc_words, &d.hop_cycles, &d.offchip_bits,
        &d.stored_bits, &d.multicast, &d.reduction, &d.mac, &d.leakage}) {
    visit(*number);
  }
  for (auto* numbers : {&d.register_words, &d.bits, &d.register_read, &d.register_write, &d.noc,
                        &d.buffer_read, &d.buffer_write, &d.offchip}) {
    for (V& number : *numbers) visit(number);
  }
}

/// Gives the words of tensor `t` another width; energies are in proportion to it.
template <typename V>
HSCONAS_INLINE void set_width(Design<V>& d, std::size_t t, const V& width) {
  const V ratio = width / d.bits[t];
  d.bits[t] = width;
  for (auto* energies :
       {&d.register_read, &d.register_write, &d.noc, &d.buffer_read, &d.buffer_write, &d.offchip}) {
    (*energies)[t] = (*energies)[t] * ratio;
  }
}

/// Sets the widths that a layer asks for; see LayerBits.
template <typename V>
HSCONAS_INLINE void set_bits(Design<V>& d, const LayerBits& bits) {
  const auto output = static_cast<std::size_t>(Tensor::Output);
  if (bits.input != 0) set_width(d, 0, filled<V>(static_cast<double>(bits.input)));
  if (bits.weight != 0) set_width(d, 1, filled<V>(static_cast<double>(bits.weight)));
  if (bits.output == 0) return;
  const V width = filled<V>(static_cast<double>(bits.output));
  d.offchip[output] = d.offchip[output] * (width / d.stored_bits);
  d.stored_bits = width;
}

}  // namespace hsconas::HSCONAS_ENGINE
