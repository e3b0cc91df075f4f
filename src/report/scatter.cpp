#include "hsconas/report/scatter.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "hsconas/base/error.hpp"

namespace hsconas {

namespace {

// Pixels.
constexpr double kPlotSide = 360;
constexpr double kMargin = 12;
constexpr double kLegendLine = 20;
constexpr double kCharWidth = 7.2;  ///< Mean of 12 px text in a wide font, as we cannot measure it.
constexpr double kTitleCharWidth = 9.6;  ///< Likewise, 15 px bold.

/// Yellow, the eighth colour of Okabe and Ito, is too faint on white.
constexpr std::array<std::string_view, 7> kColours{"#0072B2", "#D55E00", "#009E73", "#CC79A7",
                                                   "#E69F00", "#56B4E9", "#000000"};

/// Paths relative to the middle of the marker, of about the same area.
constexpr std::array<std::string_view, 7> kShapes{
    "m-3.6 0a3.6 3.6 0 1 0 7.2 0a3.6 3.6 0 1 0 -7.2 0z",        // circle
    "m-3.2 -3.2h6.4v6.4h-6.4z",                                 // square
    "m0 -4.6l4.3 7.4h-8.6z",                                    // triangle
    "m0 -4.7l4.7 4.7l-4.7 4.7l-4.7 -4.7z",                      // diamond
    "m0 4.6l4.3 -7.4h-8.6z",                                    // triangle, tip down
    "m-1.4 -4.4h2.8v3h3v2.8h-3v3h-2.8v-3h-3v-2.8h3z",           // plus
    "m0 -2l2.3 -2.3l2 2l-2.3 2.3l2.3 2.3l-2 2l-2.3 -2.3l-2.3 "  // cross
    "2.3l-2 -2l2.3 -2.3l-2.3 -2.3l2 -2z"};

/// Where a number stands on both axes.
struct Range {
  double low = 0.0;
  double high = 1.0;
};

struct Tick {
  double value = 0.0;
  std::string label;
};

bool is_drawable(double x, double y) {
  constexpr double kLargest = 1e300;  // The arithmetic on the axes cannot overflow up to here.
  return std::abs(x) <= kLargest && std::abs(y) <= kLargest;  // False for NaN.
}

template <typename Use>
void for_each_point(const ScatterSeries& series, Use&& use) {
  for (std::size_t i = 0; i < series.x.size(); ++i) {
    if (is_drawable(series.x[i], series.y[i])) use(series.x[i], series.y[i]);
  }
}

/// A little more than all points take; never below zero when no point is.
Range range_of(const std::vector<ScatterSeries>& all) {
  double low = std::numeric_limits<double>::infinity();
  double high = -low;
  for (const ScatterSeries& series : all) {
    for_each_point(series, [&](double x, double y) {
      low = std::min({low, x, y});
      high = std::max({high, x, y});
    });
  }
  const double size = std::max(std::abs(low), std::abs(high));
  // No points, or all at zero as far as ticks can tell.
  if (low > high || size < 1e-290) return {};
  // Ticks that differ in the seventh digit only would say nothing.
  const double span = high - low;
  const double pad = span < 1e-6 * size ? 0.05 * size : 0.04 * span;
  return {low >= 0.0 ? std::max(0.0, low - pad) : low - pad, high + pad};
}

/// The digits that tell multiples of 10^exponent apart: "0.25", "1200", "1.2e7".
std::string tick_label(double value, int exponent, double largest) {
  if (value == 0.0) return "0";
  if (largest < 1e6 && exponent >= -4) return fmt::format("{:.{}f}", value, std::max(0, -exponent));
  const int leading = static_cast<int>(std::floor(std::log10(std::abs(value))));
  const std::string text = fmt::format("{:.{}e}", value, std::max(0, leading - exponent));
  const std::size_t e = text.find('e');
  return fmt::format("{}e{}", text.substr(0, e), std::stoi(text.substr(e + 1)));
}

/// At least `intervals` steps of 1, 2 or 5 times a power of ten fit into `range`.
std::vector<Tick> ticks_in(const Range& range, int intervals) {
  const double most = (range.high - range.low) / intervals;
  const int exponent = static_cast<int>(std::floor(std::log10(most)));
  const double power = std::pow(10.0, exponent);
  const double step = power * (most >= 5 * power ? 5 : most >= 2 * power ? 2 : 1);
  const double largest = std::max(std::abs(range.low), std::abs(range.high));
  std::vector<Tick> ticks;
  const double end = std::floor(range.high / step);
  for (double i = std::ceil(range.low / step); i <= end; ++i) {
    // + 0.0: ceil() may give -0, which would print its sign.
    ticks.push_back({i * step + 0.0, tick_label(i * step, exponent, largest)});
  }
  return ticks;
}

/// Characters, not bytes: UTF-8 continuation bytes have no width.
std::size_t characters(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
  }));
}

double text_width(std::string_view text, double char_width = kCharWidth) {
  return char_width * static_cast<double>(characters(text));
}

double widest_label(const std::vector<Tick>& ticks) {
  double widest = 0.0;
  for (const Tick& tick : ticks) widest = std::max(widest, text_width(tick.label));
  return widest;
}

