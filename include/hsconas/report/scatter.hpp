#pragma once

#include <string>
#include <vector>

namespace hsconas {

/// Points of one colour and shape; `x` and `y` have the same size.
struct ScatterSeries {
  std::string name;
  std::vector<double> x;
  std::vector<double> y;
};

/// Predicted against measured values, in one unit on both axes. Texts are UTF-8.
struct Scatter {
  std::string title;     ///< May be empty, as may be all other texts.
  std::string subtitle;  ///< One line under the title.
  std::string x_label;
  std::string y_label;
  std::vector<ScatterSeries> series;
  double band = 0.0;  ///< Shades y = x (1 +- band) when > 0; a fraction below 1.
};

/// An SVG document without scripts, styles or fonts of its own, on a white background: equal axes
/// with round ticks (1, 2 or 5 times a power of ten), the diagonal y = x and a legend with the
/// number of points drawn. Points that are not finite (or beyond 1e300) are left out.
///
/// Seven colours of Okabe and Ito, which colour-blind readers tell apart, and seven shapes give 49
/// series a look of their own; the first seven differ in both.
/// Throws Error(Internal) when a series has not as many x as y or `band` is outside [0, 1).
std::string to_svg(const Scatter& scatter);

}  // namespace hsconas
