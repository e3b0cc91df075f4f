#include "device_engine.hpp"

namespace hsconas {

std::unique_ptr<DeviceEngine> make_device_engine(void* stream, Number type,
                                                 const DeviceWeights& weights,
                                                 std::shared_ptr<DeviceMemory> memory,
                                                 std::shared_ptr<DeviceMemory> fixed) {
  auto* const queue = static_cast<cudaStream_t>(stream);
  switch (type) {
    case Number::Bf16:
      return cuda::make_engine<Bf16>(queue, weights, std::move(memory), std::move(fixed));
    case Number::Fp16:
      return cuda::make_engine<Half>(queue, weights, std::move(memory), std::move(fixed));
    case Number::Fp32:
      break;
  }
  return cuda::make_engine<float>(queue, weights, std::move(memory), std::move(fixed));
}

}  // namespace hsconas
