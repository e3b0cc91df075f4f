#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "hsconas/base/log.hpp"
#include "hsconas/config/config.hpp"
#include "hsconas/data/dataset.hpp"
#include "hsconas/loader/loader.hpp"

namespace hsconas {

/// The images of one run: the training set split into images to train on and images to judge
/// candidates by, and the test set, which only the finished winner sees.
class RunData {
 public:
  /// Throws Error(Usage) when the space does not fit the data: other channels or classes.
  RunData(const Config& config, Log& log);

  /// Batches for config.device. With `with_holdout`, also of the images that are set aside to judge
  /// candidates by.
  std::unique_ptr<TrainLoader> train_loader(const std::string& stage, int batch,
                                            std::int64_t first_step,
                                            bool with_holdout = false) const;
  /// Training images without augmentation, for batch norm statistics; on config.device.
  std::vector<Batch> calibration() const;
  /// Held-out images that score candidates; on config.device.
  std::vector<Batch> validation() const;
  /// The test set is streamed: it may be large and is seen once.
  void for_each_test_batch(const std::function<void(const Batch&)>& use) const;

  const std::vector<std::string>& classes() const { return dataset_.classes; }
  const Pixels& normalisation() const { return preprocessing_.normalisation; }
  /// Of the data set's parts.
  const DataIdentity& train_identity() const { return dataset_.train_identity; }
  const DataIdentity& test_identity() const { return dataset_.test_identity; }
  std::int64_t training_images() const { return static_cast<std::int64_t>(split_.train.size()); }

 private:
  const Config& config_;
  Dataset dataset_;
  Split split_;
  Preprocessing preprocessing_;
};

}  // namespace hsconas
