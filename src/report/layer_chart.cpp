#include "layer_chart.hpp"

#include <algorithm>
#include <cstddef>

#include <fmt/format.h>

#include "axis.hpp"
#include "svg.hpp"

namespace hsconas {

namespace {

// Pixels.
constexpr double kRow = 24;
constexpr double kBar = 15;
constexpr double kBlock = 110;  ///< Length of a layer's outline.
constexpr double kAxis = 250;
constexpr double kGap = 14;

/// The left edges of the columns, and the right edge of the last.
struct Columns {
  double name = kMargin;
  double block, choice, shape, axis, end;
};

double widest(const std::vector<LayerBar>& bars, std::string LayerBar::*text) {
  double width = 0.0;
  for (const LayerBar& bar : bars) width = std::max(width, text_width(bar.*text, 6.6));
  return width;
}

Columns columns_for(const std::vector<LayerBar>& bars) {
  Columns at{};
  at.name = kMargin;
  at.block = at.name + widest(bars, &LayerBar::name) + kGap;
  at.choice = at.block + kBlock + kGap;
  at.shape = at.choice + widest(bars, &LayerBar::choice) + kGap;
  at.axis = at.shape + widest(bars, &LayerBar::shape) + kGap;
  at.end = at.axis + kAxis + 60;
  return at;
}

std::string rect(double x, double y, double width, double height, const std::string& attributes) {
  return fmt::format("<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"{}/>\n", px(x), px(y),
                     px(width), px(height), attributes);
}

std::string paint(const LayerBar& bar) {
  if (bar.look < 0) return " class=\"rest\" fill=\"#999\"";
  const std::size_t look = static_cast<std::size_t>(bar.look) % kColours.size();
  return fmt::format(" class=\"look-{}\" fill=\"{}\"", look, kColours[look]);
}

/// A box whose outline is the layer's full inner width and whose filled part is the width factor.
std::string block_of(const LayerBar& bar, double x, double y) {
  const double filled = bar.width < 0.0 ? 0.0 : kBlock * std::min(bar.width, 1.0);
  std::string svg;
  if (filled > 0.0) svg += rect(x + (kBlock - filled) / 2, y, filled, kBar, paint(bar));
  return svg + rect(x, y, kBlock, kBar, " class=\"rule\" fill=\"none\" stroke=\"#777\"");
}

}  // namespace

std::string layer_chart(const std::vector<LayerBar>& bars, double total_ms,
                        const std::string& x_label) {
  const Columns at = columns_for(bars);
  double low = 0.0;
  double high = 0.0;
  for (const LayerBar& bar : bars) {
    low = std::min(low, bar.ms);
    high = std::max(high, bar.ms);
  }
  const AxisRange range = padded_range(low, high);
  const auto x = [&](double ms) {
    return at.axis + kAxis * (ms - range.low) / (range.high - range.low);
  };
  const double top = kMargin + 24;
  const double bottom = top + kRow * static_cast<double>(bars.size());
  std::string svg =
      svg_head("layers", at.end + kMargin, bottom + 44 + kMargin, "The network, layer by layer");
  const auto head = [&](double left, const char* words) {
    svg += svg_text(left, kMargin + 12, " class=\"dim\" fill=\"#555\"", words);
  };
  head(at.name, "layer");
  head(at.block, "inner width");
  head(at.choice, "operator");
  head(at.shape, "shape");
  head(at.axis, "part of the predicted latency");
  const auto ticks = ticks_for(range, kAxis, true);
  svg += "<g class=\"grid\" stroke=\"#000\" stroke-opacity=\"0.08\">\n";
  for (const Tick& tick : ticks) svg += svg_line(x(tick.value), top, x(tick.value), bottom, "");
  svg += "</g>\n";
  for (std::size_t i = 0; i < bars.size(); ++i) {
    const LayerBar& bar = bars[i];
    const double y = top + kRow * static_cast<double>(i) + (kRow - kBar) / 2;
    const double text_y = y + 12;
    svg += fmt::format(
        "<g class=\"row\"><title>{}</title>\n",
        escaped(fmt::format("{}: {}, {}, {:.4f} ms", bar.name, bar.choice, bar.shape, bar.ms)));
    svg += svg_text(at.name, text_y, "", bar.name);
    if (bar.look >= 0) svg += block_of(bar, at.block, y);
    svg += svg_text(at.choice, text_y, "", bar.choice);
    svg += svg_text(at.shape, text_y, " class=\"dim\" fill=\"#555\"", bar.shape);
    const double from = std::min(x(0.0), x(bar.ms));
    const double to = std::max(x(0.0), x(bar.ms));
    svg += rect(from, y, to - from, kBar, paint(bar));
    const double share = total_ms > 0.0 ? 100.0 * bar.ms / total_ms : 0.0;
    svg += svg_text(to + 5, text_y, "", fmt::format("{:.1f} %", share)) + "</g>\n";
  }
  svg += svg_line(x(0.0), top, x(0.0), bottom, " class=\"rule\" stroke=\"#444\"");
  svg += svg_line(at.axis, bottom, at.axis + kAxis, bottom, " class=\"rule\" stroke=\"#444\"");
  svg += "<g text-anchor=\"middle\">\n";
  for (const Tick& tick : ticks) svg += svg_text(x(tick.value), bottom + 17, "", tick.label);
  svg += "</g>\n";
  svg += svg_text(at.axis + kAxis / 2, bottom + 38, " class=\"label\" text-anchor=\"middle\"",
                  x_label);
  return svg + "</svg>\n";
}

}  // namespace hsconas
