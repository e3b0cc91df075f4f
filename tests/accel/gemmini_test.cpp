// Our weight-stationary 16 x 16 array against cycle-exact simulation of Gemmini's RTL.
#include <algorithm>
#include <cctype>
#include <map>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "catch.hpp"
#include "hsconas/accel/cost.hpp"
#include "hsconas/base/csv.hpp"
#include "hsconas/base/statistics.hpp"
#include "support/reference_data.hpp"
#include "support/spaces.hpp"

using namespace hsconas;

namespace {

/// The xz file unpacked by the system's xz; nothing where there is none.
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
    WARN("skipped: xz cannot unpack " << file.string());
    return std::nullopt;
  }
  return CsvTable::parse(text, file.string());
}

Layer rtl_layer(const CsvTable& csv, std::size_t row) {
  const auto of = [&](const char* column) { return csv.integer(row, csv.column(column)); };
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

}  // namespace

TEST_CASE("no run of Gemmini's RTL beats the array's lower bound, and ours ranks like it",
          "[accel]") {
  const auto file = reference_data("accelerator/gemmini_rtl/firesim_train_1567.csv.xz");
  if (!file) return;
  const auto csv = rtl_table(*file);
  if (!csv) return;
  const CostModel model(load_accelerator(source_folder() / "configs/accelerators/gemmini-16.json"));
  int below_bound = 0;
  int below_model = 0;
  std::vector<double> ours;
  std::vector<double> theirs;
  std::map<std::vector<std::int64_t>, std::pair<double, double>> layers;  // Ours, best of theirs.
  for (std::size_t row = 0; row < csv->rows(); ++row) {
    const Layer layer = rtl_layer(*csv, row);
    const double rtl = csv->number(row, csv->column("target.gemmini_cycle"));
    const LayerCost cost = model.cost_of(layer);
    below_bound += rtl < cost.macs / 256.0 ? 1 : 0;
    below_model += rtl < cost.cycles ? 1 : 0;
    ours.push_back(cost.cycles);
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
  WARN(
      fmt::format("Gemmini RTL: Kendall {:.3f} over {} layers against the best mapping of each, "
                  "{:.3f} over all {} mappings (Timeloop knows the mapping: 0.875); {} rows are "
                  "faster than our best",
                  kendall(best_ours, best_theirs), layers.size(), kendall(ours, theirs),
                  csv->rows(), below_model));
  CHECK(csv->rows() == 1567);
  CHECK(below_bound == 0);
  CHECK(kendall(best_ours, best_theirs) > 0.7);
}
