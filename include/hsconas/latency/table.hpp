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
  double low = 0.0;  ///< 90 % interval, from a bootstrap of the median and the machine's drift.
  double high = 0.0;
  int n = 0;                ///< Timings; in a fitted table, networks that contain it.
  double network_ms = 0.0;  ///< Time that it adds to a network: `ms` plus the fitted correction.

  /// Half the interval over the median, percent; 0 for an entry that takes no time.
  double half_width_percent() const { return ms > 0.0 ? 50.0 * (high - low) / ms : 0.0; }
};

/// How quiet the machine was. One block, the reference, is timed again and again between the
/// others; timings taken while it was slow are dropped.
struct MachineNoise {
  double reference_ms = 0.0;              ///< Median time of the reference.
  double reference_spread_percent = 0.0;  ///< By how much its 95 % quantile exceeds its median.
  double slow_percent = 0.0;  ///< Share of its timings over 1.15 times its 25 % quantile.
  /// Drift: 90 % half width of its medians over ten parts of the run, without slow timings. All
  /// entries share it, and more rounds in the same run do not reduce it.
  double drift_percent = 0.0;
  double other_cpus = -1.0;  ///< Mean number of CPUs that others kept busy; negative: not known.
  double cpus = 0.0;         ///< CPUs the machine has.

  /// Whether more than a tenth of the timings were slow, or others used over a quarter of the CPUs.
  bool is_disturbed() const { return slow_percent > 10.0 || other_cpus > 0.25 * cpus; }
};

/// How well predictions agree with measurements of whole networks.
struct ModelAccuracy {
  int n = 0;
  double rmse_ms = 0.0;
  double rmse_percent = 0.0;   ///< RMSE in percent of the mean measured time.
  double mean_error_ms = 0.0;  ///< Mean of predicted - measured.
  double mean_error_percent = 0.0;
  double pearson = 0.0;
  double spearman = 0.0;
  double kendall = 0.0;
};
/// Compares predictions with as many measurements; all zero for none. The correlations are NaN for
/// fewer than two networks, or if all predictions or all measurements are equal.
ModelAccuracy judge(std::span<const double> predicted_ms, std::span<const double> measured_ms);

/// A network that was timed as a whole.
struct MeasuredNetwork {
  std::string arch;           ///< LatencySpace::encode().
  double sum_ms = 0.0;        ///< Sum of the blocks timed alone: the prediction without bias.
  double predicted_ms = 0.0;  ///< Prediction of the finished table.
  double measured_ms = 0.0;
  double again_ms = 0.0;  ///< A second measurement, later; 0: none was taken.
};

/// The additive latency model of a space on one device.
///
/// Source: HSCoNAS (Luo et al., DATE 2021):
///   LAT(arch) = sum over layers of LUT(op, width, shape) + B,
/// with the look-up table LUT and the bias B. The stem and the head are entries too, so B is only
/// the overhead between blocks. Beyond the paper, `form` may name a fit that corrects the entries
/// as well (see correction_forms()).
///
/// File format "hsconas-latency-2", JSON, all times in milliseconds per batch:
///   format, space, device {device, threads, batch, precision, versions; on a GPU also mode},
///   entries_by: "block" (timed on the device) or "position" (fitted to whole networks),
///   entries: by block {Block::key(): {ms, low, high, n, network_ms}},
///            by position {"layer/operator[:width]": {network_ms, n}},
///   bias_ms, form, trials [{form, left_out_percent}], error_percent,
///   dead_operators: "cost", "unread free" or "free" (see DeadOperators),
///   pairs: optional, {"layer/operator layer/operator": milliseconds} (see PairTerms),
///   noise {reference_ms, reference_spread_percent, slow_percent,
///     drift_percent, other_cpus, cpus},
///   calibration, test, test_spread: [{arch, sum_ms, predicted_ms, measured_ms, again_ms}].
struct LatencyTable {
  std::string space;  ///< Name of its space.
  DeviceInfo device;
  bool by_position = false;  ///< Keys are LatencySpace::Term::position_key, not block_key.
  std::map<std::string, TableEntry> entries;
  double bias_ms = 0.0;
  std::string form = "constant";
  std::vector<FitTrial> trials;  ///< The forms that were compared.
  double error_percent = 0.0;    ///< Error bar: 90 % of unseen networks have at most this error.
  DeadOperators dead = DeadOperators::Cost;
  std::map<std::string, double> pairs;  ///< See named_pairs().
  MachineNoise noise;
  std::vector<MeasuredNetwork> calibration;  ///< Networks that bias and corrections are fitted on.
  std::vector<MeasuredNetwork> test;         ///< Further networks, uniformly random.
  std::vector<MeasuredNetwork> test_spread;  ///< Further networks, spread over the latency range.
};

