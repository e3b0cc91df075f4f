// The arithmetic of the cost model; cost.hpp gives its equations. Every function is a template over
// V: a double for one design, or a vector of doubles for several designs side by side. Both give
// the same bits, since only +, -, *, /, comparisons and selections occur.
#pragma once

#include <array>
#include <cstddef>

#include "arithmetic.hpp"
#include "array_plan.hpp"
#include "design_numbers.hpp"
#include "extents.hpp"
#include "tile_search.hpp"
#include "traffic.hpp"

namespace hsconas::HSCONAS_ENGINE {

/// Everything that LayerCost reports. The compiler leaves out what a caller does not read.
template <typename V>
struct Outcome {
  V cycles{}, energy{};  ///< Meaningless unless smallest_bits fit the buffer.
  V compute{}, noc_in{}, noc_out{}, offchip_cycles{}, fill{}, drain{};
  std::array<V, kTensors> noc_sent{}, noc_delivered{}, offchip_words{};
  V psums_in{}, psums_out{};  ///< Partial sums over the NoC, to and from the array.
  V merges{};                 ///< Partial sums that the buffer adds because the array cannot.
  V offchip_bits{};
  TilePlan<V> tile;
  V smallest_bits{};  ///< Size of the smallest tile.
  V tile_bits{};
  V groups{};
  V mac_energy{}, leakage_energy{};
  std::array<V, kTensors> register_energy{}, noc_energy{}, buffer_energy{}, offchip_energy{};
};

template <typename V>
HSCONAS_INLINE void count_words(const Extents& e, const ArrayPlan<V>& plan, Outcome<V>& o) {
  const TilePlan<V>& tile = o.tile;
  const NocWords<V> words = noc_words_of(e, plan, tile.trips);
  o.noc_sent = words.sent;
  o.psums_in = words.sent[2];
  o.psums_out = words.psums_out;
  const V visits = plan.sends(2, tile.trips[2]);
  o.merges = o.psums_out - e.words[2] * visits;
  o.noc_delivered = {
      V(plan.input_words * plan.sends(0, tile.trips[0]) * plan.s(Dim::K)),
      V(e.words[1] * plan.sends(1, tile.trips[1]) * (plan.s(Dim::Y) * plan.s(Dim::X))), o.psums_in};
  o.offchip_words = {tile.input_words, V(e.words[1] * tile.weight_repeats), filled<V>(e.words[2])};
  o.offchip_bits = tile.offchip_bits;
}

template <typename V>
HSCONAS_INLINE void time_layer(const Extents& e, const Dataflow& dataflow, const Design<V>& d,
                               const ArrayPlan<V>& plan, Outcome<V>& o) {
  const TilePlan<V>& tile = o.tile;
  const V rows = least(V((tile.y - 1.0) * e.stride + e.reach_y), filled<V>(e.used_y));
  const V columns = least(V((tile.x - 1.0) * e.stride + e.reach_x), filled<V>(e.used_x));
  o.tile_bits =
      o.groups * tile.c *
          (rows * columns * d.bits[0] + tile.k * (e.of(Dim::R) * e.of(Dim::S)) * d.bits[1]) +
      o.groups * tile.k * tile.y * tile.x * d.bits[2];

  o.compute = plan.compute;
  const V sent = o.noc_sent[0] + o.noc_sent[1] + o.noc_sent[2];
  o.noc_in = sent / d.noc_words;
  o.noc_out = o.psums_out / d.noc_words;
  o.offchip_cycles = o.offchip_bits / d.offchip_bits;
  o.fill = plan.first_bits / d.offchip_bits + plan.first_words / d.noc_words + d.hop_cycles;
  if (dataflow.is_systolic) o.fill = o.fill + d.rows + d.columns - 2.0;
  o.drain = plan.last_bits / d.offchip_bits + plan.last_words / d.noc_words + d.hop_cycles;
  o.cycles = ceil_of(V(o.fill + tile.steady + o.drain));
}

template <typename V>
HSCONAS_INLINE void add_energy(const Extents& e, const Design<V>& d, Outcome<V>& o) {
  o.mac_energy = e.macs * d.mac;
  for (std::size_t t = 0; t < kTensors; ++t) {
    const bool is_output = kAllTensors[t] == Tensor::Output;
    V register_writes = o.noc_delivered[t];
    V register_reads = filled<V>(e.macs);
    V buffer_reads = o.noc_sent[t];
    V buffer_writes = o.offchip_words[t];
    V moved = o.noc_delivered[t];
    if (is_output) {
      register_writes = register_writes + e.macs;
      register_reads = register_reads + o.psums_out;
      buffer_reads = buffer_reads + o.merges + o.offchip_words[t];
      buffer_writes = o.psums_out;
      moved = moved + o.psums_out;
    }
    o.register_energy[t] =
        register_reads * d.register_read[t] + register_writes * d.register_write[t];
    o.noc_energy[t] = moved * d.noc[t];
    o.buffer_energy[t] = buffer_reads * d.buffer_read[t] + buffer_writes * d.buffer_write[t];
    o.offchip_energy[t] = o.offchip_words[t] * d.offchip[t];
  }
  V total = o.mac_energy;
  for (std::size_t t = 0; t < kTensors; ++t) {
    total =
        total + o.register_energy[t] + o.noc_energy[t] + o.buffer_energy[t] + o.offchip_energy[t];
  }
  o.leakage_energy = o.cycles * d.leakage;
  o.energy = total + o.leakage_energy;
}

/// The whole model for one layer.
template <typename V>
HSCONAS_INLINE void evaluate(const Extents& e, const Dataflow& dataflow, const Design<V>& d,
                             Outcome<V>& o) {
  ArrayPlan<V> plan;
  spread_loops(e, dataflow, d, plan);
  fold_loops(e, dataflow, d, plan);
  walk_array(e, dataflow, d, plan);
  o.tile = TileSearch<V>(e, d, plan).run();
  o.groups = plan.a(Dim::G);
  const V smallest_rows =
      least(V((plan.a(Dim::Y) - 1.0) * e.stride + e.reach_y), filled<V>(e.used_y));
  const V smallest_columns =
      least(V((plan.a(Dim::X) - 1.0) * e.stride + e.reach_x), filled<V>(e.used_x));
  const V k = plan.a(Dim::K);
  const V c = plan.a(Dim::C);
  o.smallest_bits = o.groups * (c * smallest_rows * smallest_columns * d.bits[0] +
                                k * c * (e.of(Dim::R) * e.of(Dim::S)) * d.bits[1] +
                                k * plan.a(Dim::Y) * plan.a(Dim::X) * d.bits[2]);
  count_words(e, plan, o);
  time_layer(e, dataflow, d, plan, o);
  add_energy(e, d, o);
}

}  // namespace hsconas::HSCONAS_ENGINE
