#pragma once

#include <string>
#include <vector>

namespace hsconas {

/// A square matrix as colours. Texts are UTF-8.
struct HeatMap {
  std::string title;
  std::string subtitle;
  std::vector<std::string> labels;  ///< Of the rows, from the top, and of the columns alike.
  std::vector<double> values;       ///< [row][column]; values that are not finite stay grey.
  double low = 0.0;                 ///< Value of the lightest colour; what is below takes it too.
  double high = 1.0;                ///< Of the darkest; above low.
};

/// An SVG document without scripts, styles or fonts of its own, on a white background. Every cell
/// has its value as a tooltip; where there are few, also as text.
/// Throws Error(Internal) when the values are no square of the labels or low is not below high.
std::string to_svg(const HeatMap& map);

}  // namespace hsconas
