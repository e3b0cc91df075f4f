#pragma once

#include <cstddef>
#include <string_view>

#include "axis.hpp"
#include "hsconas/report/plot.hpp"

namespace hsconas {

/// Whether a point is finite and the arithmetic on axes cannot overflow.
bool is_drawable(double x, double y);

/// Calls use(x, y, note) for each point that can be drawn.
template <typename Use>
void for_each_point(const PlotSeries& series, Use&& use) {
  for (std::size_t i = 0; i < series.x.size(); ++i) {
    if (!is_drawable(series.x[i], series.y[i])) continue;
    use(series.x[i], series.y[i],
        series.notes.empty() ? std::string_view() : std::string_view(series.notes[i]));
  }
}

/// The ranges of both axes.
struct PlotRanges {
  AxisRange x, y;
};

/// The ranges that show all points and lines of `plot`.
PlotRanges ranges_of(const Plot& plot);

}  // namespace hsconas
