#include "hsconas/data/loader.hpp"

#include <algorithm>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <exception>
#include <limits>
#include <mutex>
#include <stop_token>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "hsconas/base/error.hpp"
#include "hsconas/base/rng.hpp"

namespace hsconas {

namespace {

/// Batches of consecutive steps, filled image by image on worker threads, handed out in order.
class BatchStream {
 public:
  /// How large the batches are, which are wanted, and who fills them.
  struct Plan {
    std::int64_t first_step = 0;
    std::int64_t end_step = std::numeric_limits<std::int64_t>::max();
    std::function<std::int64_t(std::int64_t step)> images;
    /// Writes image `i` of batch `step`: its values, and returns its label. Many threads at once.
    std::function<std::int64_t(std::int64_t step, std::int64_t i, float* values)> fill;
    int side = 0;
    int channels = 0;
    std::int64_t batch = 0;  ///< The usual number of images, to know how far to read ahead.
  };

  BatchStream(Plan plan, int workers)
      : plan_(std::move(plan)),
        next_step_(plan_.first_step),
        ahead_(batches_ahead(plan_, workers)) {
    for (int i = 0; i < std::max(workers, 1); ++i) {
      threads_.emplace_back([this](const std::stop_token& stop) { run(stop); });
    }
  }

  BatchStream(const BatchStream&) = delete;
  BatchStream& operator=(const BatchStream&) = delete;

  /// The next batch in order; to be called at most end_step - first_step times.
  Batch next() {
    std::unique_lock lock(mutex_);
    const auto is_done = [this] { return !slots_.empty() && slots_.front()->unfinished == 0; };
    ready_.wait(lock, [&] { return is_done() || failure_ != nullptr; });
    if (!is_done()) std::rethrow_exception(failure_);
    const std::unique_ptr<Slot> slot = std::move(slots_.front());
    slots_.pop_front();
    lock.unlock();
    work_.notify_all();
    if (slot->error != nullptr) std::rethrow_exception(slot->error);
    return std::move(slot->batch);
  }

 private:
  /// One batch in the making.
  struct Slot {
    std::int64_t step = 0;
    std::int64_t images = 0;
    std::int64_t untaken = 0;     ///< Images [images - untaken, images) are nobody's work yet.
    std::int64_t unfinished = 0;  ///< Images not yet written.
    std::exception_ptr error;
    Batch batch;
  };

  /// A worker's next piece of work; no slot when there is none at present.
  struct Piece {
    Slot* slot = nullptr;
    std::int64_t begin = 0;
    std::int64_t end = 0;
  };

  static std::size_t batches_ahead(const Plan& plan, int workers) {
    constexpr std::int64_t kBytes = std::int64_t{1} << 30U;
    const std::int64_t batch_bytes =
        std::int64_t{4} * plan.batch * plan.channels * plan.side * plan.side;
    const std::int64_t most =
        std::max<std::int64_t>(kBytes / std::max<std::int64_t>(batch_bytes, 1), 2);
    return static_cast<std::size_t>(std::clamp<std::int64_t>(2 * std::int64_t{workers}, 2, most));
  }

  std::unique_ptr<Slot> make_slot(std::int64_t step) const {
    auto slot = std::make_unique<Slot>();
    slot->step = step;
    slot->images = slot->untaken = slot->unfinished = plan_.images(step);
    const auto options = torch::TensorOptions().dtype(torch::kFloat32);
    slot->batch.images = torch::empty({slot->images, plan_.channels, plan_.side, plan_.side},
                                      options.memory_format(torch::MemoryFormat::ChannelsLast));
    slot->batch.labels = torch::empty({slot->images}, options.dtype(torch::kInt64));
    return slot;
  }

  /// Call with the lock held.
  Piece take_piece() {
    constexpr std::int64_t kPiece = 16;
    auto slot = std::find_if(slots_.begin(), slots_.end(),
                             [](const auto& candidate) { return candidate->untaken > 0; });
    if (slot == slots_.end()) {
      if (slots_.size() >= ahead_ || next_step_ >= plan_.end_step) return {};
      slots_.push_back(make_slot(next_step_++));
      slot = slots_.end() - 1;
    }
    Slot& taken = **slot;
    const std::int64_t begin = taken.images - taken.untaken;
    const std::int64_t count = std::min(kPiece, taken.untaken);
    taken.untaken -= count;
    return {&taken, begin, begin + count};
  }

  void fill(const Piece& piece) const {
    const std::int64_t values = std::int64_t{plan_.channels} * plan_.side * plan_.side;
    auto* images = piece.slot->batch.images.data_ptr<float>();
    auto* labels = piece.slot->batch.labels.data_ptr<std::int64_t>();
    for (std::int64_t i = piece.begin; i < piece.end; ++i) {
      labels[i] = plan_.fill(piece.slot->step, i, images + i * values);
    }
  }

  void run(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    try {
      for (;;) {
        Piece piece;
        work_.wait(lock, stop, [&] { return (piece = take_piece()).slot != nullptr; });
        if (stop.stop_requested()) return;
        finish(piece, lock);
      }
    } catch (...) {
      // No memory for another batch: those that are done can still be had.
      failure_ = std::current_exception();
      ready_.notify_one();
    }
  }

