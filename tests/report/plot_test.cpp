#include "hsconas/report/plot.hpp"

#include <cmath>
#include <limits>
#include <regex>
#include <set>
#include <utility>

#include "catch.hpp"
#include "hsconas/base/files.hpp"
#include "hsconas/base/rng.hpp"
#include "support/errors.hpp"
#include "support/spaces.hpp"

using namespace hsconas;

namespace {

/// Two series around the diagonal, and texts with characters that XML must escape.
Plot example_plot() {
  Plot plot{.title = "Latency predicted & measured",
            .subtitle = "40 networks, batch < 2, \u00B1 10 %",
            .x_label = "measured latency (ms)",
            .y_label = "predicted latency (ms)",
            .series = {{"sum of layers", {}, {}}, {"sum + bias", {}, {}}},
            .is_square = true,
            .band = 0.1};
  Rng rng(1, "scatter-test");
  for (int i = 0; i < 40; ++i) {
    const double ms = rng.uniform(8.0, 34.0);
    const double noise = 0.03 * rng.normal();
    for (auto& series : plot.series) series.x.push_back(ms);
    plot.series[0].y.push_back(0.86 * ms * (1.0 + noise));
    plot.series[1].y.push_back(ms * (1.0 + noise));
  }
  return plot;
}

Plot of_points(std::vector<double> x, std::vector<double> y) {
  return {.series = {{"s", std::move(x), std::move(y)}}, .is_square = true};
}

struct Pixel {
  double x = 0.0;
  double y = 0.0;
};

/// The groups of every match of `pattern` in `text`, in order.
std::vector<std::vector<std::string>> matches(const std::string& text, const std::string& pattern) {
  std::vector<std::vector<std::string>> found;
  const std::regex regex(pattern);
  for (std::sregex_iterator it(text.begin(), text.end(), regex), end; it != end; ++it) {
    std::vector<std::string> groups;
    for (std::size_t i = 1; i < it->size(); ++i) groups.push_back((*it)[i].str());
    found.push_back(groups);
  }
  return found;
}

/// The centres of all markers; those of the legend come last.
std::vector<Pixel> markers(const std::string& svg) {
  std::vector<Pixel> pixels;
  for (const auto& at : matches(svg, R"(<path d="M([-\d.]+) ([-\d.]+)m)")) {
    pixels.push_back({std::stod(at[0]), std::stod(at[1])});
  }
  return pixels;
}

/// The area between the axes.
struct Frame {
  double left = 0.0;
  double top = 0.0;
  double width = 0.0;
  double height = 0.0;

  bool has(Pixel p) const {
    return p.x >= left && p.x <= left + width && p.y >= top && p.y <= top + height;
  }
};

Frame frame_of(const std::string& svg) {
  const auto found = matches(
      svg,
      R"re(<rect x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)" fill="none" stroke="#444")re");
  REQUIRE(found.size() == 1);
  return {std::stod(found[0][0]), std::stod(found[0][1]), std::stod(found[0][2]),
          std::stod(found[0][3])};
}

struct Label {
  double at = 0.0;  ///< Pixel along the axis.
  double value = 0.0;
};

std::vector<Label> labels(const std::string& svg, const std::string& anchor, bool along_x) {
  const auto group =
      matches(svg, "<g text-anchor=\"" + anchor + "\">\n((?:<text[^>]*>[^<]*</text>\n)*)</g>");
  REQUIRE(group.size() == 1);
  std::vector<Label> result;
  for (const auto& at :
       matches(group[0][0], R"re(<text x="([-\d.]+)" y="([-\d.]+)">([^<]*)</text>)re")) {
    result.push_back({std::stod(at[along_x ? 0 : 1]), std::stod(at[2])});
  }
  return result;
}

/// Fails unless all tags are closed in order and all texts are escaped.
void check_well_formed_svg(const std::string& svg) {
  const std::regex tag(R"(<(/?)([a-z]+)((?: [a-zA-Z-]+="[^"<]*")*)(/?)>)");
  const std::regex bare(R"([<>]|&(?!(amp|lt|gt|quot);))");
  std::vector<std::string> open;
  std::size_t end = 0;
  for (std::sregex_iterator it(svg.begin(), svg.end(), tag), none; it != none; ++it) {
    const auto start = static_cast<std::size_t>(it->position());
    CHECK_FALSE(std::regex_search(svg.substr(end, start - end), bare));
    CHECK_FALSE(std::regex_search((*it)[3].str(), bare));
    end = start + static_cast<std::size_t>(it->length());
    if ((*it)[1].length() > 0) {
      REQUIRE_FALSE(open.empty());
      CHECK(open.back() == (*it)[2].str());
      open.pop_back();
    } else if ((*it)[4].length() == 0) {
      open.push_back((*it)[2].str());
    }
  }
  CHECK(open.empty());
  CHECK(svg.substr(end) == "\n");
  CHECK_FALSE(contains(svg, "nan"));
  CHECK_FALSE(contains(svg, "inf"));
  CHECK_FALSE(contains(svg, "script"));
}

