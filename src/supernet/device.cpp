#include "hsconas/supernet/device.hpp"

#include <charconv>
#include <fstream>
#include <thread>

#include <fmt/format.h>
#include <torch/torch.h>

#include "hsconas/base/error.hpp"

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

}  // namespace

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
  if (index >= count) {
    throw Error(ErrorKind::Device,
                fmt::format("device.type is \"{}\" but there are only {} GPUs", name, count));
  }
  return {torch::kCUDA, static_cast<c10::DeviceIndex>(index)};
}

std::string describe_device(const torch::Device& device) {
  return device.is_cpu() ? "cpu: " + cpu_name() : device.str();
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
  const int count =
      threads > 0 ? threads : std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  at::globalContext().setFlushDenormal(true);  // Threads that torch starts from here inherit it.
  at::set_num_threads(count);
  return count;
}

}  // namespace hsconas
