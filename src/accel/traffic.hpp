#pragma once

#include <array>

#include "arithmetic.hpp"
#include "array_plan.hpp"
#include "design_numbers.hpp"
#include "extents.hpp"

namespace hsconas::HSCONAS_ENGINE {

/// Words over the NoC. A multicast word counts once.
template <typename V>
struct NocWords {
  std::array<V, kTensors> sent{};  ///< To the array; for the output, returning partial sums.
  V psums_out{};                   ///< Partial sums from the array.
};

template <typename V>
HSCONAS_INLINE NocWords<V> noc_words_of(const Extents& e, const ArrayPlan<V>& plan,
                                        const std::array<V, kTensors>& trips) {
  const V visits = plan.sends(2, trips[2]);
  return {.sent = {V(plan.input_words * plan.sends(0, trips[0]) * plan.copies[0]),
                   V(e.words[1] * plan.sends(1, trips[1]) * plan.copies[1]),
                   V(e.words[2] * (visits - 1.0))},
          .psums_out = e.words[2] * visits * plan.copies[2]};
}

/// Cycles between fill and drain: those of the slowest resource or, with a `single` tile in the
/// buffer, those of the array plus those of the off-chip memory.
template <typename V>
HSCONAS_INLINE V steady_cycles(const Design<V>& d, const ArrayPlan<V>& plan,
                               const NocWords<V>& words, const V& offchip_bits, bool single) {
  const V sent = words.sent[0] + words.sent[1] + words.sent[2];
  const V most_words = most(V(sent - plan.first_words), V(words.psums_out - plan.last_words));
  const V array = most(plan.compute, V(most_words / d.noc_words));
  const V offchip =
      most(V((offchip_bits - plan.first_bits - plan.last_bits) / d.offchip_bits), filled<V>(0.0));
  return single ? V(array + offchip) : most(array, offchip);
}

}  // namespace hsconas::HSCONAS_ENGINE
