#pragma once

#include <string>
#include <vector>

namespace hsconas {

/// How the points of a series are drawn.
enum class Mark {
  Points,
  Faint,         ///< Points in a pale colour.
  Ring,          ///< A large open marker around each point; a series without a name has no legend.
  Line,          ///< A line from point to point.
  LineAndPoints  ///< Both.
};

/// Points of one colour and shape; `x` and `y` have the same size.
struct PlotSeries {
  std::string name;
  std::vector<double> x;
  std::vector<double> y;
  std::vector<std::string> notes{};  ///< Tooltips: one per point, or none at all.
  Mark mark = Mark::Points;
  int look = -1;  ///< Number of the colour and shape; -1: the index of the series in the plot.
};

/// A straight line through the whole plot, named in the legend.
struct PlotLine {
  std::string name;
  double at = 0.0;
  bool is_vertical = true;
};

/// Series of points over two axes. Texts are UTF-8.
struct Plot {
  std::string title;     ///< May be empty, like all other texts.
  std::string subtitle;  ///< One line under the title.
  std::string x_label;   ///< Should include the unit.
  std::string y_label;   ///< Should include the unit.
  std::vector<PlotSeries> series;
  std::vector<PlotLine> lines{};
  /// Whether both axes have the same unit, as for predicted against measured values: the plot is
  /// then a square with equal axes and the diagonal.
  bool is_square = false;
  double band = 0.0;         ///< In a square plot, shades y = x (1 +- band) when > 0; below 1.
  bool has_whole_x = false;  ///< Whether ticks of the x axis are whole numbers, such as layers.
};

/// An SVG document without scripts, style sheets or embedded fonts, on a white background: axes
/// with round ticks (1, 2 or 5 times a power of ten) and a legend with the number of points drawn.
/// Points that are not finite (or beyond 1e300) are left out. Notes are SVG titles.
///
/// An HTML page can style these classes: plot (the document), paper, grid, rule (frame and lines),
/// band, dim (minor text), series, look-0 to look-6 (the colour), key (an entry of the legend);
/// series and key have the attribute data-series.
///
/// Seven colours of Okabe and Ito, which colour-blind readers can distinguish, and seven shapes
/// give 49 series different looks; the first seven series differ in both. Throws Error(Internal)
/// when a series has different numbers of x and y, or of notes and points, or when `band` is
/// outside [0, 1).
std::string to_svg(const Plot& plot);

}  // namespace hsconas
