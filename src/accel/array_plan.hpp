#pragma once

#include <array>
#include <cstddef>
#include <vector>

#include "arithmetic.hpp"
#include "design_numbers.hpp"
#include "extents.hpp"

namespace hsconas::HSCONAS_ENGINE {

inline constexpr double kNone = 1e300;  ///< Greater than any count.

/// How the array processes a layer; s_d, a_d and f_d are those of cost.hpp.
template <typename V>
struct ArrayPlan {
  std::array<V, kDims> spread{};  ///< s_d
  std::array<V, kDims> tile{};    ///< a_d
  std::array<V, kDims> folds{};   ///< f_d
  V compute{};
  V input_words{};                    ///< NoC words of the input when no other loop repeats them.
  V first_words{};                    ///< Inputs and weights of one array tile.
  V first_bits{};                     ///< Bits of first_words.
  V last_words{};                     ///< Outputs of one array tile.
  V last_bits{};                      ///< Bits of last_words, as stored off-chip.
  std::array<V, kTensors> copies{};   ///< Words on the NoC per word of the array tile.
  std::array<V, kTensors> repeats{};  ///< How often the array's own loops send a tensor.
  /// Most times that the buffer's loops can send a tensor: 1 if the array holds all of it.
  std::array<V, kTensors> most_trips{};

  const V& s(Dim d) const { return spread[static_cast<std::size_t>(d)]; }
  const V& a(Dim d) const { return tile[static_cast<std::size_t>(d)]; }
  /// How often the NoC sends a tensor that the buffer's loops go through `trips` times.
  HSCONAS_INLINE V sends(std::size_t t, const V& trips) const {
    return most(repeats[t], least(trips, most_trips[t]));
  }

