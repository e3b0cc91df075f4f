#include "hsconas/report/plot.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "axis.hpp"
#include "hsconas/base/error.hpp"
#include "plot_points.hpp"
#include "svg.hpp"

namespace hsconas {

namespace {

// Pixels.
constexpr double kSquareSide = 360;
constexpr double kWideWidth = 620;
constexpr double kWideHeight = 300;
constexpr double kLegendLine = 20;
constexpr double kLegendMark = 24;       ///< Distance from the marker's left edge to its name.
constexpr double kTitleCharWidth = 9.6;  ///< Width of a bold character at 15 px.

/// Shapes of markers as paths relative to their centre; their areas are about equal.
constexpr std::array<std::string_view, 7> kShapes{
    "m-3.6 0a3.6 3.6 0 1 0 7.2 0a3.6 3.6 0 1 0 -7.2 0z",        // circle
    "m-3.2 -3.2h6.4v6.4h-6.4z",                                 // square
    "m0 -4.6l4.3 7.4h-8.6z",                                    // triangle
    "m0 -4.7l4.7 4.7l-4.7 4.7l-4.7 -4.7z",                      // diamond
    "m0 4.6l4.3 -7.4h-8.6z",                                    // triangle, tip down
    "m-1.4 -4.4h2.8v3h3v2.8h-3v3h-2.8v-3h-3v-2.8h3z",           // plus
    "m0 -2l2.3 -2.3l2 2l-2.3 2.3l2.3 2.3l-2 2l-2.3 -2.3l-2.3 "  // cross
    "2.3l-2 -2l2.3 -2.3l-2.3 -2.3l2 -2z"};
constexpr std::string_view kRing = "m-7.5 0a7.5 7.5 0 1 0 15 0a7.5 7.5 0 1 0 -15 0z";

/// Dash patterns of Plot::lines, in order.
constexpr std::array<std::string_view, 4> kDashes{"7 4", "2 3", "9 3 2 3", "1 5"};
constexpr std::string_view kDiagonal = " class=\"rule\" stroke=\"#555\" stroke-dasharray=\"5 4\"";

bool has_line(const PlotSeries& series) {
  return series.mark == Mark::Line || series.mark == Mark::LineAndPoints;
}

std::string legend_name(const PlotSeries& series) {
  if (has_line(series) || series.mark == Mark::Ring) return series.name;
  std::size_t count = 0;
  for_each_point(series, [&](double, double, std::string_view) { ++count; });
  return fmt::format("{}{}(n = {})", series.name, series.name.empty() ? "" : " ", count);
}

std::string band_name(double band) {
  return fmt::format("y = x \u00B1 {:.3g} %", 100 * band);
}

/// Draws one plot from back to front. The frame is the area between the axes.
class Drawing {
 public:
  explicit Drawing(const Plot& plot);
  std::string str() &&;

 private:
  /// An entry of the legend.
  struct Key {
    std::string name;
    std::string sample;
    int series = -1;  ///< Index of its series; -1 for lines, the diagonal and the band.
    double x = 0.0, y = 0.0;
  };

  double x(double value) const {
    return left_ + width_ * ((value - range_.x.low) / (range_.x.high - range_.x.low));
  }
  double y(double value) const {
    return top_ + height_ * ((range_.y.high - value) / (range_.y.high - range_.y.low));
  }
  double right() const { return left_ + width_; }
  double bottom() const { return top_ + height_; }
  std::size_t look(std::size_t series) const {
    const int look = plot_.series[series].look;
    return look < 0 ? series : static_cast<std::size_t>(look);
  }
  std::string_view colour(std::size_t series) const {
    return kColours[look(series) % kColours.size()];
  }

  std::string marker(std::size_t series, double x, double y, std::string_view note) const;
  std::string marker_style(std::size_t series) const;
  std::string line_style(std::size_t series) const;
  std::string rule_style(std::size_t line) const;

  std::string sample_of(std::size_t series, double x, double y) const;
  void place_legend();
  double total_width() const;
  double total_height() const;

  void draw_band();
  void draw_axes();
  void draw_lines();
  void draw_series();
  void draw_titles();
  void draw_legend();

