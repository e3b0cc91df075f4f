#include "hsconas/reference/timeloop.hpp"

#include <fmt/format.h>

#include "accel/layers.hpp"
#include "catch.hpp"
#include "support/errors.hpp"
#include "support/reference_data.hpp"

using namespace hsconas;
using namespace hsconas::test;

namespace {

// 1 x 1 convolution, 4 filters of 2 channels, 6 pixels in a row.
constexpr const char* kSmall =
    "DRAM [ ] ; | for Q in [0:3) ; Registers [ ] ; | for Q in [0:2) ; | for C in [0:2) ; "
    "| for K in [0:4) (Spatial-X)";

TimeloopArchitecture two_levels(double words) {
  return {.levels = {{.name = "DRAM",
                      .keeps = {true, true, true},
                      .read_energy = 10.0,
                      .write_energy = 10.0},
                     {.name = "Registers",
                      .keeps = {true, true, true},
                      .capacity = words,
                      .read_energy = 1.0,
                      .write_energy = 1.0}},
          .mac_energy = 1.0,
          .pes = 4};
}

Layer small_layer() {
  return make_conv({.name = "small", .channels = 2, .filters = 4, .in_x = 6});
}

}  // namespace

TEST_CASE("a mapping is read as Timeloop prints it", "[reference]") {
  const Mapping mapping = parse_mapping(
      "DRAM [ Weights:864 (864) ] \n----\n| for P in [0:8)\n|   for M in [0:2) (Spatial-X)\n\n"
      "spad [ Outputs:2 (2) ] \n---\n|  for Q in [0:1)\n|    << Compute >>\n");
  REQUIRE(mapping.levels.size() == 2);
  CHECK(mapping.levels[0].name == "DRAM");
  REQUIRE(mapping.levels[0].loops.size() == 2);
  CHECK(mapping.levels[0].loops[1].dim == 'K');
  CHECK(mapping.levels[0].loops[1].bound == 2);
  CHECK(mapping.levels[0].loops[1].is_spatial);
  CHECK(mapping.levels[1].name == "spad");
}

TEST_CASE("a mapping that cannot be read is quoted", "[reference]") {
  CHECK(error_of([] { parse_mapping("DRAM [ ]\n| for Z in [0:3)"); }) ==
        "data: not a loop of a mapping: '| for Z in [0:3)'");
  CHECK(error_of([] { parse_mapping("DRAM"); }) == "data: not a level of a mapping: 'DRAM'");
  CHECK(error_of([] { parse_mapping("| for K in [0:3)"); }) ==
        "data: not a loop of a mapping: '| for K in [0:3)'");
}

TEST_CASE("a tile is counted when it changes, and once for all PEs that share it", "[reference]") {
  const TimeloopCost cost = timeloop_cost(small_layer(), parse_mapping(kSmall), two_levels(100.0));
  CHECK(cost.macs == 48);
  CHECK(cost.cycles == 12);
  CHECK(cost.utilization == 1.0);
  // The four PEs share the registers, which hold 4 pixels, 8 weights and 8 results at a time.
  CHECK(cost.levels[0].reads == std::array<double, 3>{12.0, 8.0, 0.0});
  CHECK(cost.levels[0].updates == std::array<double, 3>{0.0, 0.0, 24.0});
  CHECK(cost.levels[1].fills == std::array<double, 3>{12.0, 8.0, 0.0});
  // Two channels add to each of 24 results: each is read for the second, and again when it leaves.
  CHECK(cost.levels[1].reads == std::array<double, 3>{48.0, 48.0, 24.0 + 24.0});
  CHECK(cost.levels[1].updates == std::array<double, 3>{0.0, 0.0, 48.0});
  CHECK(cost.energy == 48.0 + 10.0 * (12 + 8 + 24) + 12 + 8 + 48 + 48 + 48 + 48);
}

TEST_CASE("a mapping must cover the layer and fit the levels", "[reference]") {
  const Mapping mapping = parse_mapping(kSmall);
  CHECK(error_of([&] { timeloop_cost(small_layer(), mapping, two_levels(19.0)); }) ==
        "infeasible: Registers holds 19 words, the mapping needs 20");
  const Layer longer = make_conv({.name = "longer", .channels = 2, .filters = 4, .in_x = 7});
  CHECK(error_of([&] { timeloop_cost(longer, mapping, two_levels(0.0)); }) ==
        "usage: the mapping covers 6 of Q in layer longer, not 7");
  TimeloopArchitecture other = two_levels(0.0);
  other.levels[1].name = "Buffer";
  CHECK(error_of([&] { timeloop_cost(small_layer(), mapping, other); }) ==
        "usage: level 1 of the mapping is Registers, of the architecture Buffer");
}

