#include "hsconas/train/supernet_evaluator.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include <torch/torch.h>

#include "hsconas/supernet/calibration.hpp"
#include "hsconas/supernet/candidate.hpp"

namespace hsconas {

/// Candidates that agree on every layer before some position, and where their accuracies go.
struct SupernetEvaluator::Group {
  std::span<const Architecture> archs;
  std::vector<std::size_t> members;  ///< Into `archs`.
  std::vector<double>& accuracies;
};

SupernetEvaluator::SupernetEvaluator(const Supernet& supernet,
                                     const std::vector<Batch>& calibration,
                                     const std::vector<Batch>& validation, const StopToken& stop,
                                     int memory_mb)
    : supernet_(supernet), stop_(stop), memory_bytes_(1e6 * memory_mb) {
  const torch::Device device = supernet.device();
  const auto add = [&](const Batch& batch, std::vector<torch::Tensor>& to) {
    to.push_back(batch.images.to(device));
    image_count_ += batch.images.size(0);
  };
  for (const Batch& batch : calibration) add(batch, images_.calibration);
  for (const Batch& batch : validation) {
    add(batch, images_.validation);
    labels_.push_back(batch.labels.to(device));
  }
}

std::vector<double> SupernetEvaluator::accuracy(std::span<const Architecture> archs) {
  std::vector<double> accuracies(archs.size());
  if (archs.empty()) return accuracies;
  Group all{.archs = archs, .members = {}, .accuracies = accuracies};
  for (std::size_t i = 0; i < archs.size(); ++i) all.members.push_back(i);
  score(all, images_, 0, memory_bytes_);
  return accuracies;
}

void SupernetEvaluator::score(const Group& group, const Images& images, std::size_t position,
                              double free_bytes) {
  const Architecture& first = group.archs[group.members.front()];
  const std::size_t end = first.size() + 2;  // Behind the head.
  // The first position at which not all of them agree; the head is everybody's.
  std::size_t fork = position;
  const auto agree = [&](std::size_t at) {
    return at == 0 || at > first.size() ||
           std::all_of(group.members.begin(), group.members.end(),
                       [&](std::size_t i) { return group.archs[i][at - 1] == first[at - 1]; });
  };
  while (fork < end && agree(fork)) ++fork;
  if (fork == end) {  // One architecture, perhaps several times.
    stop_.check();
    const double accuracy = run(first, images, position, end, nullptr).accuracy();
    for (const std::size_t i : group.members) group.accuracies[i] = accuracy;
    return;
  }
  // What they share runs once, if there is room for what comes out of it.
  const double bytes = bytes_before(first, fork);
  Images made;
  const bool shares = fork > position && bytes <= free_bytes;
  if (shares) run(first, images, position, fork, &made);
  std::map<std::pair<int, int>, std::vector<std::size_t>> parts;
  for (const std::size_t i : group.members) {
    const LayerChoice choice = group.archs[i][fork - 1];
    parts[{choice.op, choice.width}].push_back(i);
  }
  for (const auto& [choice, members] : parts) {
    score({group.archs, members, group.accuracies}, shares ? made : images,
          shares ? fork : position, shares ? free_bytes - bytes : free_bytes);
  }
}

Tally SupernetEvaluator::run(const Architecture& arch, const Images& images, std::size_t first,
                             std::size_t last, Images* made) const {
  const c10::InferenceMode guard;
  std::vector<CandidateBlock> blocks = candidate_blocks(supernet_, arch, first, last);
  BatchNormStatistics statistics;
  statistics.blocks.resize(last);
  double images_before = 0.0;
  for (torch::Tensor x : images.calibration) {
    const auto count = static_cast<double>(x.size(0));
    for (const CandidateBlock& block : blocks) x = block.calibrate(x, statistics, images_before);
    images_before += count;
    if (made != nullptr) made->calibration.push_back(x);
  }
  for (CandidateBlock& block : blocks) block.fix(statistics);
  Tally tally;
  for (std::size_t batch = 0; batch < images.validation.size(); ++batch) {
    torch::Tensor x = images.validation[batch];
    for (const CandidateBlock& block : blocks) x = block.apply(x);
    if (made != nullptr) {
      made->validation.push_back(x);
    } else {
      tally +=
          {.right = x.argmax(1).eq(labels_[batch]).sum().item<std::int64_t>(), .total = x.size(0)};
    }
  }
  return tally;
}

double SupernetEvaluator::bytes_before(const Architecture& arch, std::size_t position) const {
  const Block block = supernet_.space().network(arch)[position];
  return 4.0 * static_cast<double>(image_count_) * block.in_channels * block.in_size *
         block.in_size;
}

FrozenNetwork SupernetEvaluator::freeze_candidate(const Architecture& arch) const {
  return freeze(supernet_, arch, calibrate(supernet_, arch, images_.calibration));
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
