// Included by one file per instruction set, after it has chosen the set and defined HSCONAS_ENGINE.
#pragma once

#include "engine.hpp"

namespace hsconas::HSCONAS_ENGINE {

/// Runs the model for eight designs, as many at a time as a vector Lanes holds.
template <typename Lanes>
HSCONAS_INLINE void add_cost(const Extents& layer, double count, const Octet& designs,
                             OctetCost& total) {
  constexpr std::size_t kWidth = sizeof(Lanes) / sizeof(double);
  for (std::size_t first = 0; first < Octet::kDesigns; first += kWidth) {
    Design<Lanes> numbers;
    std::size_t i = 0;
    each_number(
        numbers, [&](Lanes & number) __attribute__((always_inline)) {
          __builtin_memcpy(&number, designs.numbers[i] + first, sizeof number);
          ++i;
        });
    Outcome<Lanes> outcome;
    evaluate(layer, *designs.dataflow, numbers, outcome);
    const Lanes none = filled<Lanes>(__builtin_inf());
    const auto fits = outcome.smallest_bits <= numbers.buffer_bits;
    Lanes cycles;
    Lanes energy;
    __builtin_memcpy(&cycles, total.cycles + first, sizeof cycles);
    __builtin_memcpy(&energy, total.energy + first, sizeof energy);
    cycles += fits ? Lanes(outcome.cycles * count) : none;
    energy += fits ? Lanes(outcome.energy * count) : none;
    __builtin_memcpy(total.cycles + first, &cycles, sizeof cycles);
    __builtin_memcpy(total.energy + first, &energy, sizeof energy);
  }
}

}  // namespace hsconas::HSCONAS_ENGINE
