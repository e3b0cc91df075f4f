#pragma once

#include <functional>
#include <memory>

namespace hsconas {

/// What a function queues on a GPU, recorded once as a CUDA graph and replayed by a single launch.
class DeviceGraph {
 public:
  /// Records what `pass` queues on the current stream, which must not be the default one. `pass`
  /// must have run on that stream before: what LibTorch and cuDNN prepare on the first run cannot
  /// be recorded. All that the pass reads must exist before and outlive the graph. The graph takes
  /// its memory from that of `sibling`, if given: then neither may run while the other does, and
  /// what they compute holds only until the other runs. Throws c10::Error when the pass cannot be
  /// recorded, Error(Device) where LibTorch has no CUDA.
  explicit DeviceGraph(const std::function<void()>& pass, const DeviceGraph* sibling = nullptr);
  ~DeviceGraph();
  DeviceGraph(const DeviceGraph&) = delete;
  DeviceGraph& operator=(const DeviceGraph&) = delete;

  /// Queues the pass on the current stream.
  void replay();

 private:
  struct Recorded;
  std::unique_ptr<Recorded> recorded_;
};

}  // namespace hsconas