void check_ticks(const std::vector<Label>& ticks, bool upwards) {
  REQUIRE(ticks.size() >= 2);
  const double step = ticks[1].value - ticks[0].value;
  const double mantissa = step / std::pow(10.0, std::floor(std::log10(step * (1 + 1e-6))));
  CAPTURE(step, mantissa);
  CHECK((mantissa == Approx(1) || mantissa == Approx(2) || mantissa == Approx(5)));
  for (std::size_t i = 1; i < ticks.size(); ++i) {
    CHECK(ticks[i].value - ticks[i - 1].value == Approx(step).epsilon(1e-6));
    CHECK((upwards ? ticks[i - 1].at - ticks[i].at : ticks[i].at - ticks[i - 1].at) > 25);
  }
}

/// Checks the properties that every plot must have.
void check_sound(const Plot& plot) {
  const std::string svg = to_svg(plot);
  CAPTURE(svg);
  check_well_formed_svg(svg);
  const Frame frame = frame_of(svg);
  const std::vector<Label> x = labels(svg, "middle", true);
  const std::vector<Label> y = labels(svg, "end", false);
  check_ticks(x, false);
  check_ticks(y, true);
  if (plot.is_square) {
    CHECK(x.size() == y.size());
    CHECK(frame.width == frame.height);
  }
  const std::vector<Pixel> all = markers(svg);
  const double x_pixels = (x[1].at - x[0].at) / (x[1].value - x[0].value);
  const double y_pixels = (y[0].at - y[1].at) / (y[1].value - y[0].value);
  std::size_t next = 0;
  for (const PlotSeries& series : plot.series) {
    for (std::size_t i = 0; i < series.x.size(); ++i) {
      if (!std::isfinite(series.x[i]) || !std::isfinite(series.y[i])) continue;
      REQUIRE(next < all.size());
      CHECK(frame.has(all[next]));
      // The point is at the place that the axis labels imply.
      CHECK(all[next].x == Approx(x[0].at + (series.x[i] - x[0].value) * x_pixels).margin(0.1));
      CHECK(all[next].y == Approx(y[0].at - 4 - (series.y[i] - y[0].value) * y_pixels).margin(0.1));
      ++next;
    }
  }
  CHECK(all.size() == next + plot.series.size());
}

}  // namespace

TEST_CASE("a square plot equals its golden file", "[report]") {
  CHECK(to_svg(example_plot()) ==
        read_file(source_folder() / "tests" / "golden" / "plot_square.svg"));
  check_sound(example_plot());
}

TEST_CASE("points are inside the frame and agree with the axis labels, at any range", "[report]") {
  for (std::uint64_t round = 0; round < 60; ++round) {
    Rng rng(1, "scatter-test", round);
    const double scale = std::pow(10.0, rng.uniform(-12.0, 12.0));
    const double offset = rng.chance(0.3) ? rng.uniform(-2.0, 30.0) : 0.0;
    Plot plot{.x_label = "x", .y_label = "y", .series = {}, .is_square = rng.chance(0.5)};
    plot.series.resize(1 + rng.index(3));
    plot.band = rng.chance(0.5) ? rng.uniform(0.0, 0.99) : 0.0;
    for (auto& series : plot.series) {
      for (std::uint64_t left = rng.below(20); left > 0; --left) {
        series.x.push_back(scale * (offset + rng.uniform()));
        series.y.push_back(scale * (offset + rng.uniform()));
      }
    }
    CAPTURE(round);
    check_sound(plot);
  }
}

TEST_CASE("plots of a single point, of equal points and of no points are sound", "[report]") {
  for (const double value : {0.0, 1.0, -3.0, 0.1, 12345.678, 1e-300, 1e-9, 1e9, -1e300, 1e300}) {
    CAPTURE(value);
    check_sound(of_points({value}, {value}));
    check_sound(of_points({value, value, value}, {value, value, value}));
  }
  check_sound(of_points({1.0, 1.0 + 1e-12}, {1.0, 1.0}));
  check_sound(of_points({0.0, 1e-320}, {0.0, 0.0}));
  check_sound(of_points({-1e300, 1e300}, {1e300, 0.0}));
  check_sound(of_points({0.001, 1e6}, {0.002, 1e6}));
  check_sound(of_points({}, {}));
  check_sound(Plot{});
}

