#include "hsconas/supernet/device.hpp"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <mutex>

#include <fmt/format.h>
#include <torch/cuda.h>
#include <torch/types.h>
#include <torch/utils.h>
#ifdef HSCONAS_TORCH_CUDA
#include <cuda_runtime_api.h>
#endif

#include "hsconas/base/error.hpp"
#include "hsconas/base/usable_cpus.hpp"
#include "hsconas/supernet/torch_version.hpp"

namespace hsconas {

namespace {

std::string cpu_name() {
  std::ifstream cpuinfo("/proc/cpuinfo");
  for (std::string line; std::getline(cpuinfo, line);) {
    const auto colon = line.find(": ");
    if (line.starts_with("model name") && colon != std::string::npos) return line.substr(colon + 2);
  }
  return "unknown";
}

/// "NVIDIA H200, 132 SMs".
std::string gpu_name(const torch::Device& device) {
#ifdef HSCONAS_TORCH_CUDA
  cudaDeviceProp properties;
  if (cudaGetDeviceProperties(&properties, std::max<int>(0, device.index())) == cudaSuccess) {
    return fmt::format("{}, {} SMs", properties.name, properties.multiProcessorCount);
  }
  cudaGetLastError();  // Clears the error, which LibTorch's next check would report otherwise.
#endif
  return device.str();
}

/// Makes GPUs give equal results for equal inputs, and compute fp32 in full precision; cuDNN's
/// defaults guarantee neither. Benchmarking is off because the fastest algorithm found differs from
/// run to run.
void compute_reproducibly() {
  at::Context& context = at::globalContext();
  context.setDeterministicCuDNN(true);
  context.setBenchmarkCuDNN(false);
  allow_tf32(false);
}

int chosen_gpu = 0;  ///< The one that "cuda" means, modulo the number of GPUs.

}  // namespace

void choose_gpu(int local_rank) {
  chosen_gpu = local_rank;
}

torch::Device open_device(const std::string& name) {
  if (name == "cpu") return torch::kCPU;
  int index = 0;
  bool known = name == "cuda";
  if (name.starts_with("cuda:")) {
    const char* end = name.data() + name.size();
    const auto [rest, error] = std::from_chars(name.data() + 5, end, index);
    known = error == std::errc() && rest == end && index >= 0;
  }
  if (!known) {
    throw Error(ErrorKind::Usage,
                fmt::format("device.type must be cpu, cuda or cuda:N, got \"{}\"", name));
  }
  if (!torch::cuda::is_available()) {
    throw Error(ErrorKind::Device, fmt::format("device.type is \"{}\" but this machine or this "
                                               "LibTorch has no CUDA; use cpu",
                                               name));
  }
  const auto count = static_cast<int>(torch::cuda::device_count());
  if (name == "cuda" && count > 0) index = chosen_gpu % count;
  if (index >= count) {
    throw Error(ErrorKind::Device,
                fmt::format("device.type is \"{}\" but there are only {} GPUs", name, count));
  }
  static std::once_flag once;  // Only once, because a timer may allow TF32 later.
  std::call_once(once, compute_reproducibly);
  return {torch::kCUDA, static_cast<c10::DeviceIndex>(index)};
}

void allow_tf32(bool is_allowed) {
  const QuietTorch quiet;
  at::globalContext().setAllowTF32CuDNN(is_allowed);
  at::globalContext().setAllowTF32CuBLAS(is_allowed);
}

std::string describe_device(const torch::Device& device) {
  return device.is_cpu() ? "cpu: " + cpu_name() : "cuda: " + gpu_name(device);
}

std::string describe_libraries(const torch::Device& device) {
  std::string text = fmt::format("LibTorch {}", TORCH_VERSION);
  if (device.is_cpu()) return text;
  const long cuda = at::Context::versionCUDART();
  text += fmt::format(", CUDA {}.{}", cuda / 1000, cuda % 1000 / 10);
  if (at::Context::hasCuDNN()) text += fmt::format(", cuDNN {}", at::Context::versionCuDNN());
  return text;
}

std::vector<torch::Device> all_devices() {
  std::vector<torch::Device> devices{torch::kCPU};
  const auto gpus = static_cast<int>(torch::cuda::device_count());
  for (int i = 0; i < gpus; ++i) {
    devices.emplace_back(torch::kCUDA, static_cast<c10::DeviceIndex>(i));
  }
  return devices;
}

torch::ScalarType scalar_type(Number number) {
  switch (number) {
    case Number::Bf16:
      return torch::kBFloat16;
    case Number::Fp16:
      return torch::kHalf;
    case Number::Fp32:
      break;
  }
  return torch::kFloat;
}

int set_threads(int threads) {
  const int count = threads_for(threads);
  at::globalContext().setFlushDenormal(true);  // Threads that torch starts later inherit this.
  at::set_num_threads(count);
  return count;
}

}  // namespace hsconas
