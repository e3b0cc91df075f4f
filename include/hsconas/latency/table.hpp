#pragma once

#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "hsconas/latency/model.hpp"
#include "hsconas/latency/op_timer.hpp"
#include "hsconas/space/search_space.hpp"

namespace hsconas {

/// One operator at one width and shape, timed alone.
struct TableEntry {
  double ms = 0.0;   ///< Median over `n` timings, milliseconds per batch.
  double low = 0.0;  ///< 90 % bootstrap interval of the median.
  double high = 0.0;
  int n = 0;
};

/// How well the additive model does on whole networks.
struct ModelAccuracy {
  int n = 0;
  double rmse_ms = 0.0;
  double rmse_percent = 0.0;   ///< RMSE over the mean measured time.
  double mean_error_ms = 0.0;  ///< Mean of predicted - measured.
  double pearson = 0.0;
  double spearman = 0.0;
  double kendall = 0.0;
};
/// Judges predictions against measurements of equal number; all zero for none. The correlations are
/// NaN where they are not defined: fewer than two networks, or all alike.
ModelAccuracy judge(std::span<const double> predicted_ms, std::span<const double> measured_ms);

/// A network that was timed whole.
struct MeasuredNetwork {
  std::string arch;     ///< SearchSpace::encode().
  double sum_ms = 0.0;  ///< Sum of the table's entries: the prediction without bias.
  double measured_ms = 0.0;
};

/// Times of every distinct block of a space on one device, and the constant that the sum of
/// isolated blocks misses. Source: HSCoNAS (Luo et al., DATE 2021):
///   LAT(arch) = sum over layers of LUT(op, width, shape) + B.
/// The stem and the head are entries too, so B is only what lies between the blocks.
///
/// File format "hsconas-latency-1", JSON, all times in milliseconds per batch:
///   format, space, device {device, threads, batch, precision, versions}, bias_ms,
///   entries {key: {ms, low, high, n}} with keys as Block::key() gives them,
///   calibration and test: lists of {arch, sum_ms, measured_ms}.
struct LatencyTable {
  std::string space;  ///< Name of the space it was made for.
  DeviceInfo device;
  std::map<std::string, TableEntry> entries;
  double bias_ms = 0.0;
  std::vector<MeasuredNetwork> calibration;  ///< The bias was fitted on these,
  std::vector<MeasuredNetwork> test;         ///< and not on these.

  /// The entry of `block`; throws Error(Data) that names the missing key. A block that passes its
  /// input on (Block::is_identity()) costs 0 ms, is never timed and needs no entry.
  const TableEntry& at(const Block& block) const;
};

nlohmann::json to_json(const LatencyTable& table);
/// Throws Error(Data) that names `source` and the value at fault: times must be finite and >= 0;
/// the bias must be finite.
LatencyTable read_table(const nlohmann::json& json, const std::string& source);
LatencyTable load_table(const std::filesystem::path& path);

/// Prediction from a table: all look-ups are done once, so that predict_ms() only adds.
class TableModel : public LatencyModel {
 public:
  /// Throws Error(Data) naming the first block of `space` that `table` lacks.
  TableModel(const SearchSpace& space, const LatencyTable& table);
  double predict_ms(const Architecture& arch) const override;

 private:
  std::size_t index(std::size_t layer, LayerChoice choice) const;

  int ops_;
  int widths_;
  double fixed_ms_;         ///< Stem, head and bias.
  std::vector<double> ms_;  ///< [layer][op][width], row-major.
};

}  // namespace hsconas
