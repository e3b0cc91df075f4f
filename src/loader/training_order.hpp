#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

#include "hsconas/base/rng.hpp"

namespace hsconas {

/// The images that a process takes from each training batch.
struct BatchPart {
  std::int64_t first = 0;
  std::int64_t count = 0;
};

/// The order of images in the training batches, and the random stream that augments each image.
/// Both depend only on the constructor's arguments; images are counted from the first one of
/// `part`, but the part has no influence on an image and its stream. Thread-safe.
class TrainingOrder {
 public:
  TrainingOrder(std::vector<std::int64_t> indices, std::int64_t batch, BatchPart part,
                std::uint64_t seed)
      : indices_(std::move(indices)), batch_(batch), part_(part), seed_(seed) {}

  /// The number of images in the part.
  std::int64_t count() const { return part_.count; }
  std::int64_t steps_per_epoch() const {
    return static_cast<std::int64_t>(indices_.size()) / batch_;
  }

  /// The index of image `i` of the part of batch `step`.
  std::int64_t image_of(std::int64_t step, std::int64_t i) {
    const std::int64_t epoch = step / steps_per_epoch();
    const std::int64_t at = step % steps_per_epoch() * batch_ + part_.first + i;
    return (*order_of(epoch))[static_cast<std::size_t>(at)];
  }

  /// The random stream that augments image `i` of the part of batch `step`.
  Rng rng_of(std::int64_t step, std::int64_t i) const {
    return {seed_, "augment", static_cast<std::uint64_t>(step * batch_ + part_.first + i)};
  }

 private:
  using Order = std::vector<std::int64_t>;

  /// The shuffled order of `epoch`. The last four are kept, because batches prepared ahead may
  /// already belong to later epochs.
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

  const Order indices_;
  const std::int64_t batch_;
  const BatchPart part_;
  const std::uint64_t seed_;
  std::mutex mutex_;
  std::deque<std::pair<std::int64_t, std::shared_ptr<const Order>>> orders_;
};

}  // namespace hsconas
