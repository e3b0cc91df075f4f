#include "hsconas/report/scatter.hpp"

#include <cmath>
#include <limits>
#include <regex>
#include <set>

#include "catch.hpp"
#include "hsconas/base/files.hpp"
#include "hsconas/base/rng.hpp"
#include "support/errors.hpp"
#include "support/spaces.hpp"

using namespace hsconas;

namespace {

/// Two devices that scatter around the diagonal, and texts with characters special to XML.
Scatter example() {
  Scatter scatter{.title = "Latency predicted & measured",
                  .subtitle = "40 networks, batch < 2, \u00B1 10 %",
                  .x_label = "measured latency (ms)",
                  .y_label = "predicted latency (ms)",
                  .series = {{"sum of layers", {}, {}}, {"sum + bias", {}, {}}},
                  .band = 0.1};
  Rng rng(1, "scatter-test");
  for (int i = 0; i < 40; ++i) {
    const double ms = rng.uniform(8.0, 34.0);
    const double noise = 0.03 * rng.normal();
    for (auto& series : scatter.series) series.x.push_back(ms);
    scatter.series[0].y.push_back(0.86 * ms * (1.0 + noise));
    scatter.series[1].y.push_back(ms * (1.0 + noise));
  }
  return scatter;
}

Scatter of_points(std::vector<double> x, std::vector<double> y) {
  return {.series = {{"s", std::move(x), std::move(y)}}};
}

struct Pixel {
  double x = 0.0;
  double y = 0.0;
};

/// All that `pattern` finds in `text`, its groups in order.
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

/// Middles of all markers, those of the legend last.
std::vector<Pixel> markers(const std::string& svg) {
  std::vector<Pixel> pixels;
  for (const auto& at : matches(svg, R"(<path d="M([-\d.]+) ([-\d.]+)m)")) {
    pixels.push_back({std::stod(at[0]), std::stod(at[1])});
  }
  return pixels;
}

/// Left, top and side of the square between the axes.
struct Frame {
  double left = 0.0;
  double top = 0.0;
  double side = 0.0;

  bool has(Pixel p) const {
    return p.x >= left && p.x <= left + side && p.y >= top && p.y <= top + side;
  }
};

Frame frame_of(const std::string& svg) {
  const auto found = matches(
      svg, R"re(<rect x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)" fill="none")re");
  REQUIRE(found.size() == 1);
  CHECK(found[0][2] == found[0][3]);
  return {std::stod(found[0][0]), std::stod(found[0][1]), std::stod(found[0][2])};
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

/// Fails unless every tag that opens closes in order and nothing is left unescaped.
void check_well_formed(const std::string& svg) {
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
    CHECK((upwards ? ticks[i - 1].at - ticks[i].at : ticks[i].at - ticks[i - 1].at) > 30);
  }
}

/// What holds for every drawing.
void check_sound(const Scatter& scatter) {
  const std::string svg = to_svg(scatter);
  CAPTURE(svg);
  check_well_formed(svg);
  const Frame frame = frame_of(svg);
  const std::vector<Label> x = labels(svg, "middle", true);
  const std::vector<Label> y = labels(svg, "end", false);
  check_ticks(x, false);
  check_ticks(y, true);
  CHECK(x.size() == y.size());
  const std::vector<Pixel> all = markers(svg);
  const double pixels = (x[1].at - x[0].at) / (x[1].value - x[0].value);
  std::size_t next = 0;
  for (const ScatterSeries& series : scatter.series) {
    for (std::size_t i = 0; i < series.x.size(); ++i) {
      if (!std::isfinite(series.x[i]) || !std::isfinite(series.y[i])) continue;
      REQUIRE(next < all.size());
      CHECK(frame.has(all[next]));
      // The labels say where the point is.
      CHECK(all[next].x == Approx(x[0].at + (series.x[i] - x[0].value) * pixels).margin(0.1));
      CHECK(all[next].y == Approx(y[0].at - 4 - (series.y[i] - y[0].value) * pixels).margin(0.1));
      ++next;
    }
  }
  CHECK(all.size() == next + scatter.series.size());
}

}  // namespace

TEST_CASE("a scatter is drawn exactly as its golden file", "[report]") {
  CHECK(to_svg(example()) == read_file(source_folder() / "tests" / "golden" / "scatter.svg"));
  check_sound(example());
}

