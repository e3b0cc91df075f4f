// The arithmetic of the cost model; cost.hpp gives its equations. Every function is a template over
// V: a double for one design, or a vector of doubles for several designs side by side. Both give
// the same bits, since only +, -, *, /, comparisons and selections occur.
//
// A file that compiles this for another instruction set defines HSCONAS_ENGINE, the namespace, so
// that the linker never takes code of one set for that of another.
#pragma once

#include <array>
#include <cstddef>
#include <type_traits>

#include "extents.hpp"

#ifndef HSCONAS_ENGINE
#define HSCONAS_ENGINE engine
#endif

// A vector kernel only stays in registers when everything in it is inlined.
#define HSCONAS_INLINE [[gnu::always_inline]] inline

namespace hsconas::HSCONAS_ENGINE {

template <typename V>
HSCONAS_INLINE V least(const V& a, const V& b) {
  return a < b ? a : b;
}
template <typename V>
HSCONAS_INLINE V most(const V& a, const V& b) {
  return a > b ? a : b;
}

/// 1.5 * 2^52: adding it leaves no bits for the fraction of a number below 2^51.
inline constexpr double kRound = 6755399441055744.0;

/// Rounds up to a whole number, without the library call that std::ceil is on plain x86-64.
template <typename V>
HSCONAS_INLINE V ceil_of(const V& x) {
  const V near = (x + kRound) - kRound;
  return near < x ? near + 1.0 : near;
}
template <typename V>
HSCONAS_INLINE V floor_of(const V& x) {
  const V near = (x + kRound) - kRound;
  return near > x ? near - 1.0 : near;
}
template <typename V>
HSCONAS_INLINE V ceil_div(const V& a, const V& b) {
  return ceil_of(V(a / b));
}
template <typename V>
HSCONAS_INLINE V filled(double value) {
  return V{} + value;
}

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

/// A tile of the buffer and the traffic and cycles that follow from it.
template <typename V>
struct TilePlan {
  V steady{};        ///< Cycles between fill and drain.
  V offchip_bits{};  ///< Off-chip traffic of the whole layer; kNone: no tile fits.
  V score{};         ///< Tie-breaker; the smaller one wins.
  V input_words{}, weight_repeats{};
  std::array<V, kTensors> trips{};  ///< How often the buffer's loops go through a tensor.
  V k{}, c{}, y{}, x{};
  V single{};  ///< 1: there is no room for a second tile.
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
  plan.last_bits = plan.last_words * d.bits[0];
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

/// Output pixels of a buffer tile.
template <typename V>
struct Pixels {
  V y{}, x{};       ///< Output rows and columns.
  V trips{};        ///< Number of such tiles, over all images.
  V input_words{};  ///< Input words of the whole layer, halos included.
  V input_bits{};   ///< Input bits of a tile, for one channel of one group.
};

template <typename V>
HSCONAS_INLINE Pixels<V> make_pixels(const Extents& e, const Design<V>& d, const V& y,
                                     const V& y_trips, const V& x, const V& x_trips) {
  const double halo_y = e.reach_y > e.stride ? e.reach_y - e.stride : 0.0;
  const double halo_x = e.reach_x > e.stride ? e.reach_x - e.stride : 0.0;
  Pixels<V> p{.y = y, .x = x};
  p.trips = e.n * y_trips * x_trips;
  p.input_words = e.n * e.of(Dim::G) * e.of(Dim::C) * (e.used_y + (y_trips - 1.0) * halo_y) *
                  (e.used_x + (x_trips - 1.0) * halo_x);
  const V rows = least(V((y - 1.0) * e.stride + e.reach_y), filled<V>(e.used_y));
  const V columns = least(V((x - 1.0) * e.stride + e.reach_x), filled<V>(e.used_x));
  p.input_bits = rows * columns * d.bits[0];
  return p;
}

/// Chooses the buffer's tile among a fixed family; see LayerCost.
template <typename V>
class TileSearch {
 public:
  HSCONAS_INLINE TileSearch(const Extents& e, const Design<V>& d, const ArrayPlan<V>& plan)
      : e_(e), d_(d), plan_(plan), room_(d.buffer_bits * 0.5) {
    groups_ = plan.a(Dim::G);
    group_room_ = room_ / groups_;
    per_bit_ = 1.0 / d.bits[0];
    weight_bits_ = e.of(Dim::R) * e.of(Dim::S) * d.bits[1];
    best_.steady = filled<V>(kNone);
    best_.offchip_bits = filled<V>(kNone);
    best_.score = filled<V>(kNone);
  }

