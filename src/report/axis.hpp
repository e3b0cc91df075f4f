#pragma once

#include <string>
#include <vector>

namespace hsconas {

/// The range of values of an axis.
struct AxisRange {
  double low = 0.0;
  double high = 1.0;
};

struct Tick {
  double value = 0.0;
  std::string label;
};

/// A range slightly larger than [low, high], which does not reach below zero unless `low` does.
/// When low > high, because there are no values, it is [0, 1].
AxisRange padded_range(double low, double high);

/// Chooses the largest number of round ticks (1, 2 or 5 times a power of ten apart) whose labels do
/// not overlap on an axis of `pixels`. Labels are side by side with `lie_along`, else above each
/// other. There are at least two ticks, but with `whole`, which allows only whole numbers, there
/// may be fewer.
std::vector<Tick> ticks_for(const AxisRange& range, double pixels, bool lie_along,
                            bool whole = false);

/// The width of the widest label in pixels.
double widest_label(const std::vector<Tick>& ticks);

}  // namespace hsconas
