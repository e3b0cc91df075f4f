#pragma once

#include <string>
#include <vector>

namespace hsconas {

/// One row of the chart: a layer, the stem, the head or B.
struct LayerBar {
  std::string name;     ///< "stem", "layer 3", "head", "B".
  std::string choice;   ///< Operator and width, such as "shuffle_k5 x0.6".
  std::string shape;    ///< Input and output: "48 to 96 channels, 16 to 8 px".
  double width = -1.0;  ///< Width factor of the inner channels; below 0 if there are none.
  int look = -1;        ///< Number of the operator's colour; -1 if the row is not a searched layer.
  double ms = 0.0;      ///< The row's part of the predicted latency.
};

/// An SVG document (class "layers") with the input at the top. Each row shows its operator, a box
/// filled up to its width factor, and its part of `total_ms`, in percent, as a bar in milliseconds
/// over an axis labelled `x_label`.
std::string layer_chart(const std::vector<LayerBar>& bars, double total_ms,
                        const std::string& x_label);

}  // namespace hsconas