nlohmann::json to_json(const LatencyTable& table);
/// Throws Error(Data) that names `source` and the value at fault. Times must be finite and >= 0,
/// but bias_ms, predicted_ms and the network_ms of blocks may be negative.
LatencyTable read_table(const nlohmann::json& json, const std::string& source);
LatencyTable load_table(const std::filesystem::path& path);

/// Predicts from a table. The constructor does all look-ups, so that predict_ms() only adds.
class TableModel : public LatencyModel {
 public:
  /// Throws Error(Data) naming the first block or position of `space` that `table` lacks, or a pair
  /// that `space` lacks.
  TableModel(const LatencySpace& space, const LatencyTable& table);
  TableModel(const SearchSpace& space, const LatencyTable& table)
      : TableModel(LatencySpace(space), table) {}

  /// At least 0, although the sum can be negative in a table fitted to few networks.
  double predict_ms(const Architecture& arch) const override { return std::max(sum_ms(arch), 0.0); }
  double sum_ms(const Architecture& arch) const override {
    double total = fixed_ms_;
    const double* row = ms_.data();
    for (const LayerChoice choice : arch) {
      total += row[choice.op * widths_ + choice.width];
      row += row_;
    }
    if (!pairs_.empty()) total += pairs_ms(arch);
    return total;
  }
  /// Error bar of a prediction: 90 % of unseen networks differ from theirs by at most this.
  double error_ms(double predicted_ms) const { return error_percent_ / 100.0 * predicted_ms; }

 private:
  int widths_;
  std::ptrdiff_t row_;  ///< Values per position.
  double fixed_ms_;     ///< Stem, head and bias.
  double error_percent_;
  std::vector<double> ms_;  ///< [position][op][width], row-major.
  PairTerms pairs_;

  double pairs_ms(const Architecture& arch) const;
};

/// The times in a table, as prior of another fit: as timed alone or, `corrected`, with the fitted
/// corrections and the bias. Throws Error(Data) that names an entry that `table` lacks.
TermPrior prior_from(const LatencySpace& space, const LatencyTable& table, bool corrected);

/// Writes a fit into a table's entries, bias and form. `table.by_position` must be set already. By
/// position, the cheapest choice of each position becomes 0 and its time moves to the bias, so that
/// no entry is negative.
void apply_fit(LatencyTable& table, const LatencySpace& space, const NetworkFit& fit);

/// Ways to predict a network's time from a table.
enum class Prediction {
  Sum,       ///< Sum of the blocks timed alone.
  Constant,  ///< Sum plus the mean difference over the calibration networks, as in the paper.
  Fitted     ///< The table's own prediction.
};
/// How well `prediction` does on `networks`.
ModelAccuracy accuracy_on(const std::vector<MeasuredNetwork>& networks, const LatencyTable& table,
                          Prediction prediction);
/// Kendall's tau between two measurements of the same networks, which no model can be expected to
/// exceed. NaN if a second measurement is missing.
double kendall_ceiling(const std::vector<MeasuredNetwork>& networks);
/// How the entries of two tables differ, over the keys both have.
struct TableDifference {
  int entries = 0;
  double covered = 0.0;          ///< Share whose difference is at most their joint half width,
                                 ///< the root of the sum of both half widths squared.
  double median_ratio = 0.0;     ///< Median of the second table's time over the first's.
  double largest_percent = 0.0;  ///< Largest difference, in percent of the first table's time.
  std::string largest_key;
};
TableDifference compare_entries(const LatencyTable& first, const LatencyTable& second);

/// Share of the networks whose measurement lies inside the error bar of their prediction.
double error_bar_coverage(const std::vector<MeasuredNetwork>& networks, const LatencyTable& table);

}  // namespace hsconas
