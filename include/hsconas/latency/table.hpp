#pragma once

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "hsconas/latency/fit.hpp"
#include "hsconas/latency/model.hpp"
#include "hsconas/latency/op_timer.hpp"
#include "hsconas/space/search_space.hpp"

namespace hsconas {

/// One operator at one width and shape.
struct TableEntry {
  double ms = 0.0;   ///< Timed alone: median over `n` timings, milliseconds per batch.
  double low = 0.0;  ///< 90 % interval: bootstrap of the median and drift of the machine.
  double high = 0.0;
  int n = 0;                ///< Timings; in a fitted table, networks that contain it.
  double network_ms = 0.0;  ///< What it adds to a network: `ms` and the fitted correction.

  /// Half the interval over the median, percent; 0 for an entry that takes no time.
  double half_width_percent() const { return ms > 0.0 ? 50.0 * (high - low) / ms : 0.0; }
};

/// How quiet the machine was. One block, the reference, is timed again and again between the
/// others; what was timed while it was slow is dropped.
struct MachineNoise {
  double reference_ms = 0.0;
  double reference_spread_percent = 0.0;  ///< Its 95 % quantile above its median.
  double slow_percent = 0.0;              ///< Share of its timings 15 % above its better quarter.
  /// 90 % half width of how its median moved over ten parts of the measuring, slow timings left
  /// out: what all entries share, and what averaging within one run does not take away.
  double drift_percent = 0.0;
  double other_cpus = -1.0;  ///< CPUs that other programs kept busy, mean; negative: not known.
  double cpus = 0.0;         ///< CPUs the machine has.

  /// Slow for more than a tenth of the time, or a quarter of the machine at work for others.
  bool is_disturbed() const { return slow_percent > 10.0 || other_cpus > 0.25 * cpus; }
};

/// How well the additive model does on whole networks.
struct ModelAccuracy {
  int n = 0;
  double rmse_ms = 0.0;
  double rmse_percent = 0.0;   ///< RMSE over the mean measured time.
  double mean_error_ms = 0.0;  ///< Mean of predicted - measured.
  double mean_error_percent = 0.0;
  double pearson = 0.0;
  double spearman = 0.0;
  double kendall = 0.0;
};
/// Judges predictions against measurements of equal number; all zero for none. The correlations are
/// NaN where they are not defined: fewer than two networks, or all alike.
ModelAccuracy judge(std::span<const double> predicted_ms, std::span<const double> measured_ms);

/// A network that was timed whole.
struct MeasuredNetwork {
  std::string arch;           ///< LatencySpace::encode().
  double sum_ms = 0.0;        ///< Sum of the blocks timed alone: the prediction without bias.
  double predicted_ms = 0.0;  ///< By the finished table.
  double measured_ms = 0.0;
  double again_ms = 0.0;  ///< A second measurement, later; 0: none was taken.
};

/// The additive latency model of a space on one device.
///
/// Source: HSCoNAS (Luo et al., DATE 2021):
///   LAT(arch) = sum over layers of LUT(op, width, shape) + B.
/// The stem and the head are entries too, so B is only what lies between the blocks. Beyond the
/// paper, `form` may be one that corrects the entries as well (see correction_forms()).
///
/// File format "hsconas-latency-2", JSON, all times in milliseconds per batch:
///   format, space, device {device, threads, batch, precision, versions; on a GPU also mode},
///   entries_by: "block" (timed on the device) or "position" (fitted to whole networks),
///   entries: by block {Block::key(): {ms, low, high, n, network_ms}},
///            by position {"layer/operator[:width]": {network_ms, n}},
///   bias_ms, form, trials [{form, left_out_percent}], error_percent,
///   dead_operators: "cost", "unread free" or "free" (see DeadOperators),
///   noise {reference_ms, reference_spread_percent, slow_percent,
///     drift_percent, other_cpus, cpus},
///   calibration, test, test_spread: [{arch, sum_ms, predicted_ms, measured_ms, again_ms}].
struct LatencyTable {
  std::string space;  ///< Name of the space it was made for.
  DeviceInfo device;
  bool by_position = false;  ///< Keys are LatencySpace::Term::position_key, not block_key.
  std::map<std::string, TableEntry> entries;
  double bias_ms = 0.0;
  std::string form = "constant";
  std::vector<FitTrial> trials;  ///< The forms that were compared.
  double error_percent = 0.0;    ///< 90 % of unseen networks are predicted this well.
  DeadOperators dead = DeadOperators::Cost;
  MachineNoise noise;
  std::vector<MeasuredNetwork> calibration;  ///< The bias was fitted on these,
  std::vector<MeasuredNetwork> test;         ///< and not on these, uniformly random,
  std::vector<MeasuredNetwork> test_spread;  ///< nor on these, spread over the latency range.
};

nlohmann::json to_json(const LatencyTable& table);
/// Throws Error(Data) that names `source` and the value at fault: times must be finite and >= 0;
/// the bias must be finite.
LatencyTable read_table(const nlohmann::json& json, const std::string& source);
LatencyTable load_table(const std::filesystem::path& path);

/// Prediction from a table: all look-ups are done once, so that predict_ms() only adds.
class TableModel : public LatencyModel {
 public:
  /// Throws Error(Data) naming the first block or position of `space` that `table` lacks.
  TableModel(const LatencySpace& space, const LatencyTable& table);
  TableModel(const SearchSpace& space, const LatencyTable& table)
      : TableModel(LatencySpace(space), table) {}