TEST_CASE("axes of positive values do not go below zero", "[report]") {
  for (const Label& label : labels(to_svg(of_points({0.01, 10}, {0.02, 9})), "middle", true)) {
    CHECK(label.value >= 0.0);
  }
}

TEST_CASE("points that are not finite are left out and not counted", "[report]") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double inf = std::numeric_limits<double>::infinity();
  const Plot plot = of_points({1, nan, 2, inf, 3}, {1, 1, -inf, 2, 3});
  check_sound(plot);
  CHECK(contains(to_svg(plot), ">s (n = 2)<"));
  check_sound(of_points({nan}, {1}));
  CHECK(contains(to_svg(of_points({nan}, {1})), ">s (n = 0)<"));
}

TEST_CASE("texts are escaped, and control characters become blanks", "[report]") {
  Plot plot = of_points({1}, {2});
  plot.title = "<a href=\"x\">&amp;";
  plot.subtitle = "</text><script>";
  plot.x_label = "a\nb\x01";
  plot.series[0].name = "R&D \u00B5s";
  const std::string svg = to_svg(plot);
  CHECK(contains(svg, ">&lt;a href=&quot;x&quot;&gt;&amp;amp;</text>"));
  CHECK(contains(svg, ">&lt;/text&gt;&lt;script&gt;</text>"));
  CHECK(contains(svg, ">a b </text>"));
  CHECK(contains(svg, ">R&amp;D \u00B5s (n = 1)</text>"));
  plot.subtitle.clear();
  check_sound(plot);
}

TEST_CASE("49 series differ in colour or shape, the first seven in both", "[report]") {
  Plot plot{.is_square = true};
  for (int i = 0; i < 49; ++i) plot.series.push_back({"", {1.0}, {1.0}});
  std::set<std::string> colours;
  std::set<std::string> shapes;
  std::set<std::string> looks;
  // Every series is drawn once in the plot and once in the legend.
  const auto found =
      matches(to_svg(plot), "<g fill=\"(#[^\"]*)\"[^>]*>\n<path d=\"M[-\\d.]+ [-\\d.]+(m[^\"]*)");
  REQUIRE(found.size() == 98);
  for (std::size_t i = 0; i < 49; ++i) {
    CHECK(found[i] == found[i + 49]);
    looks.insert(found[i][0] + found[i][1]);
    if (i >= 7) continue;
    colours.insert(found[i][0]);
    shapes.insert(found[i][1]);
  }
  CHECK(colours.size() == 7);
  CHECK(shapes.size() == 7);
  CHECK(looks.size() == 49);
}

TEST_CASE("the band is drawn and named only when asked for", "[report]") {
  Plot plot = of_points({10, 20}, {11, 19});
  CHECK_FALSE(contains(to_svg(plot), "polygon"));
  CHECK_FALSE(contains(to_svg(plot), "%"));
  plot.band = 0.125;
  CHECK(contains(to_svg(plot), "polygon"));
  CHECK(contains(to_svg(plot), ">y = x \u00B1 12.5 %<"));
}

TEST_CASE("different numbers of x and y, or a band out of range, are internal errors", "[report]") {
  CHECK(error_of([] {
          to_svg(of_points({1, 2}, {1}));
        }) == "internal: plot series 's' has 2 x and 1 y");
  for (const double band : {-0.1, 1.0, std::numeric_limits<double>::quiet_NaN()}) {
    CHECK(contains(error_of([&] { to_svg(Plot{.band = band}); }),
                   "internal: plot band must be in [0, 1), got "));
  }
}

TEST_CASE("a wide plot has independent axes", "[report]") {
  Plot plot{.x_label = "ms", .y_label = "%", .series = {{"s", {1, 2}, {1000, 3000}}}};
  const std::string svg = to_svg(plot);
  check_sound(plot);
  const Frame frame = frame_of(svg);
  CHECK(frame.width > 1.5 * frame.height);
  CHECK(labels(svg, "middle", true).back().value < 3);
  CHECK(labels(svg, "end", false).back().value > 1000);
  CHECK_FALSE(contains(svg, "y = x"));
}

