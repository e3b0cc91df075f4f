#include "hsconas/profile/device_graph.hpp"

#include "hsconas/base/error.hpp"
#include "hsconas/supernet/torch_version.hpp"

#ifdef HSCONAS_TORCH_CUDA

#include <ATen/cuda/CUDAGraph.h>

namespace hsconas {

struct DeviceGraph::Recorded {
  at::cuda::CUDAGraph graph;
};

DeviceGraph::DeviceGraph(const std::function<void()>& pass, const DeviceGraph* sibling)
    : recorded_(std::make_unique<Recorded>()) {
  at::cuda::CUDAGraph& graph = recorded_->graph;
  if (sibling == nullptr) {
    graph.capture_begin();
  } else {
    graph.capture_begin(sibling->recorded_->graph.pool());
  }
  try {
    pass();
  } catch (...) {
    try {
      graph.capture_end();  // Otherwise the stream would continue to record.
    } catch (const c10::Error&) {
      // The failure is the same one that is rethrown below.
    }
    throw;
  }
  graph.capture_end();
}

void DeviceGraph::replay() {
  recorded_->graph.replay();
}

}  // namespace hsconas

#else

namespace hsconas {

struct DeviceGraph::Recorded {};

DeviceGraph::DeviceGraph(const std::function<void()>&, const DeviceGraph*) {
  throw Error(ErrorKind::Device, "this LibTorch has no CUDA, so there are no CUDA graphs");
}

void DeviceGraph::replay() {}

}  // namespace hsconas

#endif

namespace hsconas {

DeviceGraph::~DeviceGraph() = default;

}  // namespace hsconas
