#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <sched.h>
#include <utility>
#include <vector>

#include <torch/types.h>

#include "hsconas/latency/op_timer.hpp"
#include "hsconas/supernet/frozen_network.hpp"

namespace hsconas {

/// Times blocks with LibTorch on a CPU or a CUDA device: fp32, channels-last, batch norm folded,
/// eager. See DeviceClock for what is timed on a GPU.
/// While a timer lives, it sets torch's thread count for the whole process and, with `cpus`, binds
/// thread i to CPU cpus[i modulo their number].
class TorchTimer : public OpTimer {
 public:
  /// `threads` >= 1 CPU threads; `batch` >= 1 images per pass. Throws Error(Device) when a thread
  /// cannot be bound to one of `cpus`.
  TorchTimer(torch::Device device, int threads, int batch, const std::vector<int>& cpus = {});
  ~TorchTimer() override;
  TorchTimer(const TorchTimer&) = delete;
  TorchTimer& operator=(const TorchTimer&) = delete;

  int prepare(std::span<const Block> chain) override;
  double time_ms(int id, int runs) override;
  void release(int id) override;

  DeviceInfo info() const;

 private:
  /// Inputs are shared between chains that start with the same shape.
  const torch::Tensor& input(const Block& first);

  torch::Device device_;
  int threads_;
  int batch_;
  int previous_threads_;
  std::optional<cpu_set_t> previous_cpus_;  ///< Of this thread and, before, of all others.
  int next_id_ = 0;
  std::map<int, FrozenNetwork> chains_;
  std::map<std::pair<int, int>, torch::Tensor> inputs_;  ///< By (channels, size).
};

}  // namespace hsconas