  HSCONAS_INLINE TilePlan<V> run() {
    const V all_x = filled<V>(e_.of(Dim::X));
    const V one = filled<V>(1.0);
    const V& f_y = plan_.f(Dim::Y);
    for (const double part : {1.0, 0.5, 0.25, 0.125}) {
      const V folds = ceil_of(V(f_y * part));
      const V y = least(V(folds * plan_.a(Dim::Y)), filled<V>(e_.of(Dim::Y)));
      consider(make_pixels(e_, d_, y, ceil_div(f_y, folds), all_x, one));
    }
    // Strips of whole rows, from top to bottom: with weights in place, shared input rows are kept.
    consider(make_pixels(e_, d_, plan_.a(Dim::Y), f_y, all_x, one), filled<V>(e_.words[0]));
    const V& f_x = plan_.f(Dim::X);
    for (const double part : {0.5, 0.25}) {
      const V folds = ceil_of(V(f_x * part));
      const V x = least(V(folds * plan_.a(Dim::X)), all_x);
      consider(make_pixels(e_, d_, plan_.a(Dim::Y), f_y, x, ceil_div(f_x, folds)));
    }
    const Pixels<V> spot =
        make_pixels(e_, d_, plan_.a(Dim::Y), f_y, plan_.a(Dim::X), plan_.f(Dim::X));
    consider(spot);
    fall_back(spot);
    return best_;
  }

 private:
  HSCONAS_INLINE void consider(const Pixels<V>& p) { consider(p, p.input_words); }

  /// `slid_words`: input words of the whole layer if pixels are the innermost loop.
  HSCONAS_INLINE void consider(const Pixels<V>& p, const V& slid_words) {
    keep_inputs(p);
    keep_outputs(p, filled<V>(1.0));
    keep_outputs(p, ceil_of(V(plan_.f(Dim::C) * 0.5)));
    keep_weights(p, slid_words);
  }

  /// k innermost: the inputs of some pixels stay while all filters pass by, an array tile of them
  /// at a time.
  HSCONAS_INLINE void keep_inputs(const Pixels<V>& p) {
    const V k = plan_.a(Dim::K);
    const V c = filled<V>(e_.of(Dim::C));
    const V fits = tile_bits(p, k, c);
    const V weight_repeats = plan_.f(Dim::K) > 1.0 ? p.trips : filled<V>(1.0);
    offer(p, fits, p.input_words, weight_repeats, plan_.f(Dim::K), filled<V>(1.0), k, c);
  }

  /// c innermost: the partial sums of some pixels and of as many filters as fit stay while the
  /// channels pass by, `c_folds` array tiles of them at a time. `c_folds` does not depend on the
  /// buffer's size, so that a larger buffer never loses a tile to choose from.
  HSCONAS_INLINE void keep_outputs(const Pixels<V>& p, const V& c_folds) {
    const V c = least(V(c_folds * plan_.a(Dim::C)), filled<V>(e_.of(Dim::C)));
    const V k_folds = fit_filters(p, c);
    const V k = least(V(k_folds * plan_.a(Dim::K)), filled<V>(e_.of(Dim::K)));
    const V k_trips = ceil_div(plan_.f(Dim::K), k_folds);
    offer(p, tile_bits(p, k, c), V(p.input_words * k_trips), p.trips, k_trips,
          ceil_div(plan_.f(Dim::C), c_folds), k, c);
  }

  /// Pixels innermost: as many filters as fit stay while strips of the input pass by.
  HSCONAS_INLINE void keep_weights(const Pixels<V>& p, const V& input_words) {
    const V c = filled<V>(e_.of(Dim::C));
    const V k_folds = fit_filters(p, c);
    const V k = least(V(k_folds * plan_.a(Dim::K)), filled<V>(e_.of(Dim::K)));
    const V k_trips = ceil_div(plan_.f(Dim::K), k_folds);
    offer(p, tile_bits(p, k, c), V(input_words * k_trips), filled<V>(1.0), k_trips, filled<V>(1.0),
          k, c);
  }

