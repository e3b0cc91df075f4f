#pragma once

#include <array>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <torch/cuda.h>
#include <torch/types.h>

#include "bench/harness.hpp"
#include "hsconas/loader/loader.hpp"
#include "hsconas/supernet/device_path.hpp"
#include "hsconas/supernet/supernet.hpp"

namespace hsconas {

/// Waits for everything that was enqueued on `device`.
inline void wait_for(const torch::Device& device) {
  if (device.is_cuda()) torch::cuda::synchronize(device.index());
}

/// Milliseconds that an idle device takes for everything that `work` enqueues.
inline double ms_on(const torch::Device& device, const std::function<void()>& work) {
  wait_for(device);
  return ms_of([&] {
    work();
    wait_for(device);
  });
}

inline Batch on_device(const Batch& batch, const torch::Device& device) {
  return {batch.images.to(device), batch.labels.to(device)};
}

inline std::vector<Batch> on_device(const std::vector<Batch>& batches,
                                    const torch::Device& device) {
  std::vector<Batch> moved;
  for (const Batch& batch : batches) moved.push_back(on_device(batch, device));
  return moved;
}

/// MiB of the device's memory in use according to nvidia-smi; nothing if that fails.
inline std::optional<double> used_mib(const torch::Device& device) {
  if (!device.is_cuda()) return {};
  const std::string command = fmt::format(
      "nvidia-smi --id={} --query-gpu=memory.used --format=csv,noheader,nounits 2> /dev/null",
      device.index());
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(::popen(command.c_str(), "r"), ::pclose);
  double mib = 0.0;
  if (pipe == nullptr || std::fscanf(pipe.get(), "%lf", &mib) != 1) return {};
  return mib;
}

/// Number of kernels that the supernet's engine has enqueued; nothing if it has no engine.
inline std::optional<std::int64_t> launches_of(const Supernet& supernet, torch::ScalarType type) {
  const DeviceEngine* engine =
      device_engine(supernet, type == torch::kBFloat16 ? Number::Bf16 : Number::Fp32);
  if (engine == nullptr) return {};
  return engine->launches();
}

/// Gives convolutions LibTorch's defaults, for a fair comparison with plain code: TF32 if the
/// device has it, and any algorithm. The former settings return at the end of the scope.
class LibTorchDefaults {
 public:
  LibTorchDefaults()
      : tf32_(at::globalContext().allowTF32CuDNN()),
        deterministic_(at::globalContext().deterministicCuDNN()) {
    at::globalContext().setAllowTF32CuDNN(true);
    at::globalContext().setDeterministicCuDNN(false);
  }
  ~LibTorchDefaults() {
    at::globalContext().setAllowTF32CuDNN(tf32_);
    at::globalContext().setDeterministicCuDNN(deterministic_);
  }
  LibTorchDefaults(const LibTorchDefaults&) = delete;
  LibTorchDefaults& operator=(const LibTorchDefaults&) = delete;

 private:
  bool tf32_;
  bool deterministic_;
};

/// Prints results for scripts, one per line: RESULT NAME VALUE UNIT.
class Results {
 public:
  explicit Results(bool on) : on_(on) {}
  void add(std::string_view name, double value, std::string_view unit) const {
    if (on_) fmt::print("RESULT {} {:.6g} {}\n", name, value, unit);
  }

 private:
  bool on_;
};

}  // namespace hsconas
