#include "hsconas/train/supernet_evaluator.hpp"

#include <torch/torch.h>

#include "hsconas/supernet/calibration.hpp"

namespace hsconas {

SupernetEvaluator::SupernetEvaluator(const Supernet& supernet,
                                     const std::vector<Batch>& calibration,
                                     const std::vector<Batch>& validation, const StopToken& stop)
    : supernet_(supernet), stop_(stop) {
  const torch::Device device = supernet.device();
  for (const Batch& batch : calibration) calibration_.push_back(batch.images.to(device));
  for (const Batch& batch : validation) {
    validation_.push_back({batch.images.to(device), batch.labels.to(device)});
  }
}

std::vector<double> SupernetEvaluator::accuracy(std::span<const Architecture> archs) {
  std::vector<double> result;
  for (const Architecture& arch : archs) {
    stop_.check();
    const FrozenNetwork network = freeze_candidate(arch);
    Tally tally;
    for (const Batch& batch : validation_) tally += classify(network, batch);
    result.push_back(tally.accuracy());
  }
  return result;
}

FrozenNetwork SupernetEvaluator::freeze_candidate(const Architecture& arch) const {
  return freeze(supernet_, arch, calibrate(supernet_, arch, calibration_));
}

Tally& Tally::operator+=(const Tally& other) {
  right += other.right;
  total += other.total;
  return *this;
}

Tally classify(const FrozenNetwork& network, const Batch& batch) {
  const c10::InferenceMode guard;
  const torch::Tensor logits = network.forward(batch.images.to(network.device()));
  const torch::Tensor labels = batch.labels.to(network.device());
  return {.right = logits.argmax(1).eq(labels).sum().item<std::int64_t>(), .total = labels.size(0)};
}

}  // namespace hsconas
