#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <sched.h>
#include <utility>
#include <vector>

#include <c10/core/Stream.h>
#include <torch/types.h>

#include "hsconas/base/log.hpp"
#include "hsconas/config/config.hpp"
#include "hsconas/latency/op_timer.hpp"
#include "hsconas/profile/device_graph.hpp"
#include "hsconas/supernet/frozen_network.hpp"

namespace hsconas {

struct TimerSettings {
  int threads = 1;          ///< CPU threads, >= 1.
  int batch = 1;            ///< Images per pass, >= 1.
  std::vector<int> cpus{};  ///< Thread i is bound to cpus[i modulo their number]; empty: any CPU.
  Launch launch = Launch::Graph;                    ///< Ignored on a CPU.
  TimedPrecision precision = TimedPrecision::Fp32;  ///< Must be fp32 on a CPU.
  Log* log = nullptr;                               ///< Receives warnings; may be null.
};

/// The settings from the latency section of a config, with this batch size.
TimerSettings timer_settings(const LatencyConfig& config, int batch, Log* log);

/// Times blocks with LibTorch on a CPU or a CUDA device: channels-last, batch norm folded.
///
/// On a GPU an untimed pass precedes each timing, so that the timing starts on a busy device; it
/// ends with the last kernel (see DeviceClock). Before the first block the device is kept busy for
/// 1.5 s, so that its clock frequency has risen. A chain that cannot be recorded as a graph runs
/// eagerly; then one warning is logged and info() has the mode "mixed".
/// During its lifetime a timer sets torch's thread count and TF32 for the whole process (afterwards
/// TF32 is off, as after open_device()) and, with `cpus`, binds threads to CPUs.
class TorchTimer : public OpTimer {
 public:
  /// Throws Error(Device) when a thread cannot be bound to one of the CPUs.
  TorchTimer(torch::Device device, TimerSettings settings);
  ~TorchTimer() override;
  TorchTimer(const TorchTimer&) = delete;
  TorchTimer& operator=(const TorchTimer&) = delete;

  int prepare(std::span<const Block> chain) override;
  double time_ms(int id, int runs) override;
  void release(int id) override;

  DeviceInfo info() const override;

 private:
  struct Chain {
    FrozenNetwork network;
    std::unique_ptr<DeviceGraph> graph;  ///< Null: the pass runs eagerly.
  };

  /// The input for chains that start with `first`, shared between chains with the same input shape.
  const torch::Tensor& input(const Block& first);
  /// Records a pass of `network` on `x`; null when it cannot be recorded.
  std::unique_ptr<DeviceGraph> record(const FrozenNetwork& network, const torch::Tensor& x);
  torch::ScalarType type() const;

  torch::Device device_;
  TimerSettings settings_;
  int previous_threads_;
  std::optional<cpu_set_t> previous_cpus_;  ///< Restored in all threads by the destructor.
  std::optional<c10::Stream> stream_;       ///< Set with graphs, which need a non-default stream.
  bool is_warm_ = false;
  bool is_mixed_ = false;
  int next_id_ = 0;
  std::map<std::pair<int, int>, torch::Tensor> inputs_;  ///< Key: (channels, size).
  std::map<int, Chain> chains_;                          ///< By id; their graphs read inputs_.
};

}  // namespace hsconas
