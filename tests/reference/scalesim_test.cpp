#include "hsconas/reference/scalesim.hpp"

#include <fmt/format.h>

#include "accel/layers.hpp"
#include "catch.hpp"
#include "support/errors.hpp"
#include "support/reference_data.hpp"

using namespace hsconas;
using namespace hsconas::test;

TEST_CASE("a systolic fold takes as long as its data need to cross the array", "[reference]") {
  // 2 x 3 times 3 x 2 on a 2 x 2 array: one fold, the last PE sees its last operand in cycle 5.
  const Layer product = make_gemm("product", 2, 3, 2);
  const ScaleSimCost os = scalesim_cost(product, 2, 2, Systolic::OutputStationary);
  CHECK(os.folds == 1);
  CHECK(os.cycles == 2 + 2 + 3 - 2);
  CHECK(os.reported_cycles == os.cycles - 1);
  CHECK(os.input_reads == 6);
  CHECK(os.filter_reads == 6);
  CHECK(os.output_writes == 4);
  // Weight stationary: the reduction over 3 values needs two folds of the rows.
  const ScaleSimCost ws = scalesim_cost(product, 2, 2, Systolic::WeightStationary);
  CHECK(ws.folds == 2);
  CHECK(ws.cycles == 2 * (2 * 2 + 2 + 2 - 2));
  CHECK(ws.filter_reads == 6);
  CHECK(ws.output_writes == 2 * 2 * 2);
}

TEST_CASE("an unknown systolic dataflow is named", "[reference]") {
  CHECK(error_of([] { read_systolic("rs"); }) ==
        "usage: unknown systolic dataflow 'rs': os, ws or is");
}

namespace {

void check_table(const CsvTable& csv) {
  std::size_t wrong = 0;
  for (std::size_t row = 0; row < csv.rows(); ++row) {
    const auto of = [&](const char* column) { return integer(csv, row, column); };
    const auto text = [&](const char* column) { return csv.text(row, csv.column(column)); };
    const ScaleSimCost cost = scalesim_cost(reference_layer(csv, row), of("array_rows"),
                                            of("array_cols"), read_systolic(text("dataflow")));
    const bool is_exact =
        cost.spread_rows == of("Sr") && cost.spread_columns == of("Sc") &&
        cost.time_steps == of("T") && cost.folds == of("folds") &&
        cost.fold_cycles == of("cycles_per_fold") && cost.cycles == of("closed_cycles") &&
        cost.reported_cycles == of("scalesim_total_cycles") &&
        fmt::format("{:.4f}", cost.overall_utilization) == text("overall_util_pct") &&
        fmt::format("{:.4f}", cost.mapping_efficiency) == text("mapping_eff_pct") &&
        fmt::format("{:.4f}", cost.compute_utilization) == text("compute_util_pct") &&
        cost.input_reads == of("ifmap_sram_reads") &&
        cost.filter_reads == of("filter_sram_reads") &&
        cost.output_writes == of("ofmap_sram_writes_true") &&
        (text("ofmap_sram_writes_reported").empty() ||
         cost.output_writes_reported == of("ofmap_sram_writes_reported"));
    wrong += is_exact ? 0U : 1U;
    if (!is_exact && wrong < 4) UNSCOPED_INFO("row " << row << " " << text("layer"));
  }
  CHECK(wrong == 0);
}

}  // namespace

TEST_CASE("SCALE-Sim's cycles, utilisation and SRAM counts come out exactly", "[reference]") {
  check_few_and_all("scalesim.csv", "accelerator/scalesim.csv.gz",
                    [](const std::filesystem::path& file) {
                      const CsvTable csv = CsvTable::load(file);
                      CHECK((csv.rows() == 6 || csv.rows() == 690));
                      check_table(csv);
                    });
}