TEST_CASE("lines cross the whole plot, widen the axes and are in the legend", "[report]") {
  Plot plot{.series = {{"s", {1, 2}, {1, 2}}},
            .lines = {{.name = "T = 4 ms", .at = 4}, {"best", 8, false}, {"lost", NAN, true}}};
  const std::string svg = to_svg(plot);
  check_sound(plot);
  for (const char* name : {">T = 4 ms<", ">best<"}) CHECK(contains(svg, name));
  CHECK(labels(svg, "middle", true).back().value >= 4);
  CHECK(labels(svg, "end", false).back().value >= 8);
  // Two lines are in the plot, three in the legend.
  CHECK(matches(svg, R"re((<path d="M[^"]*" class="rule" [^>]*dasharray))re").size() == 5);
}

TEST_CASE("with has_whole_x all ticks are whole numbers", "[report]") {
  for (const double most : {1.0, 2.0, 3.0, 7.0, 20.0, 3000.0}) {
    Plot plot{.series = {{"s", {0, most}, {0, 1}}}, .has_whole_x = true};
    for (const Label& label : labels(to_svg(plot), "middle", true)) {
      CHECK(label.value == std::round(label.value));
    }
  }
}

TEST_CASE("a note becomes the escaped title of its point and keeps its line ends", "[report]") {
  Plot plot{.series = {{.name = "s", .x = {1, NAN}, .y = {2, 1}, .notes = {"<b>\n&", "lost"}}}};
  const std::string svg = to_svg(plot);
  CHECK(contains(svg, "<title>&lt;b&gt;\n&amp;</title></path>"));
  CHECK_FALSE(contains(svg, "lost"));
  plot.series[0].notes = {"one"};
  CHECK(error_of([&] { to_svg(plot); }) == "internal: plot series 's' has 2 points and 1 notes");
}

TEST_CASE("series are drawn as points, lines or both, with their index as data-series",
          "[report]") {
  const auto drawn = [](Mark mark, const std::string& name) {
    const std::string svg =
        to_svg({.series = {{.name = name, .x = {1, 2, 3}, .y = {1, 3, 2}, .mark = mark}}});
    check_well_formed_svg(svg);
    return std::pair(markers(svg).size(),
                     matches(svg, R"re((data-series="0">\n<path d="M[^Lm"]+L[^Lm"]+L))re").size());
  };
  using Counts = std::pair<std::size_t, std::size_t>;  // Markers (one in the legend), polylines.
  CHECK(drawn(Mark::Points, "s") == Counts{4, 0});
  CHECK(drawn(Mark::Faint, "s") == Counts{4, 0});
  CHECK(drawn(Mark::Ring, "s") == Counts{4, 0});
  CHECK(drawn(Mark::Ring, "") == Counts{3, 0});
  CHECK(drawn(Mark::Line, "s") == Counts{0, 1});
  CHECK(drawn(Mark::LineAndPoints, "s") == Counts{4, 1});
}

TEST_CASE("the labels of the x axis are inside the document, also at its end", "[report]") {
  constexpr double kHalfADigit = 3.5;  // Labels are centred on their ticks.
  for (const bool is_square : {false, true}) {
    for (double high = 0.1; high < 1000.0; high *= 1.02) {
      const std::string svg = to_svg({.x_label = "ms",
                                      .y_label = "%",
                                      .series = {{"s", {0.9 * high, high}, {1, 2}}},
                                      .is_square = is_square});
      const double width = std::stod(matches(svg, R"re(<svg [^>]*width="([\d.]+)")re")[0][0]);
      const auto group =
          matches(svg, "<g text-anchor=\"middle\">\n((?:<text[^>]*>[^<]*</text>\n)*)</g>")[0][0];
      for (const auto& label : matches(group, R"re(<text x="([-\d.]+)" [^>]*>([^<]*)</text>)re")) {
        INFO(label[1]);
        CHECK(std::stod(label[0]) + kHalfADigit * static_cast<double>(label[1].size()) <= width);
      }
    }
  }
}

TEST_CASE("the legend of a wide plot wraps into rows inside the document", "[report]") {
  Plot plot;
  for (int i = 0; i < 20; ++i) {
    plot.series.push_back({"a series with a rather long name", {1.0}, {1.0}});
  }
  const std::string svg = to_svg(plot);
  check_sound(plot);
  const double width = std::stod(matches(svg, R"re(<svg [^>]*width="([\d.]+)")re")[0][0]);
  std::set<double> rows;
  for (const Pixel at : markers(svg)) {
    CHECK(at.x < width);
    rows.insert(at.y);
  }
  CHECK(rows.size() > 5);
}

TEST_CASE("`look` sets a series' colour and shape", "[report]") {
  Plot plot{.series = {{.name = "a", .x = {1}, .y = {1}, .look = 2}}};
  CHECK(contains(to_svg(plot), "<g fill=\"#009E73\""));
}
