#pragma once

#include <array>

#include "arithmetic.hpp"
#include "hsconas/accel/dataflow.hpp"

namespace hsconas::HSCONAS_ENGINE {

/// A design's numbers, or those of several designs. The arrays are by Tensor.
template <typename V>
struct Design {
  V rows{}, columns{}, lanes{};
  std::array<V, kTensors> register_words{}, bits{};
  V buffer_bits{}, noc_words{}, hop_cycles{}, offchip_bits{};
  V multicast{}, reduction{};  ///< 1 or 0.
  // Energies of one event, for words of `bits`.
  V mac{};
  std::array<V, kTensors> register_read{}, register_write{}, noc{};
  std::array<V, kTensors> buffer_read{}, buffer_write{}, offchip{};
};

/// Calls visit(number) for every number of a design, always in the same order.
template <typename V, typename Visit>
HSCONAS_INLINE void each_number(Design<V>& d, Visit&& visit) {
  for (V* number : {&d.rows, &d.columns, &d.lanes, &d.buffer_bits, &d.noc_words, &d.hop_cycles,
                    &d.offchip_bits, &d.multicast, &d.reduction, &d.mac}) {
    visit(*number);
  }
  for (auto* numbers : {&d.register_words, &d.bits, &d.register_read, &d.register_write, &d.noc,
                        &d.buffer_read, &d.buffer_write, &d.offchip}) {
    for (V& number : *numbers) visit(number);
  }
}

}  // namespace hsconas::HSCONAS_ENGINE
