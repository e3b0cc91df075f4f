#include "support/thread_group.hpp"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "hsconas/base/error.hpp"
#include "support/errors.hpp"

namespace hsconas {

namespace {

constexpr std::chrono::minutes kLongestWait{1};

/// The Error of another rank, which has failed.
struct Released : Error {
  explicit Released(const Error& error) : Error(error) {}
};

/// What the ranks of one collective call have put together.
struct Exchange {
  std::vector<std::int32_t> most;
  std::vector<std::int64_t> sums;
  std::string text;
  std::optional<Error> error;
};

/// Where the ranks meet.
class Meeting {
 public:
  explicit Meeting(int size) : size_(size) {}

  int size() const { return size_; }

  /// Each rank names its call and adds its part; returns what all have added. The result holds
  /// until the rank's next call, for nobody completes that one without it.
  const Exchange& meet(int rank, const std::string& call,
                       const std::function<void(Exchange&)>& add) {
    std::unique_lock lock(mutex_);
    if (failure_) throw Released(*failure_);
    if (arrived_ == 0) call_ = call;
    if (call != call_) {
      fail_locked(
          {ErrorKind::Internal,
           fmt::format("the ranks diverged: rank {} calls {}, another {}", rank, call, call_)});
      throw Error(*failure_);
    }
    add(coming_);
    if (++arrived_ == size_) {
      done_ = std::exchange(coming_, {});
      arrived_ = 0;
      ++meetings_;
      change_.notify_all();
      return done_;
    }
    const std::int64_t before = meetings_;
    const bool is_over = change_.wait_for(
        lock, kLongestWait, [&] { return meetings_ != before || failure_.has_value(); });
    if (!is_over) {
      fail_locked({ErrorKind::Internal, fmt::format("rank {} waits in vain in {}", rank, call)});
      throw Error(*failure_);
    }
    if (meetings_ == before) throw Released(*failure_);
    return done_;
  }

  std::int64_t take(const std::string& queue) {
    const std::lock_guard lock(mutex_);
    if (failure_) throw Released(*failure_);
    return taken_[queue]++;
  }

  void fail(const Error& error) {
    const std::lock_guard lock(mutex_);
    fail_locked(error);
  }

 private:
  void fail_locked(const Error& error) {
    if (!failure_) failure_ = error;
    change_.notify_all();
  }

  const int size_;
  std::mutex mutex_;
  std::condition_variable change_;
  std::string call_;  ///< The one that ranks are arriving at.
  int arrived_ = 0;
  std::int64_t meetings_ = 0;  ///< Completed.
  Exchange coming_;
  Exchange done_;
  std::map<std::string, std::int64_t> taken_;
  std::optional<Error> failure_;
};

/// A rank's view of the meeting.
class ThreadGroup final : public ProcessGroup {
 public:
  ThreadGroup(Meeting& meeting, int rank) : meeting_(meeting), rank_(rank) {}
  ~ThreadGroup() override {
    if (!has_left_) fail({ErrorKind::Internal, fmt::format("rank {} is gone", rank_)});
  }

  int rank() const override { return rank_; }
  int size() const override { return meeting_.size(); }
  int local_rank() const override { return rank_; }
  int local_size() const override { return meeting_.size(); }
  std::string description() const override { return ""; }

  void max(std::span<std::int32_t> values) override {
    const Exchange& all = meet(fmt::format("max of {}", values.size()), [&](Exchange& exchange) {
      if (exchange.most.empty()) exchange.most.assign(values.begin(), values.end());
      for (std::size_t i = 0; i < values.size(); ++i) {
        exchange.most[i] = std::max(exchange.most[i], values[i]);
      }
    });
    std::copy(all.most.begin(), all.most.end(), values.begin());
  }

  void sum(std::span<std::int32_t> values) override {
    const std::vector<std::int64_t> sums =
        sum_of({values.begin(), values.end()}, fmt::format("sum of {} small", values.size()));
    for (std::size_t i = 0; i < values.size(); ++i) {
      values[i] = static_cast<std::int32_t>(sums[i]);
      if (values[i] != sums[i]) throw Error(ErrorKind::Internal, "a sum exceeds 32 bits");
    }
  }

  void sum(std::span<std::int64_t> values) override {
    const std::vector<std::int64_t> sums =
        sum_of({values.begin(), values.end()}, fmt::format("sum of {}", values.size()));
    std::copy(sums.begin(), sums.end(), values.begin());
  }

  bool sum_on_device(std::int32_t* /*values*/, std::size_t /*count*/) override { return false; }

  void broadcast(std::string& text) override {
    text = meet("broadcast", [&](Exchange& exchange) {
             if (rank_ == 0) exchange.text = text;
           }).text;
  }

  std::int64_t next(const std::string& queue) override {
    refuse_on_root("next");
    return meeting_.take(queue);
  }

  std::string on_root(const std::function<std::string()>& f) override {
    refuse_on_root("on_root");
    Exchange mine;
    std::exception_ptr thrown;
    if (rank_ == 0) {
      is_on_root_ = true;
      try {
        mine.text = f();
      } catch (const Error& error) {
        mine.error = error;
        thrown = std::current_exception();
      } catch (const std::exception& error) {
        mine.error.emplace(ErrorKind::Internal, error.what());
        thrown = std::current_exception();
      }
      is_on_root_ = false;
    }
    const Exchange& all = meet("on_root", [&](Exchange& exchange) {
      if (rank_ == 0) exchange = std::move(mine);
    });
    if (thrown) std::rethrow_exception(thrown);
    if (all.error) throw Error(*all.error);
    return all.text;
  }

  void fail(const Error& error) override {
    has_left_ = true;
    meeting_.fail(error);
  }

  void leave() override {
    if (has_left_) return;
    meet("leave", [](Exchange&) {});
    has_left_ = true;
  }

 private:
  std::vector<std::int64_t> sum_of(const std::vector<std::int64_t>& values,
                                   const std::string& call) {
    return meet(call,
                [&](Exchange& exchange) {
                  exchange.sums.resize(values.size());
                  for (std::size_t i = 0; i < values.size(); ++i) exchange.sums[i] += values[i];
                })
        .sums;
  }

  const Exchange& meet(const std::string& call, const std::function<void(Exchange&)>& add) {
    refuse_on_root(call);
    return meeting_.meet(rank_, call, add);
  }

  /// Nobody would answer: the others wait for the end of on_root().
  void refuse_on_root(const std::string& call) const {
    if (is_on_root_) throw Error(ErrorKind::Internal, call + " inside on_root");
  }

  Meeting& meeting_;
  int rank_;
  bool is_on_root_ = false;
  bool has_left_ = false;
};

}  // namespace

std::vector<std::string> run_ranks(int size, const RankWork& work) {
  Meeting meeting(size);
  std::vector<std::string> ends(static_cast<std::size_t>(size));
  std::vector<std::thread> threads;
  for (int rank = 0; rank < size; ++rank) {
    threads.emplace_back([&, rank] {
      const auto group = std::make_shared<ThreadGroup>(meeting, rank);
      std::string& end = ends[static_cast<std::size_t>(rank)];
      const auto worded = [](const Error& error) { return error_of([&] { throw Error(error); }); };
      try {
        work(group);
        group->leave();
        end = "nothing";
      } catch (const Released& error) {
        end = "released: " + worded(error);
      } catch (const Error& error) {
        end = worded(error);
        group->fail(error);
      } catch (const std::exception& error) {
        end = fmt::format("exception: {}", error.what());
        group->fail({ErrorKind::Internal, error.what()});
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  return ends;
}

}  // namespace hsconas
