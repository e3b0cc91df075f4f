#pragma once

#include <span>
#include <string>

#include "hsconas/space/block.hpp"

namespace hsconas {

/// Runs blocks on a device and times them. One of the three seams: the torch implementation is in
/// `profile`, tests use a fake.
class OpTimer {
 public:
  virtual ~OpTimer() = default;

  /// Readies a chain of blocks (one operator, or a whole network) for inference: batch norm folded,
  /// weights and input random. Returns the id that the other calls take.
  virtual int prepare(std::span<const Block> chain) = 0;

  /// Mean milliseconds of one pass over a batch, from `runs` >= 1 passes back to back.
  virtual double time_ms(int id, int runs) = 0;

  /// Frees what prepare() made; the id is dead afterwards.
  virtual void release(int id) = 0;
};

/// What a table was measured with; stored in it.
struct DeviceInfo {
  std::string device;     ///< "cpu: AMD EPYC", "cuda: NVIDIA H200, 132 SMs".
  int threads = 1;        ///< CPU threads used.
  int batch = 1;          ///< Images per pass.
  std::string precision;  ///< "fp32"; on a GPU also "tf32" or "fp16".
  std::string versions;   ///< Of the libraries that ran the network.
  /// How passes were launched on a GPU: "graph", "eager", or "mixed" where some could not be
  /// recorded as a graph. Empty: not on a GPU, or not known.
  std::string mode;
  bool operator==(const DeviceInfo&) const = default;
};

/// "cpu: AMD EPYC"; for a GPU with all that its times depend on: "cuda: NVIDIA H200, 132 SMs, fp32,
/// graph".
std::string describe(const DeviceInfo& info);

}  // namespace hsconas