  /// Array tiles of filters that fit beside the inputs of `c` channels; at least one.
  HSCONAS_INLINE V fit_filters(const Pixels<V>& p, const V& c) const {
    const V left = group_room_ - c * p.input_bits;
    const V per_fold = plan_.a(Dim::K) * (c * weight_bits_ + p.y * p.x * d_.bits[2]);
    return most(least(floor_of(V(left / per_fold)), plan_.f(Dim::K)), filled<V>(1.0));
  }

  HSCONAS_INLINE V tile_bits(const Pixels<V>& p, const V& k, const V& c) const {
    return groups_ * (c * p.input_bits + k * c * weight_bits_ + k * p.y * p.x * d_.bits[2]);
  }

  HSCONAS_INLINE V bits_of(const V& input_words, const V& weight_repeats) const {
    return input_words * d_.bits[0] + weight_repeats * (e_.words[1] * d_.bits[1]) +
           e_.words[2] * d_.bits[0];
  }

  HSCONAS_INLINE void offer(const Pixels<V>& p, const V& bits, const V& input_words,
                            const V& weight_repeats, const V& k_trips, const V& c_trips, const V& k,
                            const V& c) {
    const V offchip_bits = bits_of(input_words, weight_repeats);
    const NocWords<V> words = noc_words_of(e_, plan_, {k_trips, p.trips, c_trips});
    const V steady = steady_cycles(d_, plan_, words, offchip_bits, false);
    const V score =
        words.sent[0] + words.sent[1] + words.sent[2] + words.psums_out + bits * per_bit_;
    const auto better =
        (bits <= room_) & ((steady < best_.steady) |
                           ((steady == best_.steady) &
                            ((offchip_bits < best_.offchip_bits) |
                             ((offchip_bits == best_.offchip_bits) & (score < best_.score)))));
    // A scalar can branch here; a vector must select value by value.
    if constexpr (std::is_same_v<V, double>) {
      if (!better) return;
    }
    const auto keep = [&](V & slot, const V& value) __attribute__((always_inline)) {
      slot = better ? value : slot;
    };
    keep(best_.steady, steady);
    keep(best_.offchip_bits, offchip_bits);
    keep(best_.score, score);
    keep(best_.input_words, input_words);
    keep(best_.weight_repeats, weight_repeats);
    keep(best_.trips[0], k_trips);
    keep(best_.trips[1], p.trips);
    keep(best_.trips[2], c_trips);
    keep(best_.k, k);
    keep(best_.c, c);
    keep(best_.y, p.y);
    keep(best_.x, p.x);
  }

  /// Takes the smallest tile if it fits once but no tile fits twice.
  HSCONAS_INLINE void fall_back(const Pixels<V>& spot) {
    const V k = plan_.a(Dim::K);
    const V c = plan_.a(Dim::C);
    const V bits = tile_bits(spot, k, c);
    const V input_words = spot.input_words * plan_.f(Dim::K);
    const auto single = (best_.offchip_bits >= kNone) & (bits <= d_.buffer_bits);
    const V offchip_bits = bits_of(input_words, spot.trips);
    const NocWords<V> words =
        noc_words_of(e_, plan_, {plan_.f(Dim::K), spot.trips, plan_.f(Dim::C)});
    const V steady = steady_cycles(d_, plan_, words, offchip_bits, true);
    const auto keep = [&](V & slot, const V& value) __attribute__((always_inline)) {
      slot = single ? value : slot;
    };
    keep(best_.steady, steady);
    keep(best_.offchip_bits, offchip_bits);
    keep(best_.input_words, input_words);
    keep(best_.weight_repeats, spot.trips);
    keep(best_.trips[0], plan_.f(Dim::K));
    keep(best_.trips[1], spot.trips);
    keep(best_.trips[2], plan_.f(Dim::C));
    keep(best_.k, k);
    keep(best_.c, c);
    keep(best_.y, spot.y);
    keep(best_.x, spot.x);
    best_.single = single ? filled<V>(1.0) : filled<V>(0.0);
  }

  const Extents& e_;
  const Design<V>& d_;
  const ArrayPlan<V>& plan_;
  V room_;
  V groups_;
  V group_room_;
  V per_bit_;
  V weight_bits_;
  TilePlan<V> best_;
};

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
  V mac_energy{};
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
  o.energy = total;
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
