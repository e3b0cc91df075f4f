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
  std::vector<int> cpus{};  ///< CPUs that thread i is bound to, i modulo their number; empty: any.
  Launch launch = Launch::Graph;                    ///< On a GPU; a CPU has no choice.
  TimedPrecision precision = TimedPrecision::Fp32;  ///< On a CPU only fp32.
  Log* log = nullptr;                               ///< Gets warnings; null: nobody does.
};

/// The settings that the latency section of a config asks for, with another batch.
TimerSettings timer_settings(const LatencyConfig& config, int batch, Log* log);

/// Times blocks with LibTorch on a CPU or a CUDA device: channels-last, batch norm folded.
///
/// On a GPU a timing begins while the device is busy with a pass that does not count, and ends with
/// its last kernel (see DeviceClock). Before the first block the device works for a moment, so that
/// its clocks are up. A chain that cannot be recorded as a graph runs eagerly, with one warning and
/// the mode "mixed" in info().
/// While a timer lives, it sets torch's thread count and TF32 for the whole process (afterwards
/// TF32 is off, as open_device() leaves it) and, with `cpus`, binds threads to CPUs.
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

  DeviceInfo info() const;

 private:
  struct Chain {
    FrozenNetwork network;
    std::unique_ptr<DeviceGraph> graph;  ///< Null: the pass runs eagerly.
  };

  /// Inputs are shared between chains that start with the same shape.
  const torch::Tensor& input(const Block& first);
  /// Null when the pass cannot be recorded.
  std::unique_ptr<DeviceGraph> record(const FrozenNetwork& network, const torch::Tensor& x);
  torch::ScalarType type() const;

  torch::Device device_;
  TimerSettings settings_;
  int previous_threads_;
  std::optional<cpu_set_t> previous_cpus_;  ///< Of this thread and, before, of all others.
  std::optional<c10::Stream> stream_;  ///< With graphs: they cannot be recorded on the default one.
  bool is_warm_ = false;
  bool is_mixed_ = false;
  int next_id_ = 0;
  std::map<std::pair<int, int>, torch::Tensor> inputs_;  ///< By (channels, size).
  std::map<int, Chain> chains_;                          ///< Their graphs read the inputs.
};

}  // namespace hsconas