TEST_CASE("points lie inside the frame where the labels say, at any range", "[report]") {
  for (std::uint64_t round = 0; round < 60; ++round) {
    Rng rng(1, "scatter-test", round);
    const double scale = std::pow(10.0, rng.uniform(-12.0, 12.0));
    const double offset = rng.chance(0.3) ? rng.uniform(-2.0, 30.0) : 0.0;
    Scatter scatter{.x_label = "x", .y_label = "y"};
    scatter.series.resize(1 + rng.index(3));
    scatter.band = rng.chance(0.5) ? rng.uniform(0.0, 0.99) : 0.0;
    for (auto& series : scatter.series) {
      for (std::uint64_t left = rng.below(20); left > 0; --left) {
        series.x.push_back(scale * (offset + rng.uniform()));
        series.y.push_back(scale * (offset + rng.uniform()));
      }
    }
    CAPTURE(round);
    check_sound(scatter);
  }
}

TEST_CASE("a single point, equal points and no points are drawn too", "[report]") {
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
  check_sound(Scatter{});
}

TEST_CASE("axes of positive values do not go below zero", "[report]") {
  for (const Label& label : labels(to_svg(of_points({0.01, 10}, {0.02, 9})), "middle", true)) {
    CHECK(label.value >= 0.0);
  }
}

TEST_CASE("points that are not finite are left out and not counted", "[report]") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double inf = std::numeric_limits<double>::infinity();
  const Scatter scatter = of_points({1, nan, 2, inf, 3}, {1, 1, -inf, 2, 3});
  check_sound(scatter);
  CHECK(contains(to_svg(scatter), ">s (n = 2)<"));
  check_sound(of_points({nan}, {1}));
  CHECK(contains(to_svg(of_points({nan}, {1})), ">s (n = 0)<"));
}

TEST_CASE("texts are escaped and kept, and control characters become blanks", "[report]") {
  Scatter scatter = of_points({1}, {2});
  scatter.title = "<a href=\"x\">&amp;";
  scatter.subtitle = "</text><script>";
  scatter.x_label = "a\nb\x01";
  scatter.series[0].name = "R&D \u00B5s";
  const std::string svg = to_svg(scatter);
  CHECK(contains(svg, ">&lt;a href=&quot;x&quot;&gt;&amp;amp;</text>"));
  CHECK(contains(svg, ">&lt;/text&gt;&lt;script&gt;</text>"));
  CHECK(contains(svg, ">a b </text>"));
  CHECK(contains(svg, ">R&amp;D \u00B5s (n = 1)</text>"));
  scatter.subtitle.clear();
  check_sound(scatter);
}

TEST_CASE("49 series differ in colour or shape, the first seven in both", "[report]") {
  Scatter scatter;
  for (int i = 0; i < 49; ++i) scatter.series.push_back({"", {1.0}, {1.0}});
  std::set<std::string> colours;
  std::set<std::string> shapes;
  std::set<std::string> looks;
  // Every series is drawn once, then once more in the legend.
  const auto found = matches(to_svg(scatter),
                             "<g fill=\"(#[^\"]*)\"[^>]*>\n<path d=\"M[-\\d.]+ [-\\d.]+(m[^\"]*)");
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
  Scatter scatter = of_points({10, 20}, {11, 19});
  CHECK_FALSE(contains(to_svg(scatter), "polygon"));
  CHECK_FALSE(contains(to_svg(scatter), "%"));
  scatter.band = 0.125;
  CHECK(contains(to_svg(scatter), "polygon"));
  CHECK(contains(to_svg(scatter), ">y = x \u00B1 12.5 %<"));
}

TEST_CASE("a series of unequal sides and a band out of range are bugs of the caller", "[report]") {
  CHECK(error_of([] {
          to_svg(of_points({1, 2}, {1}));
        }) == "internal: scatter series 's' has 2 x and 1 y");
  for (const double band : {-0.1, 1.0, std::numeric_limits<double>::quiet_NaN()}) {
    CHECK(contains(error_of([&] { to_svg(Scatter{.band = band}); }),
                   "internal: scatter band must be in [0, 1), got "));
  }
}
