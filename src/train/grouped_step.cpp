#include "grouped_step.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <string_view>

#include <fmt/format.h>
#include <torch/utils.h>

#include "hsconas/base/error.hpp"
#include "hsconas/base/hash.hpp"
#include "hsconas/base/rng.hpp"
#include "hsconas/supernet/device.hpp"
#include "hsconas/train/gradient_sum.hpp"
#include "hsconas/train/optimizer.hpp"
#include "training_loss.hpp"

namespace hsconas {

namespace {

// The values of kNotFinite.
constexpr std::int32_t kGradientNotFinite = 1;
constexpr std::int32_t kLossNotFinite = 2;

/// The gradient of all slices as one flat tensor; the leaves are without one afterwards.
torch::Tensor take_gradient(std::vector<TrainingPath::Slice>& slices) {
  std::vector<torch::Tensor> parts;
  for (auto& slice : slices) {
    parts.push_back(slice.leaf.grad().reshape({-1}));
    slice.leaf.mutable_grad() = torch::Tensor();
  }
  return torch::cat(parts);
}

/// Makes the parts of the flat `gradient` the gradients of the leaves.
void give_gradient(std::vector<TrainingPath::Slice>& slices, const torch::Tensor& gradient) {
  std::int64_t at = 0;
  for (auto& slice : slices) {
    const std::int64_t count = slice.leaf.numel();
    slice.leaf.mutable_grad() = gradient.narrow(0, at, count).view_as(slice.leaf);
    at += count;
  }
}

}  // namespace

GroupedSteps::GroupedSteps(Supernet& supernet, const TrainingStage& stage, ProcessGroup& group)
    : supernet_(supernet),
      stage_(stage),
      group_(group),
      share_(share_of(stage.settings, group.rank(), group.size())) {}

std::vector<GroupedSteps::Part> GroupedSteps::run_groups(StepPaths& paths, const Batch& part,
                                                         std::int64_t step) const {
  const SupernetConfig& settings = stage_.settings;
  std::vector<Part> parts;
  for (int i = 0; i < share_.count; ++i) {
    const std::int64_t first = std::int64_t{i} * share_.images_per_group;
    const Batch images{part.images.narrow(0, first, share_.images_per_group),
                       part.labels.narrow(0, first, share_.images_per_group)};
    const auto number = static_cast<std::uint64_t>(step * settings.groups + share_.first + i);
    paths.seed_dropout(Rng(stage_.seed, stage_.name + " dropout", number).next());
    const torch::Tensor loss = paths.run(images, settings, stage_.distillation);
    parts.push_back({take_gradient(paths.slices()), loss.item<double>()});
  }
  return parts;
}

std::int32_t GroupedSteps::hash_of(std::span<const TrainedPath> paths, std::int64_t step) {
  constexpr std::int64_t kStepsPerCheck = 1000;
  std::string text = fmt::format("{}", step);
  for (const TrainedPath& path : paths)
    text += fmt::format(" {}", supernet_.space().encode(path.arch));
  // Ranks that begin with different weights, or whose memory or libraries differ, are found too.
  if (group_.size() > 1 && (is_first_step_ || step % kStepsPerCheck == 0)) {
    const torch::Tensor& weights = supernet_.flat_values();
    text += fingerprint(std::string_view(reinterpret_cast<const char*>(weights.data_ptr<float>()),
                                         weights.nbytes()));
  }
  is_first_step_ = false;
  const std::uint64_t hash = fnv1a(text);
  return static_cast<std::int32_t>((hash ^ (hash >> 32U)) & 0x7FFFFFFFU);
}

GroupedSteps::Notes GroupedSteps::agree(const std::vector<Part>& parts, const Wishes& wishes,
                                        std::int32_t hash, std::int64_t step) {
  Notes notes{};
  notes[kStops] = wishes.stops ? 1 : 0;
  notes[kIsDue] = wishes.is_due ? 1 : 0;
  notes[kHash] = hash;
  notes[kMinusHash] = -hash;
  notes[kGradientExponent] = notes[kLossExponent] = exponent_of(0.0);
  for (const Part& part : parts) {
    const double largest = part.gradient.abs().max().item<double>();
    if (!std::isfinite(part.loss)) {
      notes[kNotFinite] = kLossNotFinite;
    } else if (!std::isfinite(largest)) {
      notes[kNotFinite] = std::max(notes[kNotFinite], kGradientNotFinite);
    } else {
      notes[kGradientExponent] = std::max(notes[kGradientExponent], exponent_of(largest));
      notes[kLossExponent] = std::max(notes[kLossExponent], exponent_of(part.loss));
    }
  }
  group_.max(notes);
  if (notes[kHash] != hash || notes[kMinusHash] != -hash) {
    throw Error(ErrorKind::Internal,
                fmt::format("{}: the ranks diverged: at step {} they train different paths, or "
                            "from different weights",
                            stage_.name, step));
  }
  if (notes[kNotFinite] != 0) {
    throw not_finite(stage_, notes[kNotFinite] == kLossNotFinite ? "loss" : "gradient", step);
  }
  return notes;
}

GroupedSteps::Part GroupedSteps::mean_of_all(const std::vector<Part>& parts, const Notes& notes) {
  const int groups = stage_.settings.groups;
  const auto count = static_cast<std::size_t>(parts.front().gradient.numel());
  sums_.assign(count + 1, 0);
  const std::span<std::int32_t> all(sums_);
  for (const Part& part : parts) {
    const auto loss = static_cast<float>(part.loss);
    add_terms({part.gradient.data_ptr<float>(), count}, notes[kGradientExponent], groups,
              all.first(count));
    add_terms({&loss, 1}, notes[kLossExponent], groups, all.last(1));
  }
  group_.sum(all);
  Part mean{.gradient = torch::empty_like(parts.front().gradient)};
  take_means(all.first(count), notes[kGradientExponent], groups,
             {mean.gradient.data_ptr<float>(), count});
  float loss = 0.0F;
  take_means(all.last(1), notes[kLossExponent], groups, {&loss, 1});
  mean.loss = loss;
  return mean;
}

GroupedSteps::Outcome GroupedSteps::step(std::span<const TrainedPath> paths, const Batch& part,
                                         std::int64_t step, double lr, const Wishes& wishes) {
  if (part.images.size(0) != share_.images()) {
    throw Error(ErrorKind::Internal,
                fmt::format("{}: the loader makes {} images of a batch, not the {} of this process",
                            stage_.name, part.images.size(0), share_.images()));
  }
  StepPaths members(supernet_, paths, scalar_type(activation_type(supernet_, stage_.settings)));
  const std::int32_t hash = hash_of(paths, step);
  const std::vector<Part> parts = run_groups(members, part, step);
  const Notes notes = agree(parts, wishes, hash, step);
  const Part mean = mean_of_all(parts, notes);
  give_gradient(members.slices(), mean.gradient);
  sgd_step(members.slices(), stage_.settings, lr);
  return {.loss = mean.loss, .wishes = {.stops = notes[kStops] != 0, .is_due = notes[kIsDue] != 0}};
}

}  // namespace hsconas