TEST_CASE("a level with too little bandwidth prolongs the layer", "[reference]") {
  TimeloopArchitecture slow = two_levels(0.0);
  slow.levels[0].read_words = 0.5;
  CHECK(timeloop_cost(small_layer(), parse_mapping(kSmall), slow).cycles == 40);
}

namespace {

void check_timeloop_table(const std::filesystem::path& file) {
  const CsvTable csv = CsvTable::load(file);
  const TimeloopArchitecture architecture = timeloop_eyeriss_256();
  CHECK(csv.rows() > 0);
  for (std::size_t row = 0; row < csv.rows(); ++row) {
    const auto text = [&](const char* column) { return csv.text(row, csv.column(column)); };
    const TimeloopCost cost = timeloop_cost(reference_layer(csv, row, "P_out", "Q_out"),
                                            parse_mapping(text("mapping")), architecture);
    CAPTURE(text("layer"));
    CHECK(cost.cycles == csv.number(row, csv.column("cycles")));
    CHECK(fmt::format("{:.2f}", cost.utilization) == text("utilization"));
    CHECK(fmt::format("{:.2f}", cost.energy / cost.macs) == text("energy_pat_units_per_mac"));
    CHECK(fmt::format("{:.2f}", cost.energy / 1e6) == text("energy_uJ_as_printed"));
  }
}

}  // namespace

TEST_CASE("Timeloop's own mappings have the costs that Timeloop printed", "[reference]") {
  check_few_and_all("timeloop.csv", "accelerator/timeloop.csv.gz", check_timeloop_table);
}

// The loop nest of Accelergy's example and what its reference output says.
TEST_CASE("Accelergy's eyeriss-like example comes out as published", "[reference]") {
  const Mapping mapping = parse_mapping(
      "DRAM [ ] ; | for P in [0:8) ; | for Q in [0:2) ; | for M in [0:4) ; "
      "shared_glb [ ] ; | for P in [0:14) ; | for Q in [0:4) ; "
      "inter_PE_column_spatial [ ] ; | for Q in [0:14) (Spatial-X) ; "
      "inter_PE_spatial [ ] ; | for C in [0:3) (Spatial-Y) ; | for S in [0:3) (Spatial-Y) ; "
      "ifmap_spad [ ] ; weights_spad [ ] ; | for R in [0:3) ; psum_spad [ ] ; | for M in [0:8)");
  const Layer layer = make_conv({.name = "example",
                                 .channels = 3,
                                 .filters = 32,
                                 .in_y = 225,
                                 .in_x = 225,
                                 .r = 3,
                                 .s = 3,
                                 .stride = 2});
  const TimeloopCost cost = timeloop_cost(layer, mapping, timeloop_eyeriss_like());
  CHECK(cost.macs == 10838016);
  CHECK(cost.cycles == 86016);
  CHECK(cost.utilization == 0.75);
  CHECK(cost.levels[0].total() == 572528);
  CHECK(cost.levels[1].total() == 1913456);
  CHECK(cost.levels[4].total() == 12192768);
  CHECK(cost.levels[5].total() == 11031552);
  CHECK(cost.levels[6].total() == 18063360);
  const auto per_mac = [&](double energy) { return 1000.0 * energy / cost.macs; };
  CHECK(per_mac(cost.levels[0].energy) == Approx(3380.9).epsilon(1e-4));
  CHECK(per_mac(cost.levels[1].energy) == Approx(375.3).epsilon(1e-3));
  CHECK(per_mac(cost.levels[4].energy) == Approx(112.4).epsilon(5e-3));
  CHECK(per_mac(cost.levels[5].energy) == Approx(1006.7).epsilon(2e-3));
  CHECK(per_mac(cost.levels[6].energy) == Approx(386.8).epsilon(2e-3));
  CHECK(per_mac(cost.energy) == Approx(5469.7).epsilon(1e-3));
  CHECK(cost.energy / 1e6 == Approx(59.28).epsilon(1e-3));
}
