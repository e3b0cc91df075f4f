#pragma once

#include <cstddef>
#include <string>

#include <nlohmann/json.hpp>

#include "hsconas/config/config.hpp"
#include "hsconas/config/stage_set.hpp"

namespace hsconas {

/// Fingerprints of the training and the test part of a data set (see DataIdentity); empty if the
/// run needs no images.
struct ImageFingerprints {
  std::string train;
  std::string test;
  /// The fingerprint of score.accuracies, where that file may be gone; empty: read the file.
  std::string accuracies{};
};

/// The latency budget and table that a score F depends on, besides the accuracy.
struct LatencyIdentity {
  double target_ms = 0.0;
  std::string table;  ///< fingerprint_of() the latency table.
};

/// The inputs of each stage for StageRecord: everything that its output depends on. Settings come
/// from settings_of(); a file is represented by the fingerprint of its content, so that moving it
/// changes nothing. All functions throw Error(Data) when a file that a stage depends on cannot be
/// read.
class StageInputs {
 public:
  /// The config must outlive this object. Its precisions enter the inputs as they are, so the
  /// caller replaces Auto before, see with_resolved_precisions().
  StageInputs(const Config& config, ImageFingerprints images)
      : config_(config), images_(std::move(images)) {}

  /// Everything that a result of the run depends on, except for the images. Retraining has inputs
  /// of its own.
  nlohmann::json config() const;
  nlohmann::json latency() const;
  nlohmann::json supernet() const;
  /// The settings that an accuracy depends on in addition to the weights.
  nlohmann::json accuracy() const;
  /// The inputs of shrinking stage `stage` (from 0). They include the settings of the stages before
  /// it, because those determine the space that it starts from.
  nlohmann::json shrink(std::size_t stage, const LatencyIdentity& latency) const;
  nlohmann::json search(const LatencyIdentity& latency) const;
  nlohmann::json cost_networks() const;
  nlohmann::json dance() const;
  /// `accuracies` is the result of supernet_accuracies(), known_accuracies() or
  /// start_accuracies().
  nlohmann::json codesign(nlohmann::json accuracies) const;
  nlohmann::json supernet_accuracies() const;
  nlohmann::json known_accuracies() const;
  /// Of networks that are compressed from those of codesign.start.
  nlohmann::json start_accuracies() const;
  /// `arch` is in the notation of SearchSpace::encode(). `teacher` and `run` are the fingerprints
  /// of the teacher's model and of the search whose weights are used; empty if not used.
  nlohmann::json retrain(const std::string& arch, const std::string& teacher,
                         const std::string& run) const;

 private:
  nlohmann::json settings(StageId stage) const;
  /// The known accuracies on which a search runs instead of shared weights.
  nlohmann::json accuracies_to_search() const;
  nlohmann::json search_known(const LatencyIdentity& latency) const;
  /// The test images on which the final accuracy is computed.
  nlohmann::json test_images() const;
  /// If a GPU is timed, adds the launch mode and the number format to `inputs`.
  void add_timing(nlohmann::json& inputs) const;

  const Config& config_;
  ImageFingerprints images_;
};

/// A short text that differs (with overwhelming probability) for different inputs.
std::string fingerprint_of(const nlohmann::json& inputs);

}  // namespace hsconas
