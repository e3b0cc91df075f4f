#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include <torch/types.h>

#include "hsconas/data/image_source.hpp"
#include "hsconas/data/transform.hpp"
#include "hsconas/kernels/image_feed.hpp"

namespace hsconas {

/// Network inputs and their labels.
struct Batch {
  torch::Tensor images;  ///< float32 [N, C, H, W], channels-last, normalised.
  torch::Tensor labels;  ///< int64 [N].
};

/// Throws Error(Usage) that names the config key `key` unless a batch can be drawn from `images`
/// training images.
void check_batch(std::string_view key, std::int64_t batch, std::int64_t images);

/// Endless training batches, prepared ahead by worker threads.
///
/// The content of batch `step` depends only on the constructor's arguments and `step`, not on
/// threads or timing, so a run resumed at `first_step` sees the batches it would have seen. An
/// image of a part of a batch has the bits that it has in the whole batch. Every epoch goes through
/// the images in a new order; images at its end that do not fill a batch are dropped. Batches are
/// made on the CPU; in a build with CUDA kernels they are made on a CUDA device, with the same
/// bits, and the workers only decode. On the CPU about 2 * workers batches are prepared ahead,
/// fewer when they are large. For use from one thread; with a GPU, from the thread whose current
/// stream uses the batches.
class TrainLoader {
 public:
  struct Options {
    int batch = 128;      ///< Images per step.
    int first_image = 0;  ///< Where this process's part of each batch begins.
    int images = 0;       ///< Images in that part, which alone are made; 0: the rest of the batch.
    std::uint64_t seed = 1;
    std::int64_t first_step = 0;
    int workers = 2;                     ///< Threads, at least 1.
    torch::Device device = torch::kCPU;  ///< Where the batches are used.
    int memory_mb = 2048;                ///< A set up to this size is copied to a GPU once.
    /// For the tests: when set, makes the feed of `device`, which may then be a CPU.
    std::function<std::unique_ptr<ImageFeed>(const ImageFeedPlan&, ImageFeedMemory)> make_feed{};
  };

  /// Throws Error(Usage) when there are fewer images than one batch needs. The part of a batch must
  /// be inside it.
  TrainLoader(std::shared_ptr<const ImageSource> source, std::vector<std::int64_t> indices,
              Preprocessing preprocessing, const Options& options);
  ~TrainLoader();
  TrainLoader(const TrainLoader&) = delete;
  TrainLoader& operator=(const TrainLoader&) = delete;

  std::int64_t steps_per_epoch() const;
  /// The step that next() will return.
  std::int64_t step() const;
  /// The next batch. Throws Error(Data) when one of its images cannot be decoded.
  Batch next();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// Preprocesses the images `indices` of `source` for evaluation, in that order, and calls `use` on
/// the calling thread with `batch` of them at a time (the last batch may be smaller), while
/// `workers` threads prepare the next ones. Throws Error(Data) when an image cannot be decoded.
void for_each_batch(const ImageSource& source, std::span<const std::int64_t> indices,
                    const Preprocessing& preprocessing, int batch, int workers,
                    const std::function<void(const Batch&)>& use);

/// All batches of for_each_batch(), kept on `device`; an image needs 4 * C * H * W bytes there.
std::vector<Batch> load_all(const ImageSource& source, std::span<const std::int64_t> indices,
                            const Preprocessing& preprocessing, int batch, int workers,
                            const torch::Device& device = torch::kCPU);

}  // namespace hsconas
