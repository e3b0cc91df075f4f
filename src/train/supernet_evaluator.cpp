#include "hsconas/train/supernet_evaluator.hpp"

#include <torch/torch.h>

#include "hsconas/supernet/calibration.hpp"

namespace hsconas {

namespace {

torch::Tensor on_device(const torch::Tensor& tensor, torch::Device device) {
  return tensor.to(device);
}

}  // namespace

SupernetEvaluator::SupernetEvaluator(const Supernet& supernet,
                                     const std::vector<Batch>& calibration,
                                     const std::vector<Batch>& validation, const StopToken& stop)
    : supernet_(supernet), stop_(stop) {
  const torch::Device device = supernet.device();
  for (const Batch& batch : calibration) calibration_.push_back(on_device(batch.images, device));
  for (const Batch& batch : validation) {
    validation_.push_back({on_device(batch.images, device), on_device(batch.labels, device)});
  }
}

std::vector<double> SupernetEvaluator::accuracy(std::span<const Architecture> archs) {
  std::vector<double> result;
  for (const Architecture& arch : archs) {
    stop_.check();
    result.push_back(classify(freeze_candidate(arch), validation_));
  }
  return result;
}

FrozenNetwork SupernetEvaluator::freeze_candidate(const Architecture& arch) const {
  return freeze(supernet_, arch, calibrate(supernet_, arch, calibration_));
}

double classify(const FrozenNetwork& network, const std::vector<Batch>& batches) {
  const c10::InferenceMode guard;
  std::int64_t right = 0;
  std::int64_t total = 0;
  for (const Batch& batch : batches) {
    right += network.forward(batch.images).argmax(1).eq(batch.labels).sum().item<std::int64_t>();
    total += batch.labels.size(0);
  }
  return static_cast<double>(right) / static_cast<double>(total);
}

}  // namespace hsconas
