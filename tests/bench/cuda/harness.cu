#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <limits>
#include <utility>

#include "harness.hpp"

namespace hsconas::cuda::bench {

namespace {

constexpr int kTimings = 20;
constexpr int kMostRuns = 50;  // Runs per timing; the driver queues about a thousand launches.

__global__ void fill(void* data, std::int64_t count, int type, float scale, std::uint64_t seed) {
  const std::int64_t step = std::int64_t{gridDim.x} * blockDim.x;
  for (std::int64_t i = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < count; i += step) {
    std::uint64_t x = seed + static_cast<std::uint64_t>(i) * 0x9e3779b97f4a7c15ULL;  // splitmix64
    x = (x ^ (x >> 30U)) * 0xbf58476d1ce4e5b9ULL;
    x = (x ^ (x >> 27U)) * 0x94d049bb133111ebULL;
    x ^= x >> 31U;
    const float value = scale * (static_cast<float>(x >> 40U) * (2.0F / 16777216.0F) - 1.0F);
    switch (static_cast<Number>(type)) {
      case Number::Fp32:
        static_cast<float*>(data)[i] = value;
        break;
      case Number::Bf16:
        static_cast<__nv_bfloat16*>(data)[i] = __float2bfloat16_rn(value);
        break;
      case Number::Fp16:
        static_cast<__half*>(data)[i] = __float2half_rn(value);
        break;
    }
  }
}

__global__ void spin(long long nanoseconds) {
  long long begin = 0;
  long long now = 0;
  asm volatile("mov.u64 %0, %%globaltimer;" : "=l"(begin));
  do {
    asm volatile("mov.u64 %0, %%globaltimer;" : "=l"(now));
  } while (now - begin < nanoseconds);
}

double value_at(const void* data, std::int64_t i, Number type) {
  switch (type) {
    case Number::Fp32:
      return static_cast<double>(static_cast<const float*>(data)[i]);
    case Number::Bf16:
      return static_cast<double>(__bfloat162float(static_cast<const __nv_bfloat16*>(data)[i]));
    case Number::Fp16:
      return static_cast<double>(__half2float(static_cast<const __half*>(data)[i]));
  }
  return 0.0;
}

void store(void* data, std::int64_t i, Number type, double value) {
  const auto single = static_cast<float>(value);
  switch (type) {
    case Number::Fp32:
      static_cast<float*>(data)[i] = single;
      break;
    case Number::Bf16:
      static_cast<__nv_bfloat16*>(data)[i] = __float2bfloat16_rn(single);
      break;
    case Number::Fp16:
      static_cast<__half*>(data)[i] = __float2half_rn(single);
      break;
  }
}

std::int64_t count_of(const Output& output) {
  return output.raw_count > 0 ? output.raw_count
                              : static_cast<std::int64_t>(output.expected.size());
}

// The largest difference, relative to the limit, and its place.
struct Worst {
  double error = 0.0;
  std::size_t at = 0;
  double found = 0.0;
};

Worst worst_of(const Output& output, const std::vector<double>& found) {
  double squares = 0.0;
  std::int64_t numbers = 0;
  for (const double value : output.expected) {
    if (std::isnan(value)) continue;
    squares += value * value;
    ++numbers;
  }
  const double typical =
      std::sqrt(squares / static_cast<double>(std::max<std::int64_t>(numbers, 1)));
  Worst worst;
  for (std::size_t i = 0; i < output.expected.size(); ++i) {
    const double expected = output.expected[i];
    double error =
        std::abs(found[i] - expected) / (output.limit * (std::abs(expected) + typical) + 1e-30);
    if (std::isnan(expected)) error = std::isnan(found[i]) ? 0.0 : 1e30;
    if (std::isnan(error)) error = 1e30;
    if (error > worst.error) worst = {error, i, found[i]};
  }
  return worst;
}

cudaStream_t new_stream() {
  cudaStream_t stream = nullptr;
  check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "creating a stream");
  return stream;
}

}  // namespace

