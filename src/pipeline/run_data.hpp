#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "hsconas/base/log.hpp"
#include "hsconas/base/process_group.hpp"
#include "hsconas/config/config.hpp"
#include "hsconas/data/dataset.hpp"
#include "hsconas/loader/loader.hpp"

namespace hsconas {

/// The images of one run. The training set is split into images to train on and held-out images
/// that score candidates; the test set is used for the finished winner only.
class RunData {
 public:
  /// Throws Error(Usage) when the data set and the space differ in channels or classes.
  RunData(const Config& config, Log& log);

  /// Training batches on config.device, from step `first_step` on, of which this rank of `group`
  /// gets its groups; `stage` names the random stream. With `with_holdout`, the held-out images are
  /// trained on, too.
  std::unique_ptr<TrainLoader> train_loader(const std::string& stage,
                                            const SupernetConfig& training,
                                            const ProcessGroup& group, std::int64_t first_step,
                                            bool with_holdout = false) const;
  /// Training images without augmentation, for batch norm statistics; on config.device. At most
  /// `most` of them.
  std::vector<Batch> calibration(int most = std::numeric_limits<int>::max()) const;
  /// Held-out images that score candidates; on config.device.
  std::vector<Batch> validation() const;
  /// Calls `use` for every batch of the test set, which is streamed because it may be large and is
  /// needed only once.
  void for_each_test_batch(const std::function<void(const Batch&)>& use) const;

  const std::vector<std::string>& classes() const { return dataset_.classes; }
  const Pixels& normalisation() const { return preprocessing_.normalisation; }
  /// Identities of the training set and the test set.
  const DataIdentity& train_identity() const { return dataset_.train_identity; }
  const DataIdentity& test_identity() const { return dataset_.test_identity; }
  /// Number of images to train on, without the held-out ones.
  std::int64_t training_images() const { return std::ssize(split_.train); }
  std::int64_t held_out_images() const { return std::ssize(split_.holdout); }

 private:
  const Config& config_;
  Dataset dataset_;
  Split split_;
  Preprocessing preprocessing_;
};

}  // namespace hsconas
