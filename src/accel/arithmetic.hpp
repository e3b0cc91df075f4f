// Arithmetic of the cost model's engine, for one number or a vector of numbers; see engine.hpp.
//
// A file that compiles the engine for another instruction set defines HSCONAS_ENGINE, the
// namespace, so that the linker never takes code of one set for that of another.
#pragma once

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

}  // namespace hsconas::HSCONAS_ENGINE
