#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace hsconas {

/// A shallower version of a retrained network, see retrain.depths.
struct DepthRecord {
  std::string folder;  ///< Of its model, in that of the retraining.
  std::string arch;    ///< In the space of architecture.json there.
  std::int64_t macs = 0;
  std::int64_t parameters = 0;
  double test_accuracy = 0.0;  ///< In [0, 1].
};

/// What a retraining ended with: the content of its result.json, format "hsconas-retrain-1".
struct RetrainRecord {
  std::string name;
  std::uint64_t seed = 0;
  std::string space;
  std::string arch;
  std::string layers;  ///< The same for people.
  std::int64_t macs = 0;
  std::int64_t parameters = 0;
  double epochs = 0.0;
  std::int64_t steps = 0;
  std::int64_t test_images = 0;
  double test_accuracy = 0.0;  ///< On the test set, in [0, 1].
  double test_top5 = 0.0;
  /// On the test set, with the shared weights of the search; where that is known.
  std::optional<double> shared_test_accuracy;
  std::vector<DepthRecord> depths;  ///< Deepest first.
};

nlohmann::json to_json(const RetrainRecord& record);
/// The inverse; throws Error(Data) that names `source` and the key at fault.
RetrainRecord read_retrain_record(const nlohmann::json& object, const std::string& source);
/// The record for people.
std::string format_retrain_record(const RetrainRecord& record);

}  // namespace hsconas
