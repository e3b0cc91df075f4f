#include "hsconas/loader/loader.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "batch_stream.hpp"
#include "device_batches.hpp"
#include "hsconas/base/error.hpp"
#include "training_order.hpp"

namespace hsconas {

namespace {

/// Batches to prepare ahead: 2 * workers, at most 1 GiB of them, but at least 2.
std::int64_t batches_ahead(const Preprocessing& how, std::int64_t batch, int workers) {
  constexpr std::int64_t kBytes = std::int64_t{1} << 30U;
  const std::int64_t batch_bytes =
      std::int64_t{4} * batch * how.channels * how.image_size * how.image_size;
  const std::int64_t most =
      std::max<std::int64_t>(kBytes / std::max<std::int64_t>(batch_bytes, 1), 2);
  return std::clamp<std::int64_t>(2 * std::int64_t{workers}, 2, most);
}

Batch empty_batch(const Preprocessing& how, std::int64_t images) {
  const auto options = torch::TensorOptions().dtype(torch::kFloat32);
  return {torch::empty({images, how.channels, how.image_size, how.image_size},
                       options.memory_format(torch::MemoryFormat::ChannelsLast)),
          torch::empty({images}, options.dtype(torch::kInt64))};
}

float* image_in(const Batch& batch, const Transform& transform, std::int64_t i) {
  return batch.images.data_ptr<float>() + i * static_cast<std::int64_t>(transform.values());
}

BatchPart part_of(const TrainLoader::Options& options) {
  const int count = options.images > 0 ? options.images : options.batch - options.first_image;
  TORCH_INTERNAL_ASSERT(
      options.first_image >= 0 && count > 0 && options.first_image + count <= options.batch,
      "images ", options.first_image, " + ", count, " of ", options.batch);
  return {.first = options.first_image, .count = count};
}

/// Training batches on the CPU.
class HostBatches {
 public:
  /// Keeps references to all arguments except `options`.
  HostBatches(const ImageSource& source, const Transform& transform, TrainingOrder& order,
              const TrainLoader::Options& options)
      : stream_(plan(source, transform, order, options), options.workers) {}

  Batch next() {
    Batch batch = stream_.take();
    stream_.release();
    return batch;
  }

 private:
  static BatchStream<Batch>::Plan plan(const ImageSource& source, const Transform& transform,
                                       TrainingOrder& order, const TrainLoader::Options& options) {
    const Preprocessing& how = transform.preprocessing();
    BatchStream<Batch>::Plan plan;
    plan.first_step = options.first_step;
    plan.ahead = batches_ahead(how, order.count(), options.workers);
    plan.images = [&order](std::int64_t) { return order.count(); };
    plan.make = [&](std::int64_t) { return empty_batch(how, order.count()); };
    plan.fill = [&](const Batch& batch, std::int64_t step, std::int64_t i) {
      const std::int64_t index = order.image_of(step, i);
      Rng rng = order.rng_of(step, i);
      transform.train(source, index, rng, image_in(batch, transform, i));
      batch.labels.data_ptr<std::int64_t>()[i] = source.label(index);
    };
    return plan;
  }

  BatchStream<Batch> stream_;
};

}  // namespace

class TrainLoader::Impl {
 public:
  Impl(std::shared_ptr<const ImageSource> source, std::vector<std::int64_t> indices,
       Preprocessing preprocessing, const Options& options)
      : source_(std::move(source)),
        transform_(std::move(preprocessing)),
        order_(std::move(indices), options.batch, part_of(options), options.seed),
        step_(options.first_step) {
    if (options.make_feed || DeviceBatches::can_feed(options.device)) {
      on_device_.emplace(*source_, transform_, order_, options);
    } else {
      on_host_.emplace(*source_, transform_, order_, options);
    }
  }

  std::int64_t steps_per_epoch() const { return order_.steps_per_epoch(); }
  std::int64_t step() const { return step_; }

  Batch next() {
    ++step_;
    return on_device_ ? on_device_->next() : on_host_->next();
  }

 private:
  const std::shared_ptr<const ImageSource> source_;
  const Transform transform_;
  TrainingOrder order_;
  std::int64_t step_;
  // Exactly one is set. They come last because their threads use all of the above.
  std::optional<HostBatches> on_host_;
  std::optional<DeviceBatches> on_device_;
};

void check_batch(std::string_view key, std::int64_t batch, std::int64_t images) {
  if (batch >= 1 && batch <= images) return;
  throw Error(ErrorKind::Usage,
              fmt::format("{}: a batch of {} images cannot be drawn from {} training images; lower "
                          "it or use more images",
                          key, batch, images));
}

TrainLoader::TrainLoader(std::shared_ptr<const ImageSource> source,
                         std::vector<std::int64_t> indices, Preprocessing preprocessing,
                         const Options& options) {
  check_batch("batch", options.batch, std::ssize(indices));
  impl_ = std::make_unique<Impl>(std::move(source), std::move(indices), std::move(preprocessing),
                                 options);
}

TrainLoader::~TrainLoader() = default;

std::int64_t TrainLoader::steps_per_epoch() const {
  return impl_->steps_per_epoch();
}

std::int64_t TrainLoader::step() const {
  return impl_->step();
}

Batch TrainLoader::next() {
  return impl_->next();
}

void for_each_batch(const ImageSource& source, std::span<const std::int64_t> indices,
                    const Preprocessing& preprocessing, int batch, int workers,
                    const std::function<void(const Batch&)>& use) {
  const Transform transform(preprocessing);
  const auto count = static_cast<std::int64_t>(indices.size());
  const std::int64_t steps = (count + batch - 1) / batch;
  const auto images = [&](std::int64_t step) {
    return std::min<std::int64_t>(batch, count - step * batch);
  };
  BatchStream<Batch>::Plan plan;
  plan.end_step = steps;
  plan.ahead = batches_ahead(preprocessing, batch, workers);
  plan.images = images;
  plan.make = [&](std::int64_t step) { return empty_batch(preprocessing, images(step)); };
  plan.fill = [&](const Batch& made, std::int64_t step, std::int64_t i) {
    const std::int64_t index = indices[static_cast<std::size_t>(step * batch + i)];
    transform.evaluate(source, index, image_in(made, transform, i));
    made.labels.data_ptr<std::int64_t>()[i] = source.label(index);
  };
  BatchStream<Batch> stream(std::move(plan), workers);
  for (std::int64_t step = 0; step < steps; ++step) {
    const Batch made = stream.take();
    stream.release();
    use(made);
  }
}

std::vector<Batch> load_all(const ImageSource& source, std::span<const std::int64_t> indices,
                            const Preprocessing& preprocessing, int batch, int workers,
                            const torch::Device& device) {
  std::vector<Batch> batches;
  for_each_batch(source, indices, preprocessing, batch, workers, [&](const Batch& made) {
    batches.push_back({made.images.to(device), made.labels.to(device)});
  });
  return batches;
}

}  // namespace hsconas
