#include "step_paths.hpp"

#include <algorithm>
#include <map>

#include <torch/types.h>
#include <torch/utils.h>

#include "hsconas/base/error.hpp"
#include "training_loss.hpp"

namespace hsconas {

namespace {

/// The part of `wide` that a slice of the shape of `narrow` uses.
torch::Tensor part_of(torch::Tensor wide, const torch::Tensor& narrow) {
  for (std::int64_t axis = 0; axis < narrow.dim(); ++axis) {
    wide = wide.narrow(axis, 0, narrow.size(axis));
  }
  return wide;
}

bool covers(const torch::Tensor& a, const torch::Tensor& b) {
  for (std::int64_t axis = 0; axis < a.dim(); ++axis) {
    if (a.size(axis) < b.size(axis)) return false;
  }
  return true;
}

}  // namespace

StepPaths::StepPaths(Supernet& supernet, std::span<const TrainedPath> paths,
                     torch::ScalarType precision)
    : device_(supernet.device()) {
  for (const TrainedPath& path : paths) {
    members_.push_back({TrainingPath(supernet, path.arch, precision), path.taught, {}});
    if (path.taught > 0.0) members_.back().path.stop_dropout();
  }
  if (members_.size() == 1) return;
  for (Member& member : members_) merge(member);
  for (TrainingPath::Slice& slice : merged_) {
    slice.leaf = slice.value.detach().clone(torch::MemoryFormat::Contiguous);
  }
}

void StepPaths::merge(Member& member) {
  std::map<const void*, std::size_t> places;  // By the address of the shared weight.
  for (std::size_t i = 0; i < merged_.size(); ++i) places[merged_[i].value.data_ptr()] = i;
  for (const TrainingPath::Slice& slice : member.path.slices()) {
    const auto [place, is_new] = places.emplace(slice.value.data_ptr(), merged_.size());
    member.merged.push_back(place->second);
    if (is_new) {
      merged_.push_back(slice);
      continue;
    }
    TrainingPath::Slice& known = merged_[place->second];
    if (covers(known.value, slice.value)) continue;
    // Weights outside of both slices would be changed, too.
    if (!covers(slice.value, known.value)) {
      throw Error(ErrorKind::Internal,
                  "two paths of a step use slices of which neither holds the "
                  "other");
    }
    known = slice;
  }
}

void StepPaths::seed_dropout(std::uint64_t seed) {
  for (Member& member : members_) member.path.seed_dropout(seed++);
}

std::vector<TrainingPath::Slice>& StepPaths::slices() {
  return merged_.empty() ? members_.front().path.slices() : merged_;
}

void StepPaths::add_gradients(Member& member) {
  std::vector<TrainingPath::Slice>& slices = member.path.slices();
  for (std::size_t i = 0; i < slices.size(); ++i) {
    torch::Tensor& gradient = slices[i].leaf.mutable_grad();
    part_of(merged_[member.merged[i]].leaf.mutable_grad(), gradient).add_(gradient);
    gradient = torch::Tensor();
  }
}

torch::Tensor StepPaths::run(const Batch& batch, const SupernetConfig& settings,
                             const Distillation& distillation) {
  const Batch here{batch.images.to(device_), batch.labels.to(device_)};
  for (TrainingPath::Slice& slice : merged_) {
    slice.leaf.mutable_grad() = torch::zeros_like(slice.leaf);
  }
  std::vector<torch::Tensor> losses;
  torch::Tensor answers;  // Of the first path.
  for (Member& member : members_) {
    const torch::Tensor logits = member.path.forward(here.images);
    torch::Tensor loss;
    if (member.taught < 1.0) {
      loss = training_loss(logits, here, settings,
                           member.taught > 0.0 ? Distillation{} : distillation);
    }
    if (member.taught > 0.0) {
      const torch::Tensor soft = soft_loss(answers, logits);
      loss = member.taught < 1.0 ? (1.0 - member.taught) * loss + member.taught * soft : soft;
    }
    if (!answers.defined()) answers = logits.detach();
    loss.backward();
    if (!merged_.empty()) add_gradients(member);
    losses.push_back(loss.detach());
  }
  return losses.size() == 1 ? losses.front() : torch::stack(losses).mean();
}

}  // namespace hsconas
