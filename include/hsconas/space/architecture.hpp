#pragma once

#include <compare>
#include <string>
#include <vector>

namespace hsconas {

/// One layer's choice: which operator, at which width. Both are indices into the space's lists.
struct LayerChoice {
  int op = 0;
  int width = 0;
  // NOLINTNEXTLINE(modernize-use-nullptr): clang-tidy 14 misreads what <=> compares with
  auto operator<=>(const LayerChoice&) const = default;
};

/// One network of a space: a choice per searchable layer, first layer first.
using Architecture = std::vector<LayerChoice>;

}  // namespace hsconas
