#include "axis.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include <fmt/format.h>

#include "svg.hpp"

namespace hsconas {

namespace {

/// A label with enough digits to distinguish multiples of 10^exponent: "0.25", "1200", "1.2e7".
std::string tick_label(double value, int exponent, double largest) {
  if (value == 0.0) return "0";
  if (largest < 1e6 && exponent >= -4) return fmt::format("{:.{}f}", value, std::max(0, -exponent));
  const int leading = static_cast<int>(std::floor(std::log10(std::abs(value))));
  const std::string text = fmt::format("{:.{}e}", value, std::max(0, leading - exponent));
  const std::size_t e = text.find('e');
  return fmt::format("{}e{}", text.substr(0, e), std::stoi(text.substr(e + 1)));
}

/// Ticks at multiples of 1, 2 or 5 times a power of ten, such that at least `intervals` steps fit
/// into `range`. With `whole`, the step is at least 1, so there may be fewer.
std::vector<Tick> ticks_in(const AxisRange& range, int intervals, bool whole) {
  const double most = (range.high - range.low) / intervals;
  int exponent = static_cast<int>(std::floor(std::log10(most)));
  const double power = std::pow(10.0, exponent);
  double step = power * (most >= 5 * power ? 5 : most >= 2 * power ? 2 : 1);
  if (whole && step < 1.0) {
    step = 1.0;
    exponent = 0;
  }
  const double largest = std::max(std::abs(range.low), std::abs(range.high));
  std::vector<Tick> ticks;
  const double end = std::floor(range.high / step);
  for (double i = std::ceil(range.low / step); i <= end; ++i) {
    // Adding 0.0 turns -0, which ceil() may return, into 0, which prints without a sign.
    ticks.push_back({i * step + 0.0, tick_label(i * step, exponent, largest)});
  }
  return ticks;
}

}  // namespace

AxisRange padded_range(double low, double high) {
  const double size = std::max(std::abs(low), std::abs(high));
  // There are no values, or all are too close to 0 for ticks.
  if (low > high || size < 1e-290) return {};
  // Ticks that differ only in the seventh digit would be useless, so nearly equal values get a
  // wider range.
  const double span = high - low;
  const double pad = span < 1e-6 * size ? 0.05 * size : 0.04 * span;
  return {low >= 0.0 ? std::max(0.0, low - pad) : low - pad, high + pad};
}

std::vector<Tick> ticks_for(const AxisRange& range, double pixels, bool lie_along, bool whole) {
  constexpr double kGap = 10;
  constexpr double kLineHeight = 26;
  std::vector<Tick> ticks;
  const int most = static_cast<int>(pixels / 72);
  for (int intervals = std::max(2, most); intervals >= 2; --intervals) {
    ticks = ticks_in(range, intervals, whole);
    const double each = lie_along ? widest_label(ticks) + kGap : kLineHeight;
    if (static_cast<double>(ticks.size()) * each <= pixels) break;
  }
  return ticks;
}

double widest_label(const std::vector<Tick>& ticks) {
  double widest = 0.0;
  for (const Tick& tick : ticks) widest = std::max(widest, text_width(tick.label));
  return widest;
}

}  // namespace hsconas