/// As many ticks as leave the labels of the x axis apart.
std::vector<Tick> ticks_for(const Range& range) {
  std::vector<Tick> ticks;
  for (int intervals = 5; intervals >= 2; --intervals) {
    ticks = ticks_in(range, intervals);
    if (static_cast<double>(ticks.size()) * (widest_label(ticks) + 10) <= kPlotSide) break;
  }
  return ticks;
}

std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '&') {
      result += "&amp;";
    } else if (c == '<') {
      result += "&lt;";
    } else if (c == '>') {
      result += "&gt;";
    } else if (c == '"') {
      result += "&quot;";
    } else {
      result += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;  // XML has no control characters.
    }
  }
  return result;
}

/// Pixels with at most two decimals: "12", "12.5", "-0.25".
std::string px(double value) {
  std::string text = fmt::format("{:.2f}", value);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text == "-0" ? "0" : text;
}

std::string legend_name(const ScatterSeries& series) {
  std::size_t count = 0;
  for_each_point(series, [&](double, double) { ++count; });
  return fmt::format("{}{}(n = {})", series.name, series.name.empty() ? "" : " ", count);
}

std::string band_name(double band) {
  return fmt::format("y = x \u00B1 {:.3g} %", 100 * band);
}

/// Draws one scatter from back to front. The frame is the square between the axes.
class Drawing {
 public:
  explicit Drawing(const Scatter& scatter);
  std::string str() &&;

 private:
  double x(double value) const {
    return left_ + kPlotSide * ((value - range_.low) / (range_.high - range_.low));
  }
  double y(double value) const {
    return top_ + kPlotSide * ((range_.high - value) / (range_.high - range_.low));
  }
  double right() const { return left_ + kPlotSide; }
  double bottom() const { return top_ + kPlotSide; }
  double legend_left() const { return right() + 18; }
  double width() const;

  void text(double x, double y, std::string_view attributes, std::string_view text);
  void line(double x1, double y1, double x2, double y2, std::string_view attributes);
  void marker(std::size_t series, double x, double y);
  std::string marker_style(std::size_t series) const;

  void draw_background();
  void draw_band();
  void draw_axes();
  void draw_points();
  void draw_titles();
  void draw_legend();

  const Scatter& scatter_;
  Range range_;
  std::vector<Tick> ticks_;
  double left_;
  double top_;
  std::string svg_;
};

Drawing::Drawing(const Scatter& scatter)
    : scatter_(scatter),
      range_(range_of(scatter.series)),
      ticks_(ticks_for(range_)),
      left_(kMargin + (scatter.y_label.empty() ? 0 : 20) + widest_label(ticks_) + 8),
      top_(kMargin + (scatter.title.empty() ? 0 : 22) + (scatter.subtitle.empty() ? 0 : 20)) {}

double Drawing::width() const {
  double legend = text_width(band_name(scatter_.band));
  for (const ScatterSeries& series : scatter_.series) {
    legend = std::max(legend, text_width(legend_name(series)));
  }
  return kMargin +
         std::max({legend_left() + 24 + legend, left_ + text_width(scatter_.title, kTitleCharWidth),
                   left_ + text_width(scatter_.subtitle)});
}

void Drawing::text(double x, double y, std::string_view attributes, std::string_view text) {
  if (text.empty()) return;
  svg_ +=
      fmt::format("<text x=\"{}\" y=\"{}\"{}>{}</text>\n", px(x), px(y), attributes, escaped(text));
}

void Drawing::line(double x1, double y1, double x2, double y2, std::string_view attributes) {
  svg_ += fmt::format("<path d=\"M{} {}L{} {}\"{}/>\n", px(x1), px(y1), px(x2), px(y2), attributes);
}

std::string Drawing::marker_style(std::size_t series) const {
  // The thin white edge keeps points apart that overlap.
  return fmt::format(" fill=\"{}\" fill-opacity=\"0.8\" stroke=\"#fff\" stroke-width=\"0.5\"",
                     kColours[series % kColours.size()]);
}

void Drawing::marker(std::size_t series, double x, double y) {
  // From the second round of colours on, another shape for each.
  const std::string_view shape = kShapes[(series + series / kColours.size()) % kShapes.size()];
  svg_ += fmt::format("<path d=\"M{} {}{}\"/>\n", px(x), px(y), shape);
}

void Drawing::draw_background() {
  const std::string name = scatter_.title.empty() ? "Scatter plot" : escaped(scatter_.title);
  const double legend_end =
      top_ + kLegendLine * (static_cast<double>(scatter_.series.size()) + 2.5);
  const double height = std::max(bottom() + (scatter_.x_label.empty() ? 18 : 40), legend_end);
  svg_ += fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" "
      "viewBox=\"0 0 {0} {1}\" role=\"img\" aria-label=\"{2}\" "
      "font-family=\"Helvetica, Arial, sans-serif\" font-size=\"12\" fill=\"#222\">\n"
      "<rect width=\"{0}\" height=\"{1}\" fill=\"#fff\"/>\n",
      px(std::ceil(width())), px(std::ceil(height + kMargin)), name);
}

