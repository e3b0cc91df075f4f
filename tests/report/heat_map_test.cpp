#include "hsconas/report/heat_map.hpp"

#include <limits>

#include "catch.hpp"
#include "report/count.hpp"
#include "support/errors.hpp"

using namespace hsconas;

TEST_CASE("a heat map colours every cell from light to dark and names it", "[report]") {
  const std::string svg =
      to_svg(HeatMap{.title = "a < b",
                     .subtitle = "s",
                     .labels = {"x&y", "z"},
                     .values = {1.0, 0.25, std::numeric_limits<double>::quiet_NaN(), -3.0},
                     .low = 0.0,
                     .high = 1.0});
  CHECK(count(svg, "<title>") == 4);
  CHECK(contains(svg, "a &lt; b"));
  CHECK(contains(svg, "fill=\"#08306b\"><title>x&amp;y, x&amp;y: 1.0000"));
  CHECK(contains(svg, "x&amp;y, z: 0.2500"));
  CHECK(contains(svg, "fill=\"#ccc\"><title>z, x&amp;y: no value"));
  CHECK(contains(svg, "fill=\"#fff5d6\"><title>z, z: -3.0000"));
  CHECK(svg.starts_with("<svg "));
  CHECK(svg.ends_with("</svg>\n"));
}

TEST_CASE("a heat map of the wrong shape or range is refused", "[report]") {
  HeatMap map;
  map.labels = {"a"};
  map.values = {1.0, 2.0};
  CHECK(contains(error_of([&] { to_svg(map); }), "1 labels has 2 values"));
  map.values = {1.0};
  map.low = map.high;
  CHECK(contains(error_of([&] { to_svg(map); }), "range is empty"));
}
