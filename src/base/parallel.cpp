#include "hsconas/base/parallel.hpp"

#include <algorithm>
#include <atomic>
#include <cfenv>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <signal.h>
#include <system_error>
#include <thread>
#include <vector>

#ifdef _OPENMP
#include <omp.h>
#endif

namespace hsconas {

namespace {

using Clock = std::chrono::steady_clock;

/// How long a thread waits in a loop before it sleeps. Waking it takes about as long.
constexpr auto kSpin = std::chrono::microseconds(50);

void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

/// Waits in a loop, for kSpin at most, until `is_done()`. Returns its last answer.
template <typename Condition>
bool spin_until(const Condition& is_done) {
  constexpr int kPausesPerLook = 32;  // Reading the clock takes as long as a few pauses.
  const auto end = Clock::now() + kSpin;
  do {
    for (int i = 0; i < kPausesPerLook; ++i) {
      if (is_done()) return true;
      pause();
    }
  } while (Clock::now() < end);
  return is_done();
}

/// OpenMP's regions, which LibTorch's operators have, run on the calling thread alone during the
/// lifetime of an object: otherwise each thread that runs parts would have a team of its own.
class OneOpenMpThread {
 public:
#ifdef _OPENMP
  OneOpenMpThread() : before_(::omp_get_max_threads()) {
    ::omp_set_num_threads(1);
  }
  ~OneOpenMpThread() {
    ::omp_set_num_threads(before_);
  }
  OneOpenMpThread(const OneOpenMpThread&) = delete;
  OneOpenMpThread& operator=(const OneOpenMpThread&) = delete;

 private:
  int before_;
#endif
};

thread_local bool is_inside = false;  ///< This thread runs a part.

/// The parts of one thread that are not yet taken, [next, end), on a cache line of its own.
struct alignas(64) Share {
  std::atomic<std::size_t> next = 0;
  std::size_t end = 0;
};

/// One call of in_parallel().
class Job {
 public:
  using Work = std::function<void(std::size_t thread, std::size_t part)>;

  Job(std::size_t threads, std::size_t parts, const Work& work) : work_(work), shares_(threads) {
    for (std::size_t i = 0; i < threads; ++i) {
      shares_[i].next = parts * i / threads;
      shares_[i].end = parts * (i + 1) / threads;
    }
    std::fegetenv(&environment_);
  }

  std::size_t threads() const { return shares_.size(); }

  /// Runs parts as thread number `thread`, until all are taken.
  void run(std::size_t thread) {
    [[maybe_unused]] const OneOpenMpThread one;
    is_inside = true;
    for (std::size_t ahead = 0; ahead < threads(); ++ahead) {
      Share& share = shares_[(thread + ahead) % threads()];
      for (std::size_t part = share.next++; part < share.end && !has_failed_; part = share.next++) {
        try {
          work_(thread, part);
        } catch (...) {
          if (!has_failed_.exchange(true)) error_ = std::current_exception();
        }
      }
    }
    is_inside = false;
  }

  /// Like run(), for a thread of the pool.
  void help(std::size_t thread) {
    std::fesetenv(&environment_);
    run(thread);
  }

  void rethrow() const {
    if (error_) std::rethrow_exception(error_);
  }

  // These belong to the pool, which guards them by its mutex.
  std::vector<bool> is_numbered;        ///< Whether a thread of the pool has this number.
  std::size_t joined = 0;               ///< Threads of the pool that have ever helped.
  std::atomic<std::size_t> active = 0;  ///< Threads of the pool that help now.

 private:
  const Work& work_;
  std::vector<Share> shares_;
  std::fenv_t environment_{};
  std::atomic<bool> has_failed_ = false;
  std::exception_ptr error_;
};

/// Threads that sleep until there is a job. They never end, so the pool must not be destroyed.
class Pool {
 public:
  static Pool& shared() {
    static Pool& pool = *new Pool;
    return pool;
  }

  /// Runs `job` on the calling thread, as number 0, and on those of the pool that come in time.
  void run(Job& job) {
    invite(job);
    job.run(0);
    withdraw(job);
    const auto is_done = [&] { return job.active == 0; };
    if (spin_until(is_done)) return;
    std::unique_lock lock(mutex_);
    done_.wait(lock, is_done);
  }

 private:
  void invite(Job& job) {
    const std::size_t helpers = job.threads() - 1;
    job.is_numbered.assign(job.threads(), false);
    {
      const std::scoped_lock lock(mutex_);
      wanted_ += helpers;
      while (size_ < wanted_ && start_thread()) {
      }
      open_.push_back(&job);
      has_open_ = true;
      if (sleeping_ == 0) return;
    }
    called_.notify_all();
  }

  /// No more threads join.
  void withdraw(Job& job) {
    const std::scoped_lock lock(mutex_);
    wanted_ -= job.threads() - 1;
    close(job);
  }

  void close(Job& job) {
    std::erase(open_, &job);
    has_open_ = !open_.empty();
  }

  /// False if the system allows no more threads: jobs then have fewer.
  bool start_thread() {
    // Signals are for the main thread, which they interrupt while it waits.
    sigset_t all;
    sigset_t before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    bool is_started = true;
    try {
      std::thread([this, number = size_ + 1] { serve(number); }).detach();
      ++size_;
    } catch (const std::system_error&) {
      is_started = false;
    }
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return is_started;
  }

  void serve(std::size_t number) {
    std::unique_lock lock(mutex_);
    while (true) {
      if (open_.empty()) {
        lock.unlock();
        spin_until([&] { return has_open_.load(); });
        lock.lock();
        ++sleeping_;
        called_.wait(lock, [&] { return !open_.empty(); });
        --sleeping_;
      }
      Job& job = *open_.front();
      const std::size_t thread = join(job, number);
      lock.unlock();
      job.help(thread);
      lock.lock();
      if (--job.active == 0) done_.notify_all();  // From here on, the job may be gone.
    }
  }

  /// Gives the pool's thread `number` the same number in the job if that is free.
  std::size_t join(Job& job, std::size_t number) {
    std::size_t thread = number;
    if (thread >= job.threads() || job.is_numbered[thread]) {
      thread = 1;
      while (job.is_numbered[thread]) ++thread;
    }
    job.is_numbered[thread] = true;
    ++job.active;
    if (++job.joined == job.threads() - 1) close(job);
    return thread;
  }

  std::mutex mutex_;
  std::condition_variable called_;  ///< There is an open job.
  std::condition_variable done_;    ///< A job has no active threads of the pool any more.
  std::vector<Job*> open_;          ///< Jobs that more threads may join.
  std::atomic<bool> has_open_ = false;
  std::size_t wanted_ = 0;    ///< Threads that the jobs now running may use together.
  std::size_t size_ = 0;      ///< Threads of the pool.
  std::size_t sleeping_ = 0;  ///< Those that must be woken.
};

}  // namespace

void in_parallel(int threads, std::size_t parts,
                 const std::function<void(std::size_t thread, std::size_t part)>& work) {
  const std::size_t count = std::min(static_cast<std::size_t>(std::max(threads, 1)), parts);
  if (count <= 1 || is_inside) {
    for (std::size_t part = 0; part < parts; ++part) work(0, part);
    return;
  }
  Job job(count, parts, work);
  Pool::shared().run(job);
  job.rethrow();
}

bool runs_part() {
  return is_inside;
}

}  // namespace hsconas
