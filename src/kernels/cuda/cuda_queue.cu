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

CudaQueue::~CudaQueue() = default;

void CudaQueue::multiply(const Product& product) {
  products_->multiply(product);
  ++launches_;
}

void CudaQueue::clear(void* memory, std::int64_t bytes) {
  check(cudaMemsetAsync(memory, 0, static_cast<std::size_t>(bytes), stream_), "clearing memory");
}

void CudaQueue::upload(void* to, const void* from, std::int64_t bytes) {
  check(cudaMemcpyAsync(to, from, static_cast<std::size_t>(bytes), cudaMemcpyHostToDevice, stream_),
        "copying to the GPU");
}

void CudaQueue::allow_shared(const void* kernel, int bytes) {
  int& allowed = shared_bytes_[kernel];
  if (bytes <= allowed) return;
  check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes),
        "asking for shared memory");
  allowed = bytes;
}

}  // namespace hsconas::cuda