  const Plot& plot_;
  PlotRanges range_;
  double width_, height_;
  std::vector<Tick> x_ticks_, y_ticks_;
  double left_;
  double top_;
  std::vector<Key> legend_;
  std::string svg_;
};

Drawing::Drawing(const Plot& plot)
    : plot_(plot),
      range_(ranges_of(plot)),
      width_(plot.is_square ? kSquareSide : kWideWidth),
      height_(plot.is_square ? kSquareSide : kWideHeight),
      x_ticks_(ticks_for(range_.x, width_, true, plot.has_whole_x)),
      y_ticks_(plot.is_square ? x_ticks_ : ticks_for(range_.y, height_, false)),
      left_(kMargin + (plot.y_label.empty() ? 0 : 20) + widest_label(y_ticks_) + 8),
      top_(kMargin + (plot.title.empty() ? 0 : 22) + (plot.subtitle.empty() ? 0 : 20)) {
  place_legend();
}

std::string Drawing::marker_style(std::size_t series) const {
  if (plot_.series[series].mark == Mark::Ring) {
    return fmt::format(" stroke=\"{}\" stroke-width=\"2.5\" fill=\"none\"", colour(series));
  }
  // A thin white edge separates overlapping points.
  const bool is_faint = plot_.series[series].mark == Mark::Faint;
  return fmt::format(" fill=\"{}\" fill-opacity=\"{}\" stroke=\"#fff\" stroke-width=\"0.5\"",
                     colour(series), is_faint ? "0.35" : "0.8");
}

std::string Drawing::line_style(std::size_t series) const {
  return fmt::format(" fill=\"none\" stroke=\"{}\" stroke-width=\"1.8\" stroke-linejoin=\"round\"",
                     colour(series));
}

std::string Drawing::rule_style(std::size_t line) const {
  return fmt::format(" class=\"rule\" stroke=\"#555\" stroke-width=\"1.4\" stroke-dasharray=\"{}\"",
                     kDashes[line % kDashes.size()]);
}

std::string Drawing::marker(std::size_t series, double x, double y, std::string_view note) const {
  // When colours repeat, they are combined with other shapes.
  const std::size_t look = this->look(series);
  const std::string_view shape = plot_.series[series].mark == Mark::Ring
                                     ? kRing
                                     : kShapes[(look + look / kColours.size()) % kShapes.size()];
  const std::string path = fmt::format("<path d=\"M{} {}{}\"", px(x), px(y), shape);
  return note.empty() ? path + "/>\n"
                      : fmt::format("{}><title>{}</title></path>\n", path, escaped(note, true));
}

std::string Drawing::sample_of(std::size_t series, double x, double y) const {
  std::string sample;
  if (has_line(plot_.series[series])) {
    sample += svg_line(x - 9, y, x + 9, y, line_style(series));
  }
  if (plot_.series[series].mark != Mark::Line) {
    sample += fmt::format("<g{}>\n{}</g>\n", marker_style(series), marker(series, x, y, ""));
  }
  return sample;
}

/// Places the legend to the right of a square plot, and in rows below a wide plot.
void Drawing::place_legend() {
  const double first_x = plot_.is_square ? right() + 18 : left_;
  double x = first_x;
  double y = plot_.is_square ? top_ + 10 : bottom() + (plot_.x_label.empty() ? 18 : 40) + 20;
  const auto place = [&](std::string name, int series, const auto& draw) {
    const double needed = kLegendMark + text_width(name) + 16;
    if (!plot_.is_square && x > first_x && x + needed > right() + kMargin) {
      x = first_x;
      y += kLegendLine;
    }
    legend_.push_back({std::move(name), draw(x + 8, y), series, x, y});
    if (plot_.is_square) {
      y += kLegendLine;
    } else {
      x += needed;
    }
  };
  for (std::size_t i = 0; i < plot_.series.size(); ++i) {
    if (plot_.series[i].mark == Mark::Ring && plot_.series[i].name.empty()) continue;
    place(legend_name(plot_.series[i]), static_cast<int>(i),
          [&](double at_x, double at_y) { return sample_of(i, at_x, at_y); });
  }
  for (std::size_t i = 0; i < plot_.lines.size(); ++i) {
    place(plot_.lines[i].name, -1, [&](double at_x, double at_y) {
      return svg_line(at_x - 9, at_y, at_x + 9, at_y, rule_style(i));
    });
  }
  if (!plot_.is_square) return;
  place("y = x", -1, [](double at_x, double at_y) {
    return svg_line(at_x - 8, at_y, at_x + 8, at_y, kDiagonal);
  });
  if (plot_.band <= 0.0) return;
  place(band_name(plot_.band), -1, [](double at_x, double at_y) {
    return fmt::format(
        "<rect class=\"band\" x=\"{}\" y=\"{}\" width=\"16\" height=\"10\" fill=\"#e3e8ee\"/>\n",
        px(at_x - 8), px(at_y - 5));
  });
}

double Drawing::total_width() const {
  double end = std::max({right(), left_ + text_width(plot_.title, kTitleCharWidth),
                         left_ + text_width(plot_.subtitle)});
  for (const Tick& tick : x_ticks_) {  // A label at the right end reaches beyond the frame.
    end = std::max(end, x(tick.value) + text_width(tick.label) / 2);
  }
  for (const Key& key : legend_) {
    end = std::max(end, key.x + kLegendMark + text_width(key.name));
  }
  return kMargin + end;
}

double Drawing::total_height() const {
  double end = bottom() + (plot_.x_label.empty() ? 18 : 40);
  if (!legend_.empty()) end = std::max(end, legend_.back().y + 10);
  return std::ceil(end + kMargin);
}

void Drawing::draw_band() {
  if (!plot_.is_square || plot_.band <= 0.0) return;
  std::vector<double> stops{range_.x.low, range_.x.high};
  if (range_.x.low < 0.0) {
    stops.insert(stops.begin() + 1, std::clamp(0.0, range_.x.low, range_.x.high));
  }
  std::string upper;
  std::string lower;
  for (const double stop : stops) {
    const double reach = plot_.band * std::abs(stop);
    upper += fmt::format("{},{} ", px(x(stop)), px(y(stop + reach)));
    lower.insert(0, fmt::format(" {},{}", px(x(stop)), px(y(stop - reach))));
  }
  // A nested document clips the band at the frame. A clip path would need an id, which would not be
  // unique when two plots share a page.
  svg_ += fmt::format(
      "<svg x=\"{0}\" y=\"{1}\" width=\"{2}\" height=\"{2}\" viewBox=\"{0} {1} {2} {2}\">"
      "<polygon class=\"band\" points=\"{3}{4}\" fill=\"#e3e8ee\"/></svg>\n",
      px(left_), px(top_), px(kSquareSide), upper, lower.substr(1));
}

void Drawing::draw_axes() {
  svg_ += "<g class=\"grid\" stroke=\"#000\" stroke-opacity=\"0.08\">\n";
  for (const Tick& tick : x_ticks_) {
    svg_ += svg_line(x(tick.value), top_, x(tick.value), bottom(), "");
  }
  for (const Tick& tick : y_ticks_) {
    svg_ += svg_line(left_, y(tick.value), right(), y(tick.value), "");
  }
  svg_ += "</g>\n";
  if (plot_.is_square) svg_ += svg_line(left_, bottom(), right(), top_, kDiagonal);
  svg_ += fmt::format(
      "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"none\" stroke=\"#444\" "
      "class=\"rule\"/>\n",
      px(left_), px(top_), px(width_), px(height_));
  svg_ += "<g text-anchor=\"middle\">\n";
  for (const Tick& tick : x_ticks_) {
    svg_ += svg_text(x(tick.value), bottom() + 17, "", tick.label);
  }
  svg_ += "</g>\n<g text-anchor=\"end\">\n";
  for (const Tick& tick : y_ticks_) svg_ += svg_text(left_ - 6, y(tick.value) + 4, "", tick.label);
  svg_ += "</g>\n";
}

void Drawing::draw_lines() {
  for (std::size_t i = 0; i < plot_.lines.size(); ++i) {
    const PlotLine& line = plot_.lines[i];
    if (!is_drawable(line.at, 0.0)) continue;
    svg_ += line.is_vertical ? svg_line(x(line.at), top_, x(line.at), bottom(), rule_style(i))
                             : svg_line(left_, y(line.at), right(), y(line.at), rule_style(i));
  }
}

void Drawing::draw_series() {
  for (std::size_t i = 0; i < plot_.series.size(); ++i) {
    const PlotSeries& series = plot_.series[i];
    if (has_line(series)) {
      std::string path;
      for_each_point(series, [&](double at_x, double at_y, std::string_view) {
        path += fmt::format("{}{} {}", path.empty() ? "M" : "L", px(x(at_x)), px(y(at_y)));
      });
      svg_ += fmt::format("<g{} class=\"series look-{}\" data-series=\"{}\">\n", line_style(i),
                          look(i) % kColours.size(), i);
      if (!path.empty()) svg_ += fmt::format("<path d=\"{}\"/>\n", path);
      svg_ += "</g>\n";
    }
    if (series.mark == Mark::Line) continue;
    svg_ += fmt::format("<g{} class=\"series look-{}\" data-series=\"{}\">\n", marker_style(i),
                        look(i) % kColours.size(), i);
    for_each_point(series, [&](double at_x, double at_y, std::string_view note) {
      svg_ += marker(i, x(at_x), y(at_y), note);
    });
    svg_ += "</g>\n";
  }
}

void Drawing::draw_titles() {
  double baseline = kMargin + 11;
  if (!plot_.title.empty()) {
    svg_ += svg_text(left_, baseline, " font-size=\"15\" font-weight=\"bold\"", plot_.title);
    baseline += 20;
  }
  svg_ += svg_text(left_, baseline, " class=\"dim\" fill=\"#555\"", plot_.subtitle);
  svg_ += svg_text(left_ + width_ / 2, bottom() + 38, " class=\"label\" text-anchor=\"middle\"",
                   plot_.x_label);
  const double y_x = kMargin + 10;
  const double y_y = top_ + height_ / 2;
  svg_ += svg_text(
      y_x, y_y,
      fmt::format(" class=\"label\" text-anchor=\"middle\" transform=\"rotate(-90 {} {})\"",
                  px(y_x), px(y_y)),
      plot_.y_label);
}

void Drawing::draw_legend() {
  for (const Key& key : legend_) {
    if (key.series >= 0) {
      svg_ += fmt::format("<g class=\"key look-{}\" data-series=\"{}\">\n",
                          look(static_cast<std::size_t>(key.series)) % kColours.size(), key.series);
    }
    svg_ += key.sample + svg_text(key.x + kLegendMark, key.y + 4, "", key.name);
    if (key.series >= 0) svg_ += "</g>\n";
  }
}

std::string Drawing::str() && {
  svg_ = svg_head("plot", total_width(), total_height(),
                  plot_.title.empty() ? "Plot" : std::string_view(plot_.title));
  draw_band();
  draw_axes();
  draw_lines();
  draw_series();
  draw_titles();
  draw_legend();
  return std::move(svg_) + "</svg>\n";
}

}  // namespace

std::string to_svg(const Plot& plot) {
  for (const PlotSeries& series : plot.series) {
    if (series.x.size() != series.y.size()) {
      throw Error(ErrorKind::Internal, fmt::format("plot series '{}' has {} x and {} y",
                                                   series.name, series.x.size(), series.y.size()));
    }
    if (!series.notes.empty() && series.notes.size() != series.x.size()) {
      throw Error(ErrorKind::Internal,
                  fmt::format("plot series '{}' has {} points and {} notes", series.name,
                              series.x.size(), series.notes.size()));
    }
  }
  if (!(plot.band >= 0.0 && plot.band < 1.0)) {
    throw Error(ErrorKind::Internal, fmt::format("plot band must be in [0, 1), got {}", plot.band));
  }
  return Drawing(plot).str();
}

}  // namespace hsconas
