#pragma once

#include <string>
#include <vector>

namespace hsconas {

/// A square matrix to be drawn in colours. Texts are UTF-8.
struct HeatMap {
  std::string title;
  std::string subtitle;
  std::vector<std::string> labels;  ///< Labels of the rows, from the top, and of the columns.
  std::vector<double> values;       ///< [row][column]; values that are not finite are drawn grey.
  double low = 0.0;                 ///< Values at or below this have the lightest colour.
  double high = 1.0;                ///< Values at or above this have the darkest colour; > low.
};

/// An SVG document without scripts, style sheets or embedded fonts, on a white background. Every
/// cell has a tooltip with its value; large cells also show the value as text.
/// Throws Error(Internal) when `values` does not have one value per pair of labels, or `low` is not
/// below `high`.
std::string to_svg(const HeatMap& map);

}  // namespace hsconas