  const V& f(Dim d) const { return folds[static_cast<std::size_t>(d)]; }
};

template <typename V>
HSCONAS_INLINE void spread_loops(const Extents& e, const Dataflow& dataflow, const Design<V>& d,
                                 ArrayPlan<V>& plan) {
  for (V& spread : plan.spread) spread = filled<V>(1.0);
  V left = dataflow.is_linear ? V(d.rows * d.columns) : d.rows;
  V spare = filled<V>(1.0);
  for (const std::vector<Dim>* axis : {&dataflow.rows, &dataflow.columns}) {
    for (const Dim dim : *axis) {
      V& spread = plan.spread[static_cast<std::size_t>(dim)];
      const V taken = least(ceil_div(filled<V>(e.of(dim)), spread), left);
      spread = spread * taken;
      left = floor_of(V(left / taken));
    }
    spare = spare * left;
    left = dataflow.is_linear ? filled<V>(1.0) : d.columns;
  }
  if (dataflow.packs_groups && e.of(Dim::G) > 1.0) {
    plan.spread[static_cast<std::size_t>(Dim::G)] = least(filled<V>(e.of(Dim::G)), spare);
  }
}

/// Fills the registers; cuts every loop into array tiles.
template <typename V>
HSCONAS_INLINE void fold_loops(const Extents& e, const Dataflow& dataflow, const Design<V>& d,
                               ArrayPlan<V>& plan) {
  // Division is the most expensive operation here, so it is skipped for loops that are not spread.
  const unsigned is_spread = dims_of(dataflow.rows) | dims_of(dataflow.columns) | bit(Dim::G);
  std::array<V, kDims> shares;
  std::array<V, kDims> kept;
  V cycles = filled<V>(e.n);
  for (std::size_t i = 0; i < kDims; ++i) {
    shares[i] = filled<V>(e.loops[i]);
    if ((is_spread >> i & 1U) != 0) shares[i] = ceil_div(shares[i], plan.spread[i]);
    kept[i] = filled<V>(1.0);
    cycles = cycles * shares[i];
  }
  unsigned is_kept = 0;
  std::array<V, kTensors> held{filled<V>(1.0), filled<V>(1.0), filled<V>(1.0)};
  V work = filled<V>(1.0);
  for (const RegisterStep& step : dataflow.registers) {
    const auto i = static_cast<std::size_t>(step.dim);
    V most_kept = shares[i];
    for (const Tensor tensor : step.limits) {
      const auto t = static_cast<std::size_t>(tensor);
      most_kept = least(most_kept, floor_of(V(d.register_words[t] / held[t])));
    }
    // Turns are made equal: 8 values of which 7 fit are kept as 4 and 4, not as 7 and 1.
    plan.folds[i] = ceil_div(shares[i], most(most_kept, filled<V>(1.0)));
    kept[i] = ceil_div(shares[i], plan.folds[i]);
    is_kept |= bit(step.dim);
    work = work * kept[i];
    for (std::size_t t = 0; t < kTensors; ++t) {
      if (depends(kAllTensors[t], step.dim)) held[t] = held[t] * kept[i];
    }
  }
  plan.compute = cycles * ceil_div(work, d.lanes) / work;
  for (std::size_t i = 0; i < kDims; ++i) {
    if ((is_kept >> i & 1U) == 0) plan.folds[i] = shares[i];
    plan.tile[i] = least(filled<V>(e.loops[i]), V(plan.spread[i] * kept[i]));
  }
}

/// Counts the words that one pass of the array sends, and how often its loops repeat each tensor.
template <typename V>
HSCONAS_INLINE void walk_array(const Extents& e, const Dataflow& dataflow, const Design<V>& d,
                               ArrayPlan<V>& plan) {
  const V one = filled<V>(1.0);
  const bool shifts = dataflow.shifts_window;
  const V window_y = shifts ? filled<V>(e.of(Dim::R)) : plan.a(Dim::R);
  const V window_x = shifts ? filled<V>(e.of(Dim::S)) : plan.a(Dim::S);
  const V rows = least(V((plan.a(Dim::Y) - 1.0) * e.stride + (window_y - 1.0) * e.dilation + 1.0),
                       filled<V>(e.used_y));
  const V columns =
      least(V((plan.a(Dim::X) - 1.0) * e.stride + (window_x - 1.0) * e.dilation + 1.0),
            filled<V>(e.used_x));
  const V passes = shifts ? one : V(plan.f(Dim::R) * plan.f(Dim::S));
  const bool slides = dataflow.order.back() == Dim::X;
  const V next_columns = slides ? least(columns, V(plan.a(Dim::X) * e.stride)) : columns;
  plan.input_words = e.n * e.of(Dim::G) * e.of(Dim::C) * passes * plan.f(Dim::Y) * rows *
                     (columns + (plan.f(Dim::X) - 1.0) * next_columns);
  const V channels = plan.a(Dim::G) * plan.a(Dim::C);
  const V weights = plan.a(Dim::K) * plan.a(Dim::R) * plan.a(Dim::S);
  plan.first_words = channels * (rows * columns + weights);
  plan.first_bits = channels * (rows * columns * d.bits[0] + weights * d.bits[1]);
  plan.last_words = plan.a(Dim::G) * plan.a(Dim::K) * plan.a(Dim::Y) * plan.a(Dim::X);
  plan.last_bits = plan.last_words * d.stored_bits;
  const auto casts = d.multicast > 0.0;
  plan.copies = {casts ? one : plan.s(Dim::K), casts ? one : V(plan.s(Dim::Y) * plan.s(Dim::X)),
                 d.reduction > 0.0 ? one : V(plan.s(Dim::C) * plan.s(Dim::R) * plan.s(Dim::S))};
  for (std::size_t t = 0; t < kTensors; ++t) {
    V repeats = one;
    auto moved = one > one;  // False in every lane.
    for (std::size_t i = dataflow.order.size(); i-- > 0;) {
      const Dim dim = dataflow.order[i];
      if (depends(kAllTensors[t], dim)) {
        moved = moved | (plan.f(dim) > one);
      } else {
        repeats = moved ? V(repeats * plan.f(dim)) : repeats;
      }
    }
    if (kAllTensors[t] == Tensor::Weight) {
      repeats = moved ? V(repeats * e.n) : repeats;
    } else if (e.n > 1.0) {
      moved = one == one;
    }
    plan.repeats[t] = repeats;
    plan.most_trips[t] = moved ? filled<V>(kNone) : one;
  }
}

}  // namespace hsconas::HSCONAS_ENGINE
