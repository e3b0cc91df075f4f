#pragma once

#include <cstddef>
#include <string>

#include <nlohmann/json.hpp>

#include "hsconas/config/config.hpp"
#include "hsconas/config/stage_set.hpp"

namespace hsconas {

/// Fingerprints of the training and the test part of a data set (DataIdentity); empty where no
/// stage needs images.
struct ImageFingerprints {
  std::string train;
  std::string test;
};

/// The latency budget and table that a score F depends on, besides the accuracy.
struct LatencyIdentity {
  double target_ms = 0.0;
  std::string table;  ///< fingerprint_of() the latency table.
};

/// The inputs of each stage for StageRecord: all that its output depends on. The config's own
/// values come from the attributes of the schema (settings_of()); a file counts by what it holds.
/// Throws Error(Data) when a file that a stage depends on cannot be read.
class StageInputs {
 public:
  /// The config must outlive this object; its precisions count as they are, see
  /// with_resolved_precisions().
  StageInputs(const Config& config, ImageFingerprints images)
      : config_(config), images_(std::move(images)) {}

  /// Everything that can change a result of a run, except a retraining and the images.
  nlohmann::json config() const;
  nlohmann::json latency() const;
  nlohmann::json supernet() const;
  /// The settings that an accuracy depends on, besides the weights.
  nlohmann::json accuracy() const;
  /// The shrinking stages up to `stage`, from 0: one that tunes nothing leaves no weights behind,
  /// but a smaller space.
  nlohmann::json shrink(std::size_t stage, const LatencyIdentity& latency) const;
  nlohmann::json search(const LatencyIdentity& latency) const;
  nlohmann::json cost_networks() const;
  nlohmann::json dance() const;
  /// `accuracies` is supernet_accuracies() or known_accuracies().
  nlohmann::json codesign(nlohmann::json accuracies) const;
  nlohmann::json supernet_accuracies() const;
  nlohmann::json known_accuracies() const;
  /// `arch` as SearchSpace::encode() writes it. `teacher` and `run` are the fingerprints of the
  /// teacher's model and of the search whose weights are used; empty where there is none.
  nlohmann::json retrain(const std::string& arch, const std::string& teacher,
                         const std::string& run) const;

 private:
  nlohmann::json settings(StageId stage) const;
  /// The images of the test set that an accuracy is taken on.
  nlohmann::json test_images() const;
  /// Adds how a GPU is timed, where one is.
  void add_timing(nlohmann::json& inputs) const;

  const Config& config_;
  ImageFingerprints images_;
};

/// A short name for a stage's inputs.
std::string fingerprint_of(const nlohmann::json& inputs);

}  // namespace hsconas
