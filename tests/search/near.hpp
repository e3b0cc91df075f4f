#pragma once

#include <cstddef>

#include "hsconas/space/region.hpp"

/// Whether `b` differs from `a` in one layer at most.
inline bool is_near(const hsconas::Genes& a, const hsconas::Genes& b) {
  int layers = 0;
  for (std::size_t i = 0; i < a.size(); i += 2) layers += a[i] != b[i] || a[i + 1] != b[i + 1];
  return layers <= 1;
}
