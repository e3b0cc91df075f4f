#include <algorithm>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include <torch/types.h>

#include "hsconas/base/error.hpp"
#include "hsconas/supernet/device_path.hpp"

#if defined(HSCONAS_CUDA)
#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAStream.h>
#endif

namespace hsconas {

#if defined(HSCONAS_CUDA)

namespace {

/// Memory from LibTorch's allocator, which all other memory on the device comes from.
class TorchMemory : public DeviceMemory {
 public:
  explicit TorchMemory(torch::Device device) : device_(device) {}

  void* at_least(std::int64_t bytes) override {
    if (!memory_.defined() || memory_.numel() < bytes) {
      memory_ = torch::Tensor();  // Freed first, because both pieces at once may not fit.
      memory_ = torch::empty({bytes}, torch::TensorOptions(torch::kByte).device(device_));
    }
    return memory_.data_ptr();
  }

 private:
  torch::Device device_;
  torch::Tensor memory_;
};

}  // namespace

struct DeviceEngines {
  explicit DeviceEngines(torch::Device device) : memory(std::make_shared<TorchMemory>(device)) {}

  std::shared_ptr<TorchMemory> memory;
  torch::Tensor gradient;
  std::map<Number, std::unique_ptr<DeviceEngine>> by_type;
  std::map<Number, int> ready_images;  ///< Batch size that each engine is prepared for.
};

DeviceEngine* device_engine(const Supernet& supernet, Number type) {
  const torch::Device device = supernet.device();
  if (!device.is_cuda()) return nullptr;
  c10::cuda::set_device(device.index());
  auto& engines = supernet.engines();
  if (!engines) engines = std::make_shared<DeviceEngines>(device);
  auto& engine = engines->by_type[type];
  if (engine == nullptr) {
    if (!engines->gradient.defined()) {
      engines->gradient = torch::zeros_like(supernet.flat_values());
    }
    engine = make_device_engine(c10::cuda::getCurrentCUDAStream(device.index()).stream(), type,
                                {.values = supernet.flat_values().data_ptr<float>(),
                                 .momentum = supernet.flat_momentum().data_ptr<float>(),
                                 .gradient = engines->gradient.data_ptr<float>()},
                                engines->memory, std::make_shared<TorchMemory>(device));
  }
  return engine.get();
}

namespace {

/// Runs every operator at every width forward and backward once, on black images, without changing
/// weights. A GPU's first run of a kernel, which loads it or selects an algorithm, takes up to a
/// hundred times as long as later runs; after this call, the first step is as fast as any.
void run_everything_once(const Supernet& supernet, DeviceEngine& engine, int images) {
  const SpaceDescription& description = supernet.space().description();
  const auto options = torch::TensorOptions(torch::kFloat).device(supernet.device());
  const torch::Tensor pixels = torch::zeros(
      {images, description.image_size, description.image_size, description.image_channels},
      options);
  const torch::Tensor labels = torch::zeros({images}, options.dtype(torch::kLong));
  torch::Tensor loss = torch::empty({}, options);
  for (int op = 0; op < supernet.space().ops(); ++op) {
    for (int width = 0; width < supernet.space().widths(); ++width) {
      const auto network = device_network(supernet, supernet.space().uniform(op, width));
      if (!network) continue;
      engine.forward(*network, {pixels.data_ptr<float>(), images, description.image_channels}, 1);
      engine.backward(engine.loss(labels.data_ptr<std::int64_t>(), 0.0, loss.data_ptr<float>()));
    }
  }
  loss.item<float>();  // Waits until the device has finished.
}

}  // namespace

DeviceEngine* device_engine_for_training(const Supernet& supernet, Number type, int images) {
  DeviceEngine* engine = device_engine(supernet, type);
  if (engine == nullptr) return nullptr;
  int& ready_images = supernet.engines()->ready_images[type];
  if (images == ready_images) return engine;
  ready_images = images;
  const SearchSpace& space = supernet.space();
  std::vector<std::vector<DeviceBlock>> choices(static_cast<std::size_t>(space.layers()) + 2);
  for (int op = 0; op < space.ops(); ++op) {
    const auto network = device_network(supernet, space.uniform(op));
    if (!network) continue;
    for (std::size_t i = 0; i < choices.size(); ++i) choices[i].push_back(network->blocks[i]);
  }
  engine->reserve(choices, space.description().classes, images);
  run_everything_once(supernet, *engine, images);
  return engine;
}

#else

struct DeviceEngines {};

DeviceEngine* device_engine(const Supernet&, Number) {
  return nullptr;
}

DeviceEngine* device_engine_for_training(const Supernet&, Number, int) {
  return nullptr;
}

#endif

}  // namespace hsconas
