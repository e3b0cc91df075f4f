#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "cuda_queue.hpp"
#include "hsconas/kernels/number.hpp"

// Common parts of the sections of hsconas_cuda_bench: GPU memory with random values, checks of
// kernels against values computed in double, timings compared with the card's copy bandwidth.

namespace hsconas::cuda::bench {

/// GPU memory, freed by the destructor.
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

/// `value` rounded to `type`.
double rounded(double value, Number type);

/// An output of a checked kernel, and its expected values.
struct Output {
  std::string name;
  void* data = nullptr;
  Number type = Number::Fp32;
  /// One per value in memory; NaN where the kernel must not write.
  std::vector<double> expected;
  /// The largest difference allowed, relative to |expected| + the root mean square of all.
  double limit = 0.0;
  /// If set, the values in memory are reduced by this function before they are compared, and
  /// `raw_count` is their number.
  std::function<std::vector<double>(const std::vector<double>&)> reduce;
  std::int64_t raw_count = 0;
  /// Initial values of the memory; empty: NaN.
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

  /// Whether there is time for more. Prints once per section that there is not.
  bool time_left();
  void begin_section(const char* name);
  double seconds_passed() const;

  /// Random values, uniform in [-scale, scale), rounded to `type`; the host can compute them too.
  Memory random_values(std::int64_t count, Number type, double scale = 1.0);
  std::vector<double> read(const void* data, std::int64_t count, Number type);
  void write(void* data, const std::vector<double>& values, Number type);
  void wait();

  /// Runs `run` twice on outputs that hold their initial values, compares the two results bit by
  /// bit, and the first with the expected values. Prints one line.
  bool check(const std::string& name, const std::vector<Output>& outputs,
             const std::function<void()>& run);
  /// Prints and counts a check that the caller made.
  bool report(const std::string& name, bool passed, const std::string& detail);

  /// Number of buffer sets of `bytes` bytes that together exceed three times the L2 cache.
  int sets_for(std::int64_t bytes) const;

  /// Milliseconds of `run(set)`: the median of 20 timings by events, each of as many runs as take
  /// 0.2 ms, with alternating sets of buffers. The host keeps ahead of the GPU meanwhile.
  double time_ms(int sets, const std::function<void(int)>& run);
  /// Like time_ms(), and prints a line of the table; `floor_bytes` is the least traffic of a run.
  double time(const std::string& name, double floor_bytes, double flops, int sets,
              const std::function<void(int)>& run);

  /// Copy bandwidth, measured by the section "card"; 0 before that.
  double copy_gb_per_s = 0.0;

  int checks() const { return checks_; }
  int failures() const { return failures_; }
  /// Hash of all checked outputs; another run with the same seed must give the same.
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

/// Keeps the GPU busy for `microseconds`, so that the host can get ahead.
void delay(cudaStream_t stream, double microseconds);

}  // namespace hsconas::cuda::bench
