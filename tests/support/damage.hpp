#pragma once

#include <string>

#include <fmt/format.h>

#include "hsconas/base/rng.hpp"

namespace hsconas {

/// Damaged copies of a file for a test. There are fewer under the address sanitizer, where each
/// takes ten times as long and where the readers are fuzzed too.
#ifdef __SANITIZE_ADDRESS__
constexpr int kDamages = 100;
#else
constexpr int kDamages = 1000;
#endif

/// Calls `check(damaged, what)` for `count` damaged copies of `contents`: half of them are cut off
/// at a random position, the others have one random byte changed. `what` describes the damage.
template <typename Check>
void for_each_damage(const std::string& contents, int count, Check check) {
  Rng rng(1, "damage");
  for (int i = 0; i < count; ++i) {
    const std::size_t at = rng.index(contents.size());
    std::string damaged = contents;
    if (i % 2 == 0) {
      damaged.resize(at);
      check(damaged, fmt::format("cut off at byte {}", at));
    } else {
      const auto change = static_cast<char>(1 + rng.index(255));
      damaged[at] = static_cast<char>(damaged[at] ^ change);
      check(damaged, fmt::format("byte {} changed", at));
    }
  }
}

}  // namespace hsconas
