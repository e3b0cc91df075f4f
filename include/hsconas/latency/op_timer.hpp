#pragma once

#include <span>
#include <string>

#include "hsconas/space/block.hpp"

namespace hsconas {

/// The device and settings that a table was measured with; they are stored in it.
struct DeviceInfo {
  std::string device;     ///< "cpu: AMD EPYC", "cuda: NVIDIA H200, 132 SMs".
  int threads = 1;        ///< CPU threads used.
  int batch = 1;          ///< Images per pass.
  std::string precision;  ///< "fp32"; on a GPU also "tf32" or "fp16".
  std::string versions;   ///< Versions of the libraries that ran the networks.
  /// How passes were launched on a GPU: "graph", "eager", or "mixed" if some could not be recorded
  /// as a graph. Empty: not on a GPU, or not known.
  std::string mode;
  bool operator==(const DeviceInfo&) const = default;
};

/// Runs blocks on a device and times them. `profile` implements it with LibTorch, tests by a fake.
class OpTimer {
 public:
  virtual ~OpTimer() = default;

  /// Prepares a chain of blocks (one operator, or a whole network) for inference, with batch norm
  /// folded and random weights and input. Returns the id that the other calls take.
  virtual int prepare(std::span<const Block> chain) = 0;

  /// Mean milliseconds per pass over a batch, measured over `runs` >= 1 passes back to back.
  virtual double time_ms(int id, int runs) = 0;

  /// Frees what prepare() made; the id is invalid afterwards.
  virtual void release(int id) = 0;

  /// The device, and how it has been timed so far.
  virtual DeviceInfo info() const = 0;
};

/// The device as text, "cpu: AMD EPYC"; for a GPU with precision and mode, which its times depend
/// on: "cuda: NVIDIA H200, 132 SMs, fp32, graph".
std::string describe(const DeviceInfo& info);

}  // namespace hsconas
