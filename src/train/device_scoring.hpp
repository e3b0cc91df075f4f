#pragma once

#include <memory>
#include <vector>

#include <torch/types.h>

#include "hsconas/loader/loader.hpp"
#include "hsconas/score/racing.hpp"
#include "hsconas/supernet/device_path.hpp"

namespace hsconas {

/// Scores architectures on a GPU. Calibration and validation images pass through a network
/// together, layer by layer; batch norm uses the exact statistics of the calibration images. Per
/// architecture one byte per validation image is copied back to the host.
class DeviceScoring {
 public:
  /// Null when device_engine() returns no engine, or the engine does not support an operator.
  static std::unique_ptr<DeviceScoring> make(const Supernet& supernet, Number type,
                                             const std::vector<Batch>& calibration,
                                             const std::vector<Batch>& validation);

  /// All images, calibration images first: the input of position 0.
  const torch::Tensor& images() const { return images_; }
  /// The calibration images in batches of `batch`, to be run without this engine.
  std::vector<torch::Tensor> calibration(std::int64_t batch) const;

  /// The output of the blocks [first, last) of `arch` for `in`, the activations before block
  /// `first`. The result is a valid `in` for a call that starts at `last`.
  torch::Tensor run(const Architecture& arch, const torch::Tensor& in, std::size_t first,
                    std::size_t last) const;
  /// Whether each validation image is classified correctly. Throws Error(Usage) when outputs are
  /// not finite, for example because values exceeded the range of fp16.
  Answers answers(const Architecture& arch, const torch::Tensor& in, std::size_t first) const;
  /// Bytes of the result of run() with `last` = `position`.
  double bytes_before(const Architecture& arch, std::size_t position) const;

 private:
  DeviceScoring(const Supernet& supernet, DeviceEngine& engine, Number type,
                const std::vector<Batch>& calibration, const std::vector<Batch>& validation);

  const Supernet& supernet_;
  DeviceEngine& engine_;
  Number type_;
  torch::Tensor images_;
  torch::Tensor labels_;  ///< Labels of the validation images.
  std::int64_t calibration_count_ = 0;
};

}  // namespace hsconas