Memory::Memory(std::int64_t bytes) : bytes_(bytes) {
  check(cudaMalloc(&data_, static_cast<std::size_t>(std::max<std::int64_t>(bytes, 16))),
        "allocating memory");
}
Memory::~Memory() {
  cudaFree(data_);
}
Memory::Memory(Memory&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
Memory& Memory::operator=(Memory&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

std::int64_t bytes_of(Number type) {
  return type == Number::Fp32 ? 4 : 2;
}

const char* name_of(Number type) {
  switch (type) {
    case Number::Fp32:
      return "fp32";
    case Number::Bf16:
      return "bf16";
    case Number::Fp16:
      return "fp16";
  }
  return "?";
}

double rounded(double value, Number type) {
  float memory = 0.0F;
  store(&memory, 0, type, value);
  return value_at(&memory, 0, type);
}

double limit_of(Number type) {
  switch (type) {
    case Number::Fp32:
      return 1e-4;  // Tensor cores truncate instead of rounding.
    case Number::Bf16:
      return 0.0041;
    case Number::Fp16:
      return 0.00061;
  }
  return 0.0;
}

Bench::Bench(double seconds, unsigned seed)
    : begin_(std::chrono::steady_clock::now()),
      seconds_(seconds),
      stream_(new_stream()),
      queue_(stream_),
      random_(seed) {
  int device = 0;
  int bytes = 0;
  cuda::check(cudaGetDevice(&device), "asking for the device");
  cuda::check(cudaDeviceGetAttribute(&bytes, cudaDevAttrL2CacheSize, device), "asking for the L2");
  l2_bytes_ = bytes;
}

Bench::~Bench() {
  cudaStreamSynchronize(stream_);
}

double Bench::seconds_passed() const {
  const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - begin_;
  return passed.count();
}

bool Bench::time_left() {
  if (seconds_passed() < seconds_) return true;
  if (!said_out_of_time_) std::printf("  OUT OF TIME: the rest of this section is left out\n");
  said_out_of_time_ = true;
  return false;
}

void Bench::begin_section(const char* name) {
  said_out_of_time_ = false;
  std::printf("\n== %s (at %.1f s)\n", name, seconds_passed());
}

Memory Bench::random_values(std::int64_t count, Number type, double scale) {
  Memory memory(count * bytes_of(type));
  const auto blocks = static_cast<unsigned>(std::clamp<std::int64_t>((count + 255) / 256, 1, 4096));
  const std::uint64_t seed = (static_cast<std::uint64_t>(random_()) << 32U) | random_();
  fill<<<blocks, 256, 0, stream_>>>(memory.data(), count, static_cast<int>(type),
                                    static_cast<float>(scale), seed);
  cuda::check(cudaGetLastError(), "filling memory");
  return memory;
}

std::vector<double> Bench::read(const void* data, std::int64_t count, Number type) {
  std::vector<unsigned char> raw(static_cast<std::size_t>(count * bytes_of(type)));
  wait();
  cuda::check(cudaMemcpy(raw.data(), data, raw.size(), cudaMemcpyDeviceToHost), "reading back");
  std::vector<double> values(static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < count; ++i) {
    values[static_cast<std::size_t>(i)] = value_at(raw.data(), i, type);
  }
  return values;
}

void Bench::write(void* data, const std::vector<double>& values, Number type) {
  const auto count = static_cast<std::int64_t>(values.size());
  std::vector<unsigned char> raw(static_cast<std::size_t>(count * bytes_of(type)));
  for (std::int64_t i = 0; i < count; ++i) {
    store(raw.data(), i, type, values[static_cast<std::size_t>(i)]);
  }
  wait();
  cuda::check(cudaMemcpy(data, raw.data(), raw.size(), cudaMemcpyHostToDevice), "writing");
}

void Bench::wait() {
  cuda::check(cudaStreamSynchronize(stream_), "running what was launched");
}

bool Bench::report(const std::string& name, bool passed, const std::string& detail) {
  ++checks_;
  if (!passed) ++failures_;
  std::printf("  %-6s %-74s %s\n", passed ? "ok" : "FAILED", name.c_str(), detail.c_str());
  return passed;
}

bool Bench::check(const std::string& name, const std::vector<Output>& outputs,
                  const std::function<void()>& run) {
  std::vector<std::vector<unsigned char>> bits[2];
  for (auto& all : bits) {
    for (const Output& output : outputs) {
      const auto bytes = static_cast<std::size_t>(count_of(output) * bytes_of(output.type));
      if (output.before.empty()) {
        cuda::check(cudaMemsetAsync(output.data, 0xff, bytes, stream_), "poisoning");
      } else {
        write(output.data, output.before, output.type);
      }
    }
    run();
    wait();
    for (const Output& output : outputs) {
      const auto bytes = static_cast<std::size_t>(count_of(output) * bytes_of(output.type));
      all.emplace_back(bytes);
      cuda::check(cudaMemcpy(all.back().data(), output.data, bytes, cudaMemcpyDeviceToHost),
                  "reading back");
      for (const unsigned char byte : all.back()) hash_ = (hash_ ^ byte) * 0x100000001b3ULL;
    }
  }
  bool passed = true;
  double worst_error = 0.0;
  std::string detail;
  for (std::size_t k = 0; k < outputs.size(); ++k) {
    const Output& output = outputs[k];
    std::vector<double> found(static_cast<std::size_t>(count_of(output)));
    for (std::size_t i = 0; i < found.size(); ++i) {
      found[i] = value_at(bits[0][k].data(), static_cast<std::int64_t>(i), output.type);
    }
    if (output.reduce) found = output.reduce(found);
    const Worst worst = worst_of(output, found);
    worst_error = std::max(worst_error, worst.error);
    if (worst.error > 1.0) {
      passed = false;
      char text[160];
      std::snprintf(text, sizeof(text), "%s[%zu] is %.6g, not %.6g; ", output.name.c_str(),
                    worst.at, worst.found, output.expected[worst.at]);
      detail += text;
    }
    if (bits[0][k] != bits[1][k]) {
      passed = false;
      detail += output.name + " has other bits in a second run; ";
    }
  }
  if (passed) {
    char text[64];
    std::snprintf(text, sizeof(text), "%3.0f %% of the limit", 100.0 * worst_error);
    detail = text;
  }
  return report(name, passed, detail);
}

int Bench::sets_for(std::int64_t bytes) const {
  const std::int64_t sets = 3 * l2_bytes_ / std::max<std::int64_t>(bytes, 1) + 1;
  return static_cast<int>(std::min<std::int64_t>(sets, 256));
}

double Bench::time_ms(int sets, const std::function<void(int)>& run) {
  cudaEvent_t begin = nullptr;
  cudaEvent_t end = nullptr;
  cuda::check(cudaEventCreate(&begin), "creating an event");
  cuda::check(cudaEventCreate(&end), "creating an event");
  int set = 0;
  const auto timed = [&](int runs) {
    delay(stream_, 20.0 + 8.0 * runs);
    cuda::check(cudaEventRecord(begin, stream_), "recording an event");
    for (int i = 0; i < runs; ++i) run(set++ % sets);
    cuda::check(cudaEventRecord(end, stream_), "recording an event");
    cuda::check(cudaEventSynchronize(end), "running what was launched");
    float ms = 0.0F;
    cuda::check(cudaEventElapsedTime(&ms, begin, end), "reading an event");
    return static_cast<double>(ms) / runs;
  };
  for (int i = 0; i < 3; ++i) timed(1);  // Loads the kernels and warms up the GPU.
  const double about = timed(2);
  const int runs = std::clamp(static_cast<int>(0.2 / std::max(about, 1e-4)), 1, kMostRuns);
  std::vector<double> all;
  for (int i = 0; i < kTimings; ++i) all.push_back(timed(runs));
  cudaEventDestroy(begin);
  cudaEventDestroy(end);
  std::nth_element(all.begin(), all.begin() + kTimings / 2, all.end());
  return all[kTimings / 2];
}

double Bench::time(const std::string& name, double floor_bytes, double flops, int sets,
                   const std::function<void(int)>& run) {
  const double ms = time_ms(sets, run);
  const double gb_per_s = floor_bytes / ms * 1e-6;
  std::printf("  %-62s %9.4f ms %7.0f GB/s", name.c_str(), ms, gb_per_s);
  if (copy_gb_per_s > 0.0) std::printf(" %4.0f %% of copy", 100.0 * gb_per_s / copy_gb_per_s);
  if (flops > 0.0) std::printf(" %7.1f TFLOP/s", flops / ms * 1e-9);
  std::printf("\n");
  return ms;
}

void delay(cudaStream_t stream, double microseconds) {
  spin<<<1, 1, 0, stream>>>(static_cast<long long>(1000.0 * microseconds));
  check(cudaGetLastError(), "launching a delay");
}

}  // namespace hsconas::cuda::bench
