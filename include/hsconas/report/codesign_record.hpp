#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "hsconas/codesign/cost_function.hpp"

namespace hsconas {

/// How a network was compressed: from which trained network, and to which bits.
struct Compression {
  std::size_t start = 0;  ///< Index into CompressionSummary::starts.
  std::vector<int> bits;  ///< See CompressedNetwork::bits.
};

/// A network on a design.
struct CodesignPair {
  std::string arch;
  std::string design;
  double accuracy = 0.0;
  double latency_ms = 0.0;
  double energy = 0.0;                       ///< In CodesignRecord::energy_unit.
  std::optional<Compression> compression{};  ///< Of a network that codesign.method compress made.
};

// NOLINTNEXTLINE(bugprone-exception-escape): clang-tidy 14 thinks that moving a json may throw
struct BestCodesignPair : CodesignPair {
  std::string layers;  ///< The network for people.
  double area_mm2 = 0.0;
  std::optional<double> power_mw;  ///< Where energies are in pJ.
  nlohmann::json accelerator;      ///< The design, as an accelerator file.
};

/// Spearman correlations between designs, as ranks.svg shows them.
struct RankMatrix {
  std::vector<std::string> designs;
  /// [row][column]: of latencies below the diagonal, of energies above it. NaN if all networks cost
  /// the same on one of the designs.
  std::vector<double> values;
};

/// How alike the proxy and the designs rank networks: Spearman correlations.
struct RankSummary {
  std::size_t networks = 0;
  double latency_median = 0.0;
  double latency_lowest = 0.0;
  double energy_median = 0.0;
  double energy_lowest = 0.0;
  std::size_t designs_below = 0;  ///< Designs with a correlation under `below`.
  double below = 0.0;
  std::optional<RankMatrix> matrix;  ///< Results of earlier versions have none.
};

/// How well DANCE's evaluator chooses designs.
struct CostNetworksSummary {
  double regret_median = 0.0;  ///< Cost of its design over that of the best, per network.
  double regret_mean = 0.0;
  double regret_p95 = 0.0;
  std::map<std::string, double> right;  ///< Per axis, the share of values that are the best ones.
  Metrics pair_error;
  Metrics best_error;
  double seconds = 0.0;
  std::string design;   ///< Its choice for the winner.
  double regret = 0.0;  ///< Of that choice.
};

struct DanceSummary {
  double cost = 0.0;  ///< Of the best pair, by the cost function of the config.
  double edap = 0.0;  ///< Energy x delay x area.
  double test_accuracy = 0.0;
  double skip_share = 0.0;  ///< Share of the layers that are skipped.
  std::int64_t macs = 0;
  std::vector<std::vector<double>> probabilities;  ///< Per layer, of operators and widths.
  std::optional<CostNetworksSummary> evaluator;
};

/// A trained network that was compressed, as it was before.
struct StartSummary {
  struct Place {
    std::string design;
    double latency_ms = 0.0;
    double energy = 0.0;
  };
  std::string folder;
  std::string arch;
  double accuracy = 0.0;
  /// The design with the lowest energy x delay, without limits; none where it fits no design.
  std::optional<Place> best;
};

/// Images that were processed for one network.
struct ImageCount {
  std::int64_t trained = 0;  ///< In steps of training.
  std::int64_t tested = 0;   ///< Without training: to calibrate and to test.
};

struct CompressionSummary {
  std::vector<StartSummary> starts;
  ImageCount images_per_network;
  /// The front of accuracy, latency and energy of the starts on all designs, without limits: what
  /// there is without compression.
  std::vector<CodesignPair> start_front;
  std::optional<double> test_accuracy;  ///< Of the best network, on the test images.
};

/// What a co-design run found: the content of codesign.json, format "hsconas-codesign-1". All of it
/// repeats with the same seed, except the seconds.
// NOLINTNEXTLINE(bugprone-exception-escape): see BestCodesignPair
struct CodesignRecord {
  std::string name;
  std::uint64_t seed = 0;
  std::string method;
  std::string space;
  std::string designs;           ///< Name of the design space.
  std::size_t design_count = 0;  ///< Designs in it.
  std::size_t left_out = 0;      ///< Combinations that the dataflow cannot arrange.
  std::string limits;            ///< "latency <= 3 ms"; "none".
  int batch = 1;
  std::string energy_unit;
  BestCodesignPair best;
  std::vector<CodesignPair> front;
  std::int64_t networks = 0;  ///< Networks whose accuracy was asked for.
  std::int64_t pairs = 0;     ///< Pairs that were costed.
  std::string pairs_csv;      ///< What pairs.csv holds: "all" or "front".
  std::optional<std::string> proxy;
  std::optional<std::vector<CodesignPair>> proxy_set;  ///< Semi-decoupled: the networks of stage 2.
  std::optional<RankSummary> ranks;
  std::optional<DanceSummary> dance;
  std::optional<CompressionSummary> compression;
  /// The best of all pairs inside the limits, where accuracies are known and all pairs may be
  /// tried.
  std::optional<CodesignPair> optimum;
  double seconds = 0.0;  ///< Of the search, without that for the optimum.

  /// By how many percentage points the accuracy of `best` is below that of the optimum.
  std::optional<double> gap_points() const;
  /// Whether the optimum is known and no better than `best`.
  bool is_optimal() const;
};

/// Bits of weights per block as text: "4 bits in 2 blocks, 8 bits in 6 blocks", or "not rounded".
std::string describe_bits(const std::vector<int>& bits);

nlohmann::json to_json(const CodesignRecord& record);
/// The inverse; throws Error(Data) that names `source` and the key at fault.
CodesignRecord read_codesign_record(const nlohmann::json& object, const std::string& source);
/// The record for people.
std::string format_codesign_record(const CodesignRecord& record);

}  // namespace hsconas
