#pragma once

#include <string>
#include <vector>

namespace hsconas {

/// How the points of a series are drawn.
enum class Mark {
  Points,
  Faint,         ///< Points that stand back behind the others.
  Ring,          ///< A large open marker around the point; without a name, also without a legend.
  Line,          ///< A line from point to point.
  LineAndPoints  ///< Both.
};

/// Points of one colour and shape; `x` and `y` have the same size.
struct PlotSeries {
  std::string name;
  std::vector<double> x;
  std::vector<double> y;
  std::vector<std::string>
      notes{};  ///< What a reader sees who points at a point: one each, or none.
  Mark mark = Mark::Points;
  int look = -1;  ///< Colour and shape; -1: the series' place in the plot.
};

/// A straight line through the whole plot, named in the legend.
struct PlotLine {
  std::string name;
  double at = 0.0;
  bool is_vertical = true;
};

/// Series of points over two axes. Texts are UTF-8.
struct Plot {
  std::string title;     ///< May be empty, as may be all other texts.
  std::string subtitle;  ///< One line under the title.
  std::string x_label;   ///< With the unit, as y_label.
  std::string y_label;
  std::vector<PlotSeries> series;
  std::vector<PlotLine> lines{};
  /// One unit on both axes, predicted against measured: a square with equal axes and the diagonal.
  bool is_square = false;
  double band = 0.0;         ///< Of a square: shades y = x (1 +- band) when > 0; below 1.
  bool has_whole_x = false;  ///< Ticks of the x axis are whole numbers: layers, generations.
};

/// An SVG document without scripts, styles or fonts of its own, on a white background: axes with
/// round ticks (1, 2 or 5 times a power of ten) and a legend with the number of points drawn.
/// Points that are not finite (or beyond 1e300) are left out. Notes are SVG titles.
///
/// A page may restyle it by the classes: plot (the document), paper, grid, rule (frame and lines),
/// band, dim (minor text), series, look-0 to look-6 (the colour), key (an entry of the legend);
/// series and key carry data-series.
///
/// Seven colours of Okabe and Ito, which colour-blind readers tell apart, and seven shapes give 49
/// series a look of their own; the first seven differ in both.
/// Throws Error(Internal) when a series has not as many x as y, or some notes but not one for
/// each; or `band` is outside [0, 1).
std::string to_svg(const Plot& plot);

}  // namespace hsconas