void Drawing::draw_band() {
  if (scatter_.band <= 0.0) return;
  std::vector<double> stops{range_.low, range_.high};
  if (range_.low < 0.0) stops.insert(stops.begin() + 1, std::clamp(0.0, range_.low, range_.high));
  std::string upper;
  std::string lower;
  for (const double stop : stops) {
    const double reach = scatter_.band * std::abs(stop);
    upper += fmt::format("{},{} ", px(x(stop)), px(y(stop + reach)));
    lower.insert(0, fmt::format(" {},{}", px(x(stop)), px(y(stop - reach))));
  }
  // A nested document cuts off what lies outside the frame; a clip path would need an id, which is
  // not unique once two drawings share a page.
  svg_ += fmt::format(
      "<svg x=\"{0}\" y=\"{1}\" width=\"{2}\" height=\"{2}\" viewBox=\"{0} {1} {2} {2}\">"
      "<polygon points=\"{3}{4}\" fill=\"#e3e8ee\"/></svg>\n",
      px(left_), px(top_), px(kPlotSide), upper, lower.substr(1));
}

void Drawing::draw_axes() {
  svg_ += "<g stroke=\"#000\" stroke-opacity=\"0.08\">\n";
  for (const Tick& tick : ticks_) {
    line(x(tick.value), top_, x(tick.value), bottom(), "");
    line(left_, y(tick.value), right(), y(tick.value), "");
  }
  svg_ += "</g>\n";
  line(left_, bottom(), right(), top_, " stroke=\"#555\" stroke-dasharray=\"5 4\"");
  svg_ += fmt::format(
      "<rect x=\"{0}\" y=\"{1}\" width=\"{2}\" height=\"{2}\" fill=\"none\" stroke=\"#444\"/>\n",
      px(left_), px(top_), px(kPlotSide));
  svg_ += "<g text-anchor=\"middle\">\n";
  for (const Tick& tick : ticks_) text(x(tick.value), bottom() + 17, "", tick.label);
  svg_ += "</g>\n<g text-anchor=\"end\">\n";
  for (const Tick& tick : ticks_) text(left_ - 6, y(tick.value) + 4, "", tick.label);
  svg_ += "</g>\n";
}

void Drawing::draw_points() {
  for (std::size_t i = 0; i < scatter_.series.size(); ++i) {
    svg_ += fmt::format("<g{}>\n", marker_style(i));
    for_each_point(scatter_.series[i],
                   [&](double at_x, double at_y) { marker(i, x(at_x), y(at_y)); });
    svg_ += "</g>\n";
  }
}

void Drawing::draw_titles() {
  double baseline = kMargin + 11;
  if (!scatter_.title.empty()) {
    text(left_, baseline, " font-size=\"15\" font-weight=\"bold\"", scatter_.title);
    baseline += 20;
  }
  text(left_, baseline, " fill=\"#555\"", scatter_.subtitle);
  text(left_ + kPlotSide / 2, bottom() + 38, " text-anchor=\"middle\"", scatter_.x_label);
  const double y_x = kMargin + 10;
  const double y_y = top_ + kPlotSide / 2;
  text(y_x, y_y,
       fmt::format(" text-anchor=\"middle\" transform=\"rotate(-90 {} {})\"", px(y_x), px(y_y)),
       scatter_.y_label);
}

void Drawing::draw_legend() {
  const double middle = legend_left() + 8;
  double y = top_ + 10;
  const auto name = [&](std::string_view words) {
    text(legend_left() + 24, y + 4, "", words);
    y += kLegendLine;
  };
  for (std::size_t i = 0; i < scatter_.series.size(); ++i) {
    svg_ += fmt::format("<g{}>\n", marker_style(i));
    marker(i, middle, y);
    svg_ += "</g>\n";
    name(legend_name(scatter_.series[i]));
  }
  line(middle - 8, y, middle + 8, y, " stroke=\"#555\" stroke-dasharray=\"5 4\"");
  name("y = x");
  if (scatter_.band <= 0.0) return;
  svg_ += fmt::format("<rect x=\"{}\" y=\"{}\" width=\"16\" height=\"10\" fill=\"#e3e8ee\"/>\n",
                      px(middle - 8), px(y - 5));
  name(band_name(scatter_.band));
}

std::string Drawing::str() && {
  draw_background();
  draw_band();
  draw_axes();
  draw_points();
  draw_titles();
  draw_legend();
  return std::move(svg_) + "</svg>\n";
}

}  // namespace

std::string to_svg(const Scatter& scatter) {
  for (const ScatterSeries& series : scatter.series) {
    if (series.x.size() != series.y.size()) {
      throw Error(ErrorKind::Internal, fmt::format("scatter series '{}' has {} x and {} y",
                                                   series.name, series.x.size(), series.y.size()));
    }
  }
  if (!(scatter.band >= 0.0 && scatter.band < 1.0)) {
    throw Error(ErrorKind::Internal,
                fmt::format("scatter band must be in [0, 1), got {}", scatter.band));
  }
  return Drawing(scatter).str();
}

}  // namespace hsconas
