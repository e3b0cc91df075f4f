#include "hsconas/report/heat_map.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <string_view>

#include <fmt/format.h>

#include "hsconas/base/error.hpp"
#include "svg.hpp"

namespace hsconas {

namespace {

// Pixels.
constexpr double kLargestSide = 640;
constexpr double kLargestCell = 48;
constexpr double kSmallestLabelled = 9;  ///< Rows below this height get no label.
constexpr double kScaleWidth = 16;
constexpr double kCharWidth = 6.2;  ///< Mean width of a character in a wide font at 10 px.

/// Colours from light to dark. They differ in lightness, so colour-blind readers can read them too.
constexpr std::array<std::array<double, 3>, 3> kScaleColours{
    {{255, 245, 214}, {86, 160, 196}, {8, 48, 107}}};

std::string colour_of(double share) {
  const double at = std::clamp(share, 0.0, 1.0) * (kScaleColours.size() - 1);
  const auto first = std::min(static_cast<std::size_t>(at), kScaleColours.size() - 2);
  const double mix = at - static_cast<double>(first);
  std::array<int, 3> rgb{};
  for (std::size_t i = 0; i < rgb.size(); ++i) {
    rgb[i] = static_cast<int>(std::lround(
        kScaleColours[first][i] + mix * (kScaleColours[first + 1][i] - kScaleColours[first][i])));
  }
  return fmt::format("#{:02x}{:02x}{:02x}", rgb[0], rgb[1], rgb[2]);
}

class Drawing {
 public:
  explicit Drawing(const HeatMap& map)
      : map_(map),
        count_(static_cast<double>(map.labels.size())),
        cell_(std::min(kLargestCell, kLargestSide / std::max(count_, 1.0))) {
    std::size_t longest = 0;
    for (const std::string& label : map.labels) longest = std::max(longest, label.size());
    left_ = kMargin + (cell_ >= kSmallestLabelled ? static_cast<double>(longest) * kCharWidth : 0);
  }

  std::string str() {
    const double width = left_ + count_ * cell_ + 3 * kMargin + kScaleWidth + 40;
    const double height = kTop + std::max(count_ * cell_, 60.0) + kMargin;
    svg_ = fmt::format(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0:.0f}\" height=\"{1:.0f}\" "
        "viewBox=\"0 0 {0:.0f} {1:.0f}\" role=\"img\" aria-label=\"{2}\" "
        "font-family=\"Helvetica, Arial, sans-serif\" font-size=\"10\" fill=\"#222\" "
        "shape-rendering=\"crispEdges\">\n"
        "<rect width=\"{0:.0f}\" height=\"{1:.0f}\" fill=\"#fff\"/>\n",
        std::ceil(width), std::ceil(height), escaped(map_.title));
    svg_ += fmt::format(
        "<text x=\"{0}\" y=\"24\" font-size=\"15\" font-weight=\"bold\">{1}</text>\n"
        "<text x=\"{0}\" y=\"42\" font-size=\"12\" fill=\"#555\">{2}</text>\n",
        kMargin, escaped(map_.title), escaped(map_.subtitle));
    draw_cells();
    draw_scale();
    return svg_ + "</svg>\n";
  }

 private:
  static constexpr double kTop = 56;

  double share(double value) const { return (value - map_.low) / (map_.high - map_.low); }

  void draw_cells() {
    const std::size_t size = map_.labels.size();
    for (std::size_t row = 0; row < size; ++row) {
      const double y = kTop + static_cast<double>(row) * cell_;
      if (cell_ >= kSmallestLabelled) {
        svg_ += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"end\">{}</text>\n",
                            left_ - 4, y + cell_ / 2 + 3.5, escaped(map_.labels[row]));
      }
      for (std::size_t column = 0; column < size; ++column) {
        draw_cell(row, column, left_ + static_cast<double>(column) * cell_, y);
      }
    }
  }

  void draw_cell(std::size_t row, std::size_t column, double x, double y) {
    const double value = map_.values[row * map_.labels.size() + column];
    const bool known = std::isfinite(value);
    svg_ += fmt::format(
        "<rect x=\"{0:.1f}\" y=\"{1:.1f}\" width=\"{2:.1f}\" height=\"{2:.1f}\" fill=\"{3}\">"
        "<title>{4}, {5}: {6}</title></rect>\n",
        x, y, cell_, known ? colour_of(share(value)) : "#ccc", escaped(map_.labels[row]),
        escaped(map_.labels[column]), known ? fmt::format("{:.4f}", value) : "no value");
    if (cell_ < kLargestCell * 0.6 || !known) return;
    svg_ += fmt::format(
        "<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\" fill=\"{}\">{:.2f}</text>\n",
        x + cell_ / 2, y + cell_ / 2 + 3.5, share(value) > 0.55 ? "#fff" : "#222", value);
  }

  void draw_scale() {
    constexpr int kSteps = 32;
    const double x = left_ + count_ * cell_ + kMargin;
    const double height = std::max(count_ * cell_, 60.0);
    for (int i = 0; i < kSteps; ++i) {
      svg_ += fmt::format(
          "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{}\" height=\"{:.1f}\" fill=\"{}\"/>\n", x,
          kTop + height * i / kSteps, kScaleWidth, height / kSteps + 0.5,
          colour_of(1.0 - (i + 0.5) / kSteps));
    }
    for (const double part : {0.0, 0.5, 1.0}) {
      svg_ += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\">{:.3g}</text>\n", x + kScaleWidth + 4,
                          kTop + height * (1.0 - part) +
                              (part == 1.0   ? 9.0
                               : part == 0.0 ? 0.0
                                             : 3.5),
                          map_.low + part * (map_.high - map_.low));
    }
  }

  const HeatMap& map_;
  double count_;
  double cell_;
  double left_ = 0.0;
  std::string svg_;
};

}  // namespace

std::string to_svg(const HeatMap& map) {
  if (map.values.size() != map.labels.size() * map.labels.size()) {
    throw Error(ErrorKind::Internal, fmt::format("a heat map of {} labels has {} values",
                                                 map.labels.size(), map.values.size()));
  }
  if (!(map.low < map.high)) {
    throw Error(ErrorKind::Internal, "a heat map's range is empty");
  }
  return Drawing(map).str();
}

}  // namespace hsconas
