#include "cuda_queue.hpp"
#include "device_engine.hpp"
#include "engine.hpp"

namespace hsconas::cuda {

template <>
std::unique_ptr<DeviceEngine> make_engine<float>(cudaStream_t stream, const DeviceWeights& weights,
                                                 std::shared_ptr<DeviceMemory> memory,
                                                 std::shared_ptr<DeviceMemory> fixed) {
  return std::make_unique<Engine<CudaQueue, float>>(std::make_unique<CudaQueue>(stream), weights,
                                                    std::move(memory), std::move(fixed));
}

}  // namespace hsconas::cuda
