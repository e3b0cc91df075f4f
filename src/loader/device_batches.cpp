#include "device_batches.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "hsconas/base/parallel.hpp"
#include "hsconas/data/feed_image.hpp"

#if defined(HSCONAS_CUDA)
#include <c10/cuda/CUDAStream.h>
#endif

namespace hsconas {

namespace {

/// A crop may have twice the bytes of the square that it is resized to; the few larger ones are
/// resized by the workers.
constexpr std::int64_t kSquaresPerCrop = 2;

/// The current CUDA stream of `device`; null for a CPU.
void* current_stream([[maybe_unused]] const torch::Device& device) {
#if defined(HSCONAS_CUDA)
  if (device.is_cuda()) return c10::cuda::getCurrentCUDAStream(device.index()).stream();
#endif
  return nullptr;
}

std::unique_ptr<ImageFeed> make_feed(const TrainLoader::Options& options, const ImageFeedPlan& plan,
                                     ImageFeedMemory memory) {
  if (options.make_feed) return options.make_feed(plan, std::move(memory));
#if defined(HSCONAS_CUDA)
  return make_cuda_image_feed(plan, std::move(memory), current_stream(options.device));
#else
  TORCH_INTERNAL_ASSERT(false, "a feed for ", options.device, " in a program without one");
#endif
}

/// Enough slots that every worker has images to fill while one batch is copied and one waits.
int count_slots(int batch, int workers) {
  constexpr int kMost = 16;
  return std::clamp(2 + (2 * workers + batch - 1) / batch, 3, kMost);
}

bool is_resident(const ImageSource& source, const ImageFeedPlan& plan, int memory_mb) {
  constexpr double kBytesPerMegabyte = 1024.0 * 1024.0;
  const double bytes =
      static_cast<double>(source.size()) * static_cast<double>(plan.square_bytes());
  return source.is_in_memory() && !plan.has_crops && bytes <= memory_mb * kBytesPerMegabyte;
}

}  // namespace

bool DeviceBatches::can_feed([[maybe_unused]] const torch::Device& device) {
#if defined(HSCONAS_CUDA)
  return device.is_cuda();
#else
  return false;
#endif
}

DeviceBatches::DeviceBatches(const ImageSource& source, const Transform& transform,
                             TrainingOrder& order, const TrainLoader::Options& options)
    : source_(source),
      transform_(transform),
      order_(order),
      device_(options.device),
      feed_(open_feed(options)),
      used_(static_cast<std::size_t>(feed_->plan().slots)),
      stream_(stream_plan(options.first_step), options.workers) {}

Batch DeviceBatches::next() {
  release_copied();
  if (!next_) begin_copy();
  const Batch batch = make(*std::exchange(next_, std::nullopt));
  // This copy overlaps with the device's computation on the previous batch.
  if (stream_.is_ready()) begin_copy();
  return batch;
}

std::unique_ptr<ImageFeed> DeviceBatches::open_feed(const TrainLoader::Options& options) {
  const Preprocessing& how = transform_.preprocessing();
  ImageFeedPlan plan;
  plan.device = device_.is_cuda() ? device_.index() : 0;
  plan.side = how.image_size;
  plan.channels = how.channels;
  plan.has_crops = how.augment == Augment::Imagenet;
  plan.batch = static_cast<int>(order_.count());
  plan.slots = count_slots(plan.batch, options.workers);
  for (std::size_t c = 0; c < static_cast<std::size_t>(how.channels); ++c) {
    plan.mean[c] = how.normalisation.mean[c];
    plan.deviation[c] = how.normalisation.std[c];
  }
  ImageFeedMemory memory;
  if (is_resident(source_, plan, options.memory_mb)) {
    resident_ = upload_set(options.workers);
    memory.resident = resident_.data_ptr<std::uint8_t>();
  } else {
    plan.bytes = plan.batch * plan.square_bytes() * (plan.has_crops ? kSquaresPerCrop : 1);
  }
  const auto bytes = torch::TensorOptions().dtype(torch::kUInt8);
  for (int slot = 0; slot < plan.slots; ++slot) {
    memory_.push_back(torch::empty({plan.slot_bytes()}, bytes.pinned_memory(device_.is_cuda())));
    memory.host.push_back(memory_.back().data_ptr<std::uint8_t>());
    memory_.push_back(torch::empty({plan.slot_bytes()}, bytes.device(device_)));
    memory.device.push_back(memory_.back().data_ptr<std::uint8_t>());
  }
  if (plan.has_crops) {
    memory_.push_back(torch::empty({plan.batch * plan.square_bytes()}, bytes.device(device_)));
    memory.squares = memory_.back().data_ptr<std::uint8_t>();
  } else {
    torch::Tensor values = torch::empty({plan.channels, 256});
    for (std::int64_t c = 0; c < plan.channels; ++c) {
      const auto& of_channel = transform_.value_of()[static_cast<std::size_t>(c)];
      std::copy(of_channel.begin(), of_channel.end(), values.data_ptr<float>() + c * 256);
    }
    memory_.push_back(values.to(device_));
    memory.values = memory_.back().data_ptr<float>();
  }
  return make_feed(options, plan, std::move(memory));
}

/// Copies all images to the device as squares, piece by piece, so that the host needs no second
/// copy of the set.
torch::Tensor DeviceBatches::upload_set(int workers) const {
  constexpr std::int64_t kPieceBytes = 64 << 20;
  const std::int64_t side = transform_.preprocessing().image_size;
  const std::int64_t square = side * side * transform_.preprocessing().channels;
  const auto bytes = torch::TensorOptions().dtype(torch::kUInt8);
  torch::Tensor set = torch::empty({source_.size(), square}, bytes.device(device_));
  const std::int64_t most = std::clamp(kPieceBytes / square, std::int64_t{1}, source_.size());
  torch::Tensor piece = torch::empty({most, square}, bytes);
  for (std::int64_t first = 0; first < source_.size(); first += most) {
    const std::int64_t count = std::min(most, source_.size() - first);
    auto* to = piece.data_ptr<std::uint8_t>();
    in_parallel(workers, static_cast<std::size_t>(count), [&](std::size_t, std::size_t part) {
      thread_local Image loaded;
      thread_local Image fitted;
      const auto i = static_cast<std::int64_t>(part);
      source_.load(first + i, loaded, static_cast<int>(side));
      fit_square(loaded, static_cast<int>(side), static_cast<int>(side), fitted);
      std::copy(fitted.pixels.begin(), fitted.pixels.end(), to + i * square);
    });
    set.slice(0, first, first + count).copy_(piece.slice(0, 0, count));
  }
  return set;
}

BatchStream<DeviceBatches::Filled>::Plan DeviceBatches::stream_plan(std::int64_t first_step) {
  BatchStream<Filled>::Plan plan;
  const int slots = feed_->plan().slots;
  plan.first_step = first_step;
  plan.ahead = slots;
  // A resident image only needs its random draws, so a worker takes many; one that must be decoded
  // takes about a millisecond.
  plan.piece = resident_.defined() ? 64 : 1;
  plan.images = [this](std::int64_t) { return order_.count(); };
  // Batches are released in order, so slot `step % slots` is free when batch `step` is made.
  plan.make = [this, slots](std::int64_t step) {
    const Filled made{static_cast<int>(step % slots)};
    used_[static_cast<std::size_t>(made.slot)] = 0;
    return made;
  };
  plan.fill = [this](const Filled& made, std::int64_t step, std::int64_t i) {
    fill(made.slot, step, i);
  };
  return plan;
}

void DeviceBatches::fill(int slot, std::int64_t step, std::int64_t i) {
  const ImageFeedPlan& plan = feed_->plan();
  const std::int64_t index = order_.image_of(step, i);
  Rng rng = order_.rng_of(step, i);
  ImageRecord& record = feed_->records(slot)[i];
  if (resident_.defined()) {
    record = record_of(transform_.draw(rng), source_.label(index));
    record.at = index * plan.square_bytes();
    return;
  }
  thread_local FeedImage image;
  load_feed_image(transform_, source_, index, rng, plan.bytes / plan.batch, image);
  // Images are stored in the order in which the workers finish them.
  image.record.at = used_[static_cast<std::size_t>(slot)].fetch_add(image.bytes());
  image.copy_to(feed_->images(slot) + image.record.at);
  record = image.record;
}

void DeviceBatches::begin_copy() {
  const int slot = stream_.take().slot;
  feed_->send(slot, used_[static_cast<std::size_t>(slot)]);
  copied_.push_back(slot);
  next_ = slot;
}

void DeviceBatches::release_copied() {
  for (const int slot : copied_) {
    feed_->wait_until_sent(slot);
    stream_.release();
  }
  copied_.clear();
}

Batch DeviceBatches::make(int slot) {
  const ImageFeedPlan& plan = feed_->plan();
  const auto options = torch::TensorOptions().device(device_);
  const Batch batch{
      torch::empty({plan.batch, plan.channels, plan.side, plan.side},
                   options.dtype(torch::kFloat32).memory_format(torch::MemoryFormat::ChannelsLast)),
      torch::empty({plan.batch}, options.dtype(torch::kInt64))};
  feed_->make(slot, plan.batch, batch.images.data_ptr<float>(),
              batch.labels.data_ptr<std::int64_t>(), current_stream(device_));
  return batch;
}

}  // namespace hsconas
