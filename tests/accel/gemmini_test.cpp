// Compares our weight-stationary 16 x 16 array with a cycle-exact simulation of Gemmini's RTL.
#include <algorithm>
#include <cstdio>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "accel/layers.hpp"
#include "catch.hpp"
#include "hsconas/accel/cost.hpp"
#include "hsconas/base/csv.hpp"
#include "hsconas/base/statistics.hpp"
#include "hsconas/base/text.hpp"
#include "hsconas/reference/timeloop.hpp"
#include "support/reference_data.hpp"
#include "support/spaces.hpp"

using namespace hsconas;

namespace {

/// The table in an xz file, unpacked by the system's xz; nothing if that fails.
std::optional<CsvTable> rtl_table(const std::filesystem::path& file) {
  const std::string command = fmt::format("xz -dc '{}' 2>/dev/null", file.string());
  std::FILE* pipe = ::popen(command.c_str(), "r");
  if (pipe == nullptr) return std::nullopt;
  std::string text;
  char buffer[1 << 14];
  for (std::size_t got = 0; (got = std::fread(buffer, 1, sizeof buffer, pipe)) > 0;) {
    text.append(buffer, got);
  }
  if (::pclose(pipe) != 0 || text.empty()) {
    return std::nullopt;
  }
  return CsvTable::parse(text, file.string());
}

Layer rtl_layer(const CsvTable& csv, std::size_t row) {
  const auto of = [&](const char* column) { return test::integer(csv, row, column); };
  const auto stride = of("prob.Hstride") == 1 ? of("prob.Wstride") : of("prob.Hstride");
  return make_conv({.name = "layer",
                    .channels = of("prob.C"),
                    .filters = of("prob.K"),
                    .in_y = (of("prob.P") - 1) * stride + of("prob.R"),
                    .in_x = (of("prob.Q") - 1) * stride + of("prob.S"),
                    .r = of("prob.R"),
                    .s = of("prob.S"),
                    .stride = stride,
                    .batch = of("prob.N")});
}

/// "L3[WIO] K8 Q28 - L2[WI] N1 K4X - ...": levels with their loops, X for a spatial one.
Mapping rtl_mapping(const std::string& text) {
  Mapping mapping;
  for (const std::string& part : split(text, '-')) {
    Mapping::Level& level = mapping.levels.emplace_back();
    for (const std::string& word : split(part, ' ')) {
      if (word.empty()) continue;
      if (word[0] == 'L') {
        level.name = word.substr(0, 2);
      } else {
        level.loops.push_back({.dim = word[0],
                               .bound = std::stoll(word.substr(1)),
                               .is_spatial = word.back() == 'X'});
      }
    }
  }
  return mapping;
}

/// Gemmini as an architecture for its mappings: 8 bytes per cycle off-chip, and one row of weights
/// per cycle into the array, so that each of its 16 rows gets one every 16 cycles.
TimeloopArchitecture rtl_architecture() {
  return {.levels = {{.name = "L3", .keeps = {true, true, true}, .read_words = 8.0},
                     {.name = "L2", .keeps = {true, true, false}},
                     {.name = "L1", .keeps = {false, false, true}},
                     {.name = "L0", .keeps = {false, true, false}, .write_words = 1.0 / 16.0}},
          .pes = 256};
}

}  // namespace

TEST_CASE("the mappings of seven of Gemmini's layers rank them much as its RTL does", "[accel]") {
  const CsvTable csv = CsvTable::load(fixture("gemmini_rtl.csv"));
  REQUIRE(csv.rows() == 7);
  const CostModel model(load_accelerator(source_folder() / "configs/accelerators/gemmini-16.json"));
  std::vector<double> mapped;
  std::vector<double> theirs;
  for (std::size_t row = 0; row < csv.rows(); ++row) {
    const Layer layer = rtl_layer(csv, row);
    const LayerCost cost = model.cost_of(layer);
    theirs.push_back(csv.number(row, csv.column("target.gemmini_cycle")));
    const std::string& mapping = csv.text(row, csv.column("mapping.mapping"));
    mapped.push_back(timeloop_cost(layer, rtl_mapping(mapping), rtl_architecture()).cycles);
    CAPTURE(row, cost.cycles, mapped.back(), theirs.back());
    CHECK(cost.cycles >= cost.macs / 256.0);
    CHECK(theirs.back() >= cost.macs / 256.0);
  }
  CHECK(kendall(mapped, theirs) > 0.5);  // At least 16 of the 21 pairs.
}

TEST_CASE("our weight-stationary array respects its lower bound and ranks layers like Gemmini",
          "[accel]") {
  const std::string name = "accelerator/gemmini_rtl/firesim_train_1567.csv.xz";
  const auto file = reference_data(name);
  if (!file) return skip_test(no_reference_data(name));
  const auto csv = rtl_table(*file);
  if (!csv) return skip_test("xz cannot unpack " + file->string());
  const CostModel model(load_accelerator(source_folder() / "configs/accelerators/gemmini-16.json"));
  const TimeloopArchitecture architecture = rtl_architecture();
  int ours_below_bound = 0;
  int theirs_below_bound = 0;
  int below_model = 0;
  std::vector<double> ours;
  std::vector<double> mapped;
  std::vector<double> theirs;
  std::map<std::vector<std::int64_t>, std::pair<double, double>> layers;  // Ours, best of theirs.
  for (std::size_t row = 0; row < csv->rows(); ++row) {
    const Layer layer = rtl_layer(*csv, row);
    const double rtl = csv->number(row, csv->column("target.gemmini_cycle"));
    const LayerCost cost = model.cost_of(layer);
    ours_below_bound += cost.cycles < cost.macs / 256.0 ? 1 : 0;
    theirs_below_bound += rtl < cost.macs / 256.0 ? 1 : 0;
    below_model += rtl < cost.cycles ? 1 : 0;
    ours.push_back(cost.cycles);
    const std::string& mapping = csv->text(row, csv->column("mapping.mapping"));
    mapped.push_back(timeloop_cost(layer, rtl_mapping(mapping), architecture).cycles);
    theirs.push_back(rtl);
    auto& known =
        layers[{layer.n, layer.k, layer.c, layer.r, layer.s, layer.oy, layer.ox, layer.stride}];
    known = {cost.cycles, known.second == 0.0 ? rtl : std::min(known.second, rtl)};
  }
  std::vector<double> best_ours;
  std::vector<double> best_theirs;
  for (const auto& [shape, cycles] : layers) {
    best_ours.push_back(cycles.first);
    best_theirs.push_back(cycles.second);
  }
  WARN(fmt::format(
      "Gemmini RTL, Kendall: {:.3f} over all {} rows given their mappings; {:.3f} over "
      "{} layers, our tile against the best of the mappings tried, {:.3f} over all rows "
      "(Timeloop, given the mappings of a comparable set: 0.875)",
      kendall(mapped, theirs), csv->rows(), kendall(best_ours, best_theirs), layers.size(),
      kendall(ours, theirs)));
  WARN(fmt::format("Gemmini RTL: {} rows are below MACs / 256 themselves, {} below our best",
                   theirs_below_bound, below_model));
  CHECK(csv->rows() == 1567);
  CHECK(ours_below_bound == 0);
  // Errors of the table: no mapping on 256 PEs can be that fast.
  CHECK(theirs_below_bound <= 22);
  CHECK(kendall(mapped, theirs) > 0.65);
  CHECK(kendall(best_ours, best_theirs) > 0.5);
}