  /// Fills `piece` with the lock released meanwhile.
  void finish(const Piece& piece, std::unique_lock<std::mutex>& lock) {
    lock.unlock();
    std::exception_ptr error;
    try {
      fill(piece);
    } catch (...) {
      error = std::current_exception();
    }
    lock.lock();
    if (error != nullptr && piece.slot->error == nullptr) piece.slot->error = error;
    piece.slot->unfinished -= piece.end - piece.begin;
    if (piece.slot->unfinished == 0) ready_.notify_one();
  }

  const Plan plan_;
  std::mutex mutex_;
  std::condition_variable_any work_;
  std::condition_variable ready_;
  std::deque<std::unique_ptr<Slot>> slots_;  ///< In the order of steps.
  std::int64_t next_step_;
  std::size_t ahead_;
  std::exception_ptr failure_;         ///< Of a worker that could not go on.
  std::vector<std::jthread> threads_;  ///< Last, so that they end before what they use.
};

}  // namespace

/// The order of the images in each epoch, and the batches cut out of it.
class TrainLoader::Impl {
 public:
  Impl(std::shared_ptr<const ImageSource> source, std::vector<std::int64_t> indices,
       Preprocessing preprocessing, const Options& options)
      : source_(std::move(source)),
        indices_(std::move(indices)),
        transform_(std::move(preprocessing)),
        batch_(options.batch),
        seed_(options.seed),
        step_(options.first_step),
        stream_(make_plan(), options.workers) {}

  std::int64_t steps_per_epoch() const {
    return static_cast<std::int64_t>(indices_.size()) / batch_;
  }
  std::int64_t step() const { return step_; }

  Batch next() {
    ++step_;
    return stream_.next();
  }

 private:
  using Order = std::vector<std::int64_t>;

  BatchStream::Plan make_plan() {
    const Preprocessing& how = transform_.preprocessing();
    BatchStream::Plan plan;
    plan.first_step = step_;
    plan.images = [this](std::int64_t) { return batch_; };
    plan.fill = [this](std::int64_t step, std::int64_t i, float* values) {
      const std::int64_t index = image_of(step, i);
      Rng rng(seed_, "augment", static_cast<std::uint64_t>(step * batch_ + i));
      transform_.train(*source_, index, rng, values);
      return static_cast<std::int64_t>(source_->label(index));
    };
    plan.side = how.image_size;
    plan.channels = how.channels;
    plan.batch = batch_;
    return plan;
  }

  std::int64_t image_of(std::int64_t step, std::int64_t i) {
    const std::int64_t epoch = step / steps_per_epoch();
    const std::int64_t at = step % steps_per_epoch() * batch_ + i;
    return (*order_of(epoch))[static_cast<std::size_t>(at)];
  }

  /// Kept for the epochs in use: batches made ahead may already belong to the next ones.
  std::shared_ptr<const Order> order_of(std::int64_t epoch) {
    constexpr std::size_t kKept = 4;
    const std::scoped_lock lock(mutex_);
    const auto known = std::find_if(orders_.begin(), orders_.end(),
                                    [&](const auto& order) { return order.first == epoch; });
    if (known != orders_.end()) return known->second;
    auto order = std::make_shared<Order>(indices_);
    Rng rng(seed_, "epoch", static_cast<std::uint64_t>(epoch));
    rng.shuffle(std::span<std::int64_t>(*order));
    orders_.emplace_back(epoch, order);
    if (orders_.size() > kKept) orders_.pop_front();
    return order;
  }

  const std::shared_ptr<const ImageSource> source_;
  const Order indices_;
  const Transform transform_;
  const std::int64_t batch_;
  const std::uint64_t seed_;
  std::int64_t step_;
  std::mutex mutex_;
  std::deque<std::pair<std::int64_t, std::shared_ptr<const Order>>> orders_;
  BatchStream stream_;  ///< Last: its threads use all of the above.
};

TrainLoader::TrainLoader(std::shared_ptr<const ImageSource> source,
                         std::vector<std::int64_t> indices, Preprocessing preprocessing,
                         const Options& options) {
  if (options.batch < 1 || indices.size() < static_cast<std::size_t>(options.batch)) {
    throw Error(ErrorKind::Usage,
                fmt::format("a batch of {} images cannot be drawn from {} training images; lower "
                            "the batch or use more images",
                            options.batch, indices.size()));
  }
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
  BatchStream::Plan plan;
  plan.batch = batch;
  plan.end_step = (count + batch - 1) / batch;
  plan.images = [&](std::int64_t step) {
    return std::min<std::int64_t>(batch, count - step * batch);
  };
  plan.fill = [&](std::int64_t step, std::int64_t i, float* values) {
    const std::int64_t index = indices[static_cast<std::size_t>(step * batch + i)];
    transform.evaluate(source, index, values);
    return static_cast<std::int64_t>(source.label(index));
  };
  plan.side = preprocessing.image_size;
  plan.channels = preprocessing.channels;
  const std::int64_t steps = plan.end_step;
  BatchStream stream(std::move(plan), workers);
  for (std::int64_t step = 0; step < steps; ++step) use(stream.next());
}

std::vector<Batch> load_all(const ImageSource& source, std::span<const std::int64_t> indices,
                            const Preprocessing& preprocessing, int batch, int workers) {
  std::vector<Batch> batches;
  for_each_batch(source, indices, preprocessing, batch, workers,
                 [&](const Batch& made) { batches.push_back(made); });
  return batches;
}

}  // namespace hsconas
