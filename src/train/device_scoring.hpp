#pragma once

#include <memory>
#include <vector>

#include <torch/types.h>

#include "hsconas/data/loader.hpp"
#include "hsconas/score/racing.hpp"
#include "hsconas/supernet/device_path.hpp"

namespace hsconas {

/// Scores architectures on a GPU: calibration and validation images go through a network together,
/// layer by layer; batch norm takes the exact statistics of the calibration images. One read-back
/// per architecture, of one byte per validation image.
class DeviceScoring {
 public:
  /// nullptr where device_engine() has none, or there is an operation that it does not know.
  static std::unique_ptr<DeviceScoring> make(const Supernet& supernet, Number type,
                                             const std::vector<Batch>& calibration,
                                             const std::vector<Batch>& validation);

  /// The images themselves, calibration first: what stands in front of position 0.
  const torch::Tensor& images() const { return images_; }
  /// The calibration images in batches of so many, for other ways to run them.
  std::vector<torch::Tensor> calibration(std::int64_t batch) const;

  /// What the blocks [first, last) of `arch` make of `in`, for the same call with a later block.
  torch::Tensor run(const Architecture& arch, const torch::Tensor& in, std::size_t first,
                    std::size_t last) const;
  /// Whether each validation image is classified rightly. Throws Error(Usage) where values of fp16
  /// left its range.
  Answers answers(const Architecture& arch, const torch::Tensor& in, std::size_t first) const;
  /// Bytes of run()'s result with `last` == position.
  double bytes_before(const Architecture& arch, std::size_t position) const;

 private:
  DeviceScoring(const Supernet& supernet, DeviceEngine& engine, Number type,
                const std::vector<Batch>& calibration, const std::vector<Batch>& validation);

  const Supernet& supernet_;
  DeviceEngine& engine_;
  Number type_;
  torch::Tensor images_;
  torch::Tensor labels_;  ///< Of the validation images.
  std::int64_t calibration_count_ = 0;
};

}  // namespace hsconas
