#include "hsconas/int8/activation_scale.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "hsconas/base/error.hpp"

namespace hsconas {

std::uint8_t ActivationScale::integer(float real) const {
  // std::nearbyint() rounds halves to even, as QuantizeLinear of ONNX does.
  const float steps = std::nearbyint(real / scale) + static_cast<float>(zero_point);
  return static_cast<std::uint8_t>(std::clamp(steps, 0.0F, static_cast<float>(kLargestActivation)));
}

ActivationScale activation_scale(double low, double high) {
  if (!std::isfinite(low) || !std::isfinite(high) || low > high) {
    throw Error(ErrorKind::Data,
                fmt::format("values from {} to {} have no int8 form: the network's weights or its "
                            "inputs are damaged",
                            low, high));
  }
  low = std::min(low, 0.0);
  high = std::max(high, 0.0);
  if (low == high) return {};
  const auto scale = std::max(static_cast<float>((high - low) / kLargestActivation), kFinestScale);
  const double zero = std::nearbyint(-low / double{scale});
  return {scale, static_cast<int>(std::clamp(zero, 0.0, double{kLargestActivation}))};
}

}  // namespace hsconas
