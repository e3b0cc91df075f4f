#pragma once

#include <string>
#include <vector>

namespace hsconas {

/// What an axis reaches over.
struct AxisRange {
  double low = 0.0;
  double high = 1.0;
};

struct Tick {
  double value = 0.0;
  std::string label;
};

/// A little more than what lies between `low` and `high`, and never below zero when `low` is not;
/// [0, 1] when they are infinite the wrong way round, for want of values.
AxisRange padded_range(double low, double high);

/// As many round ticks (1, 2 or 5 times a power of ten apart) as leave their labels apart on an
/// axis of `pixels`: side by side (`lie_along`) or above each other. At least two, but
/// with `whole` only whole numbers, of which there may be fewer.
std::vector<Tick> ticks_for(const AxisRange& range, double pixels, bool lie_along,
                            bool whole = false);

/// Of the labels, pixels.
double widest_label(const std::vector<Tick>& ticks);

}  // namespace hsconas
