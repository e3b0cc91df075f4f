#pragma once

#include <array>
#include <type_traits>

#include "arithmetic.hpp"
#include "array_plan.hpp"
#include "design_numbers.hpp"
#include "extents.hpp"
#include "traffic.hpp"

namespace hsconas::HSCONAS_ENGINE {

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
           e_.words[2] * d_.stored_bits;
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

}  // namespace hsconas::HSCONAS_ENGINE
