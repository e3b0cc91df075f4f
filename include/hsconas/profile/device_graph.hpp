#pragma once

#include <functional>
#include <memory>

namespace hsconas {

/// The GPU work of a function, recorded once as a CUDA graph and replayed with a single launch.
class DeviceGraph {
 public:
  /// Records the work that `pass` queues on the current stream, which must not be the default one.
  /// `pass` must have run on that stream before, because the preparations of LibTorch and cuDNN in
  /// a first run cannot be recorded. Everything that it reads must exist before and outlive the
  /// graph. With a `sibling`, both graphs share their memory: they must not run at the same time,
  /// and the results of one are valid only until the other runs. Throws c10::Error when the pass
  /// cannot be recorded, Error(Device) when LibTorch has no CUDA.
  explicit DeviceGraph(const std::function<void()>& pass, const DeviceGraph* sibling = nullptr);
  ~DeviceGraph();
  DeviceGraph(const DeviceGraph&) = delete;
  DeviceGraph& operator=(const DeviceGraph&) = delete;

  /// Queues the recorded work on the current stream.
  void replay();

 private:
  struct Recorded;
  std::unique_ptr<Recorded> recorded_;
};

}  // namespace hsconas
