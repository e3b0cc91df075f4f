#pragma once

#include <algorithm>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <limits>
#include <memory>
#include <mutex>
#include <stop_token>
#include <thread>
#include <utility>
#include <vector>

namespace hsconas {

/// Batches of consecutive steps, filled image by image on worker threads and returned in order.
template <typename Made>
class BatchStream {
 public:
  /// The range of steps, the size of each batch and the functions that fill it.
  struct Plan {
    std::int64_t first_step = 0;
    std::int64_t end_step = std::numeric_limits<std::int64_t>::max();
    std::int64_t ahead = 2;   ///< Maximum number of batches being filled or not yet released.
    std::int64_t piece = 16;  ///< Images that a worker takes at a time.
    /// The number of images of batch `step`.
    std::function<std::int64_t(std::int64_t step)> images;
    /// Allocates batch `step`. Called by one thread at a time, in the order of steps.
    std::function<Made(std::int64_t step)> make;
    /// Writes image `i` of batch `step`. Called by many threads at once.
    std::function<void(Made& made, std::int64_t step, std::int64_t i)> fill;
  };

  BatchStream(Plan plan, int workers)
      : plan_(std::move(plan)), next_step_(plan_.first_step), released_(plan_.first_step) {
    for (int i = 0; i < std::max(workers, 1); ++i) {
      threads_.emplace_back([this](const std::stop_token& stop) { run(stop); });
    }
  }

  BatchStream(const BatchStream&) = delete;
  BatchStream& operator=(const BatchStream&) = delete;

  /// Waits for the next batch in order. Call it at most end_step - first_step times, and release()
  /// once after each call, except after one that threw this batch's error.
  Made take() {
    std::unique_lock lock(mutex_);
    ready_.wait(lock, [this] { return is_done() || failure_ != nullptr; });
    if (!is_done()) std::rethrow_exception(failure_);
    const std::unique_ptr<Slot> slot = std::move(slots_.front());
    slots_.pop_front();
    lock.unlock();
    if (slot->error != nullptr) {
      release();
      std::rethrow_exception(slot->error);
    }
    return std::move(slot->made);
  }

  /// Whether take() would return without waiting.
  bool is_ready() {
    const std::scoped_lock lock(mutex_);
    return is_done() && slots_.front()->error == nullptr;
  }

  /// Frees the place of the oldest batch taken, so that another one can be prepared.
  void release() {
    {
      const std::scoped_lock lock(mutex_);
      ++released_;
    }
    work_.notify_all();
  }

 private:
  /// One batch that is being filled.
  struct Slot {
    std::int64_t step = 0;
    std::int64_t images = 0;
    std::int64_t untaken = 0;     ///< Images [images - untaken, images) have no worker yet.
    std::int64_t unfinished = 0;  ///< Images not yet written.
    std::exception_ptr error;
    Made made;
  };

  /// Images [begin, end) of a slot, for one worker; `slot` is null when there is no work now.
  struct Piece {
    Slot* slot = nullptr;
    std::int64_t begin = 0;
    std::int64_t end = 0;
  };

  bool is_done() const { return !slots_.empty() && slots_.front()->unfinished == 0; }

  std::unique_ptr<Slot> make_slot(std::int64_t step) const {
    auto slot = std::make_unique<Slot>();
    slot->step = step;
    slot->images = slot->untaken = slot->unfinished = plan_.images(step);
    slot->made = plan_.make(step);
    return slot;
  }

  /// The caller must hold the lock.
  Piece take_piece() {
    auto slot = std::find_if(slots_.begin(), slots_.end(),
                             [](const auto& candidate) { return candidate->untaken > 0; });
    if (slot == slots_.end()) {
      if (next_step_ >= released_ + plan_.ahead || next_step_ >= plan_.end_step) return {};
      slots_.push_back(make_slot(next_step_++));
      slot = slots_.end() - 1;
    }
    Slot& taken = **slot;
    const std::int64_t begin = taken.images - taken.untaken;
    const std::int64_t count = std::min(plan_.piece, taken.untaken);
    taken.untaken -= count;
    return {&taken, begin, begin + count};
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
      // Without memory for another batch, take() still returns the finished ones.
      failure_ = std::current_exception();
      ready_.notify_one();
    }
  }

  /// Fills `piece`; releases the lock while filling.
  void finish(const Piece& piece, std::unique_lock<std::mutex>& lock) {
    lock.unlock();
    std::exception_ptr error;
    try {
      for (std::int64_t i = piece.begin; i < piece.end; ++i) {
        plan_.fill(piece.slot->made, piece.slot->step, i);
      }
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
  std::int64_t released_;              ///< The first step whose batch was not released.
  std::exception_ptr failure_;         ///< The error of a worker that had to stop.
  std::vector<std::jthread> threads_;  ///< Last: the threads use all of the above.
};

}  // namespace hsconas
