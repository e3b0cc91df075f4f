// A LibTorch without Gloo may have no part for several processes at all.
#ifdef HSCONAS_HAVE_GLOO
#include "nccl.hpp"

#include <ATen/ops/from_blob.h>
#ifdef HSCONAS_HAVE_NCCL
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>
#include <torch/cuda.h>
#endif

namespace hsconas {

#ifdef HSCONAS_HAVE_NCCL

bool can_connect_gpus(int local_size) {
  return torch::cuda::device_count() >= static_cast<std::size_t>(local_size);
}

c10::intrusive_ptr<Collectives> connect_gpus(const c10::intrusive_ptr<c10d::Store>& store, int rank,
                                             int size, std::chrono::milliseconds timeout) {
  const auto settings = c10d::ProcessGroupNCCL::Options::create();
  settings->timeout = timeout;
  return c10::make_intrusive<c10d::ProcessGroupNCCL>(store, rank, size, settings);
}

#else

bool can_connect_gpus(int /*local_size*/) {
  return false;
}

c10::intrusive_ptr<Collectives> connect_gpus(const c10::intrusive_ptr<c10d::Store>& /*store*/,
                                             int /*rank*/, int /*size*/,
                                             std::chrono::milliseconds /*timeout*/) {
  return {};
}

#endif

at::Tensor gpu_tensor(std::int32_t* values, std::size_t count) {
  return at::from_blob(values, {static_cast<std::int64_t>(count)},
                       at::TensorOptions().dtype(at::kInt).device(at::kCUDA));
}

}  // namespace hsconas

#endif
