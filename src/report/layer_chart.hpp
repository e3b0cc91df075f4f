#pragma once

#include <string>
#include <vector>

namespace hsconas {

/// One row of a network drawn layer by layer.
struct LayerBar {
  std::string name;     ///< "stem", "layer 3", "head".
  std::string choice;   ///< "shuffle_k5 x0.6".
  std::string shape;    ///< "48 to 96 channels, 16 to 8 px".
  double width = -1.0;  ///< Factor on the inner channels; below 0 where there are none.
  int look = -1;        ///< Colour of the operator; -1: none of those to choose from.
  double ms = 0.0;      ///< Part of the predicted latency.
};

/// An SVG document (class "layers") from the input at the top to the output: for each row its
/// operator, a block filled up to its width factor, and its part of `total_ms` in milliseconds and
/// percent over an axis labelled `x_label`.
std::string layer_chart(const std::vector<LayerBar>& bars, double total_ms,
                        const std::string& x_label);

}  // namespace hsconas
