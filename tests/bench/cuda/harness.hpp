#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "cuda_queue.hpp"
#include "hsconas/kernels/number.hpp"

// What the sections of hsconas_cuda_bench share: memory of the GPU filled at random, checks of a
// kernel against numbers worked out in double, timings beside the card's copy bandwidth.

namespace hsconas::cuda::bench {

/// Memory of the GPU, freed at the end.
class Memory {
 public:
  Memory() = default;
  explicit Memory(std::int64_t bytes);
  ~Memory();
  Memory(Memory&& other) noexcept;
  Memory& operator=(Memory&& other) noexcept;

  std::int64_t bytes() const { return bytes_; }
  void* data() const { return data_; }
  template <typename T>
  T* as() const {
    return static_cast<T*>(data_);
  }

 private:
  void* data_ = nullptr;
  std::int64_t bytes_ = 0;
};

std::int64_t bytes_of(Number type);
const char* name_of(Number type);

/// What `value` becomes when it is stored as `type`.
double rounded(double value, Number type);

/// A value of a check: where a kernel leaves it, and what it must be.
struct Output {
  std::string name;
  void* data = nullptr;
  Number type = Number::Fp32;
  /// One for each value in memory; not a number where the kernel must not write.
  std::vector<double> expected;
  /// The largest difference allowed, as a part of |expected| + the root mean square of all.
  double limit = 0.0;
  /// Applied to what was read before it is compared; by default it stays as it is. Then `raw_count`
  /// says how many values there are in memory.
  std::function<std::vector<double>(const std::vector<double>&)> reduce;
  std::int64_t raw_count = 0;
  /// What to fill the memory with first; empty: no numbers.
  std::vector<double> before;
};

/// Limits for outputs of sums in fp32: a little more than half a unit in the last place.
double limit_of(Number type);

class Bench {
 public:
  explicit Bench(double seconds, unsigned seed);
  ~Bench();
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;

  CudaQueue& queue() { return queue_; }
  cudaStream_t stream() const { return stream_; }
  std::mt19937& random() { return random_; }
  int uniform(int low, int high) { return std::uniform_int_distribution<int>(low, high)(random_); }
  std::int64_t l2_bytes() const { return l2_bytes_; }

  /// Whether there is time for more; says once per section that there is not.
  bool time_left();
  void begin_section(const char* name);
  double seconds_passed() const;

  /// Values uniform in [-scale, scale), rounded to `type`, also to be had on the host.
  Memory random_values(std::int64_t count, Number type, double scale = 1.0);
  std::vector<double> read(const void* data, std::int64_t count, Number type);
  void write(void* data, const std::vector<double>& values, Number type);
  void wait();

  /// Runs `run` twice on outputs that hold no numbers before, compares the results bit by bit, and
  /// the first with what is expected. Prints one line.
  bool check(const std::string& name, const std::vector<Output>& outputs,
             const std::function<void()>& run);
  /// Prints and counts a check made elsewhere.
  bool report(const std::string& name, bool passed, const std::string& detail);

  /// How many sets of `bytes` it takes to be larger than three times the L2 cache.
  int sets_for(std::int64_t bytes) const;

  /// Milliseconds of `run(set)`, the median of 20 timings, each between two events around as many
  /// runs as take 0.2 ms, with the sets of buffers in turn. The host is ahead of the GPU meanwhile.
  double time_ms(int sets, const std::function<void(int)>& run);
  /// The same with a line of the table; `floor_bytes` are those that must be moved.
  double time(const std::string& name, double floor_bytes, double flops, int sets,
              const std::function<void(int)>& run);

  /// Measured by the section of the card; 0 before.
  double copy_gb_per_s = 0.0;

  int checks() const { return checks_; }
  int failures() const { return failures_; }
  /// Of the bits of all outputs checked: another run with the same seed must have the same.
  std::uint64_t hash() const { return hash_; }

 private:
  std::chrono::steady_clock::time_point begin_;
  double seconds_;
  cudaStream_t stream_;
  CudaQueue queue_;
  std::mt19937 random_;
  std::int64_t l2_bytes_ = 0;
  bool said_out_of_time_ = false;
  int checks_ = 0;
  int failures_ = 0;
  std::uint64_t hash_ = 0xcbf29ce484222325ULL;
};

/// Keeps the GPU busy for so long, so that the host can get ahead.
void delay(cudaStream_t stream, double microseconds);

}  // namespace hsconas::cuda::bench
