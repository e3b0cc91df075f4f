#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

namespace hsconas {

/// A random stream: xoshiro256** (Blackman and Vigna, 2018), seeded through SplitMix64.
/// The same numbers on every compiler and platform, unlike the std distributions.
///
/// Every use has its own named stream, `Rng(seed, "search")`, so that drawing more numbers in
/// one place changes nothing in another; `index` tells ranks, epochs or samples apart.
/// Not safe for use from two threads at once: give each its own stream.
class Rng {
 public:
  Rng(std::uint64_t master_seed, std::string_view stream, std::uint64_t index = 0);

  std::uint64_t next();

  /// Uniform in [0, bound), without the bias of a remainder (Lemire, 2019). `bound` > 0.
  std::uint64_t below(std::uint64_t bound);
  /// Uniform in [0, size), for indices; `size` > 0.
  std::size_t index(std::size_t size) { return static_cast<std::size_t>(below(size)); }
  /// Uniform in [0, 1), 53 bits.
  double uniform();
  /// Uniform in [low, high).
  double uniform(double low, double high) { return low + (high - low) * uniform(); }
  /// Standard normal (Box and Muller); uses two draws.
  double normal();
  /// True with probability `probability`.
  bool chance(double probability) { return uniform() < probability; }

  /// A uniformly random order of `items` (Fisher and Yates).
  template <typename T>
  void shuffle(std::span<T> items) {
    for (std::size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[index(i)]);
  }

 private:
  std::array<std::uint64_t, 4> state_;
};

}  // namespace hsconas
