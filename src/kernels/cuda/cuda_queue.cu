#include <cstring>
#include <map>
#include <string>

#include "cublas_products.hpp"
#include "cuda_queue.hpp"

namespace hsconas::cuda {

namespace {

int multiprocessors_of_device() {
  int device = 0;
  int count = 0;
  check(cudaGetDevice(&device), "asking for the current device");
  check(cudaDeviceGetAttribute(&count, cudaDevAttrMultiProcessorCount, device),
        "asking for the number of multiprocessors");
  return count;
}

}  // namespace

CudaQueue::CudaQueue(cudaStream_t stream)
    : stream_(stream),
      multiprocessors_(multiprocessors_of_device()),
      products_(std::make_unique<CublasProducts>(stream)) {}

CudaQueue::~CudaQueue() {
  // Errors are ignored: a destructor could not report them.
  for (const Staging& staging : staging_) {
    if (staging.copied != nullptr) cudaEventDestroy(staging.copied);
    if (staging.memory != nullptr) cudaFreeHost(staging.memory);
  }
}

void CudaQueue::multiply(const Product& product) {
  const bool is_of_weights = product.batches > 1 || product.out_type != product.type;
  const Stopwatch stopwatch(*this, is_of_weights              ? "product of weights' gradient"
                                   : product.right.transposed ? "product forward"
                                                              : "product of input's gradient");
  products_->multiply(product);
  ++launches_;
}

void CudaQueue::begin_time(const char* name) {
  Timed timed{name, nullptr, nullptr};
  check(cudaEventCreate(&timed.begin), "making an event");
  check(cudaEventCreate(&timed.end), "making an event");
  check(cudaEventRecord(timed.begin, stream_), "recording an event");
  timed_.push_back(timed);
}

std::vector<DeviceEngine::KernelTime> CudaQueue::take_times() {
  check(cudaStreamSynchronize(stream_), "waiting for the GPU");
  std::map<std::string, DeviceEngine::KernelTime> by_name;
  for (const Timed& timed : timed_) {
    float ms = 0.0F;
    check(cudaEventElapsedTime(&ms, timed.begin, timed.end), "reading an event");
    DeviceEngine::KernelTime& time = by_name[timed.name];
    time.name = timed.name;
    time.launches += 1;
    time.ms += static_cast<double>(ms);
    check(cudaEventDestroy(timed.begin), "freeing an event");
    check(cudaEventDestroy(timed.end), "freeing an event");
  }
  timed_.clear();
  std::vector<DeviceEngine::KernelTime> times;
  for (const auto& [name, time] : by_name) times.push_back(time);
  return times;
}

void CudaQueue::clear(void* memory, std::int64_t bytes) {
  check(cudaMemsetAsync(memory, 0, static_cast<std::size_t>(bytes), stream_), "clearing memory");
}

void CudaQueue::copy(void* to, const void* from, std::int64_t bytes) {
  check(
      cudaMemcpyAsync(to, from, static_cast<std::size_t>(bytes), cudaMemcpyDeviceToDevice, stream_),
      "copying on the GPU");
}

void CudaQueue::upload(void* to, const void* from, std::int64_t bytes) {
  Staging& staging = staging_[next_staging_];
  next_staging_ = (next_staging_ + 1) % staging_.size();
  if (staging.copied == nullptr) {
    check(cudaEventCreateWithFlags(&staging.copied, cudaEventDisableTiming), "making an event");
  } else {
    check(cudaEventSynchronize(staging.copied), "waiting for an earlier upload");
  }
  if (staging.bytes < bytes) {
    if (staging.memory != nullptr) check(cudaFreeHost(staging.memory), "freeing pinned memory");
    staging.memory = nullptr;
    staging.bytes = 0;
    const std::int64_t wanted = 2 * bytes;  // The next ones may be a little larger.
    check(cudaMallocHost(&staging.memory, static_cast<std::size_t>(wanted)),
          "asking for pinned memory");
    staging.bytes = wanted;
  }
  std::memcpy(staging.memory, from, static_cast<std::size_t>(bytes));
  check(cudaMemcpyAsync(to, staging.memory, static_cast<std::size_t>(bytes), cudaMemcpyHostToDevice,
                        stream_),
        "copying to the GPU");
  check(cudaEventRecord(staging.copied, stream_), "recording an event");
}

void CudaQueue::allow_shared(const void* kernel, int bytes) {
  int& allowed = shared_bytes_[kernel];
  if (bytes <= allowed) return;
  check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes),
        "asking for shared memory");
  allowed = bytes;
}

}  // namespace hsconas::cuda
