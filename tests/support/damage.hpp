#pragma once

#include <string>

#include <fmt/format.h>

#include "hsconas/base/rng.hpp"

namespace hsconas {

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
