#pragma once

#include <array>
#include <cstddef>
#include <vector>

#include "hsconas/accel/dataflow.hpp"
#include "hsconas/accel/layer.hpp"

namespace hsconas {

/// A layer's extents and word counts as doubles; they do not depend on the design.
struct Extents {
  explicit Extents(const Layer& layer)
      : n(static_cast<double>(layer.n)),
        loops{static_cast<double>(layer.g), static_cast<double>(layer.k),
              static_cast<double>(layer.c), static_cast<double>(layer.r),
              static_cast<double>(layer.s), static_cast<double>(layer.oy),
              static_cast<double>(layer.ox)},
        stride(static_cast<double>(layer.stride)),
        dilation(static_cast<double>(layer.dilation)),
        used_y(static_cast<double>(layer.used_y())),
        used_x(static_cast<double>(layer.used_x())),
        reach_y(static_cast<double>(layer.dilation * (layer.r - 1) + 1)),
        reach_x(static_cast<double>(layer.dilation * (layer.s - 1) + 1)),
        macs(static_cast<double>(layer.macs())),
        words{static_cast<double>(layer.inputs()), static_cast<double>(layer.weights()),
              static_cast<double>(layer.outputs())} {}

  double of(Dim dim) const { return loops[static_cast<std::size_t>(dim)]; }

  double n;
  std::array<double, kDims> loops;
  double stride, dilation;
  double used_y, used_x;    ///< Input rows and columns that are read.
  double reach_y, reach_x;  ///< Rows and columns of the input that one window spans.
  double macs;
  std::array<double, kTensors> words;
};

inline unsigned bit(Dim dim) {
  return 1U << static_cast<unsigned>(dim);
}
inline unsigned dims_of(const std::vector<Dim>& dims) {
  unsigned bits = 0;
  for (const Dim dim : dims) bits |= bit(dim);
  return bits;
}

}  // namespace hsconas
