#pragma once

#include <cmath>
#include <cstdint>
#include <string>

#include "hsconas/accel/layer.hpp"
#include "hsconas/base/csv.hpp"

namespace hsconas::test {

/// A whole number in a cell of a reference table.
inline std::int64_t integer(const CsvTable& csv, std::size_t row, const char* column) {
  return std::llround(csv.number(row, csv.column(column)));
}

/// The layer in a row of the reference tables, which give its output size and hence its padded
/// input. Depthwise rows (type DSCONV, K = 1) become C groups of one channel.
inline Layer reference_layer(const CsvTable& csv, std::size_t row, const char* oy = "OY",
                             const char* ox = "OX") {
  const auto of = [&](const char* column) { return integer(csv, row, column); };
  const auto stride = of("stride");
  const bool is_depthwise = csv.has("type") && csv.text(row, csv.column("type")) == "DSCONV";
  const auto channels = of("C");
  return make_conv({.name = csv.text(row, csv.column("layer")),
                    .channels = channels,
                    .filters = is_depthwise ? channels : of("K"),
                    .in_y = (of(oy) - 1) * stride + of("R"),
                    .in_x = (of(ox) - 1) * stride + of("S"),
                    .r = of("R"),
                    .s = of("S"),
                    .stride = stride,
                    .groups = is_depthwise ? channels : 1});
}

}  // namespace hsconas::test
