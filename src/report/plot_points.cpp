#include "plot_points.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace hsconas {

namespace {

/// The least and the largest of some values.
struct Extent {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();

  void add(double value) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
  AxisRange padded() const { return padded_range(low, high); }
};

}  // namespace

bool is_drawable(double x, double y) {
  constexpr double kLargest = 1e300;  // Up to this value, the arithmetic on axes cannot overflow.
  return std::abs(x) <= kLargest && std::abs(y) <= kLargest;  // False for NaN.
}

PlotRanges ranges_of(const Plot& plot) {
  Extent x;
  Extent y;
  for (const PlotSeries& series : plot.series) {
    for_each_point(series, [&](double at_x, double at_y, std::string_view) {
      x.add(at_x);
      y.add(at_y);
      if (plot.is_square) {
        x.add(at_y);
        y.add(at_x);
      }
    });
  }
  for (const PlotLine& line : plot.lines) {
    if (is_drawable(line.at, 0.0)) (line.is_vertical ? x : y).add(line.at);
  }
  return {x.padded(), y.padded()};
}

}  // namespace hsconas