  /// Never below 0, where a table fitted to few networks would say so of some.
  double predict_ms(const Architecture& arch) const override {
    double total = fixed_ms_;
    const double* row = ms_.data();
    for (const LayerChoice choice : arch) {
      total += row[choice.op * widths_ + choice.width];
      row += row_;
    }
    return std::max(total, 0.0);
  }
  /// Half the error bar around a prediction: 90 % of unseen networks lie within.
  double error_ms(double predicted_ms) const { return error_percent_ / 100.0 * predicted_ms; }

 private:
  int widths_;
  std::ptrdiff_t row_;  ///< Values per position.
  double fixed_ms_;     ///< Stem, head and bias.
  double error_percent_;
  std::vector<double> ms_;  ///< [position][op][width], row-major.
};

/// The terms of a measured or fitted table, as what is known before other networks are looked at;
/// blocks as timed alone, or `corrected`. Throws as TableModel.
TermPrior prior_from(const LatencySpace& space, const LatencyTable& table, bool corrected);

/// Writes a fit into a table's entries, bias and form; `table` keys its entries by block or by
/// position already. By position, the cheapest choice of each position becomes 0 and the bias
/// takes the rest, so that no time is negative.
void apply_fit(LatencyTable& table, const LatencySpace& space, const NetworkFit& fit);

/// How the table does on networks it was not fitted on.
enum class Prediction {
  Sum,       ///< Blocks timed alone, no bias.
  Constant,  ///< The paper's: plus the mean difference over the calibration networks.
  Fitted     ///< As the table predicts.
};
ModelAccuracy accuracy_on(const std::vector<MeasuredNetwork>& networks, const LatencyTable& table,
                          Prediction prediction);
/// Kendall's tau between two measurements of the same networks: no model can be expected to do
/// better. NaN when there is no second measurement.
double kendall_ceiling(const std::vector<MeasuredNetwork>& networks);
/// How the entries of two tables differ, over the keys both have.
struct TableDifference {
  int entries = 0;
  double covered = 0.0;          ///< Share whose difference lies within their joint 90 % interval,
                                 ///< half widths added as squares.
  double median_ratio = 0.0;     ///< Of the second's times to the first's.
  double largest_percent = 0.0;  ///< Largest difference, of the first's time.
  std::string largest_key;
};
TableDifference compare_entries(const LatencyTable& first, const LatencyTable& second);

/// Share of the networks whose measurement lies inside the error bar of their prediction.
double error_bar_coverage(const std::vector<MeasuredNetwork>& networks, const LatencyTable& table);

}  // namespace hsconas
