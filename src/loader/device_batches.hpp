#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include <torch/types.h>

#include "batch_stream.hpp"
#include "hsconas/data/transform.hpp"
#include "hsconas/kernels/image_feed.hpp"
#include "hsconas/loader/loader.hpp"
#include "training_order.hpp"

namespace hsconas {

/// Training batches that a device makes out of image bytes. A set that is in the host's memory,
/// needs no crops and fits `memory_mb` is copied to the device once; for other sets the workers
/// load the images of every batch and their bytes are copied. For use from one thread.
class DeviceBatches {
 public:
  /// Keeps references to all arguments except `options`.
  DeviceBatches(const ImageSource& source, const Transform& transform, TrainingOrder& order,
                const TrainLoader::Options& options);

  /// Whether the program can make batches on `device`.
  static bool can_feed(const torch::Device& device);

  Batch next();

 private:
  /// A batch whose records and bytes are in the host's memory.
  struct Filled {
    int slot = 0;
  };

  std::unique_ptr<ImageFeed> open_feed(const TrainLoader::Options& options);
  torch::Tensor upload_set(int workers) const;
  BatchStream<Filled>::Plan stream_plan(std::int64_t first_step);
  void fill(int slot, std::int64_t step, std::int64_t i);
  void begin_copy();
  void release_copied();
  Batch make(int slot);

  const ImageSource& source_;
  const Transform& transform_;
  TrainingOrder& order_;
  const torch::Device device_;
  std::vector<torch::Tensor> memory_;  ///< Everything that the feed works on.
  torch::Tensor resident_;             ///< uint8 [images, side, side, channels], or undefined.
  std::unique_ptr<ImageFeed> feed_;
  std::vector<std::atomic<std::int64_t>> used_;  ///< Bytes of images in each slot.
  std::optional<int> next_;                      ///< Slot of the next batch, which is being copied.
  std::vector<int> copied_;                      ///< Slots whose copies were not waited for yet.
  BatchStream<Filled> stream_;                   ///< Last: its threads use all of the above.
};

}  // namespace hsconas
