#include "grouped_step.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <span>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <torch/utils.h>

#include "hsconas/base/error.hpp"
#include "hsconas/base/hash.hpp"
#include "hsconas/base/rng.hpp"
#include "hsconas/train/gradient_sum.hpp"
#include "tensor_sum.hpp"
#include "training_loss.hpp"

namespace hsconas {

namespace {

// The values of kNotFinite.
constexpr std::int32_t kGradientNotFinite = 1;
constexpr std::int32_t kLossNotFinite = 2;

}  // namespace

GroupedSteps::GroupedSteps(Supernet& supernet, const TrainingStage& stage, ProcessGroup& group)
    : supernet_(supernet),
      stage_(stage),
      group_(group),
      share_(share_of(stage.settings, group.rank(), group.size())) {}

GroupedSteps::Parts GroupedSteps::run_groups(TrainingStep& paths, const Batch& part,
                                             std::int64_t step) const {
  Parts parts;
  std::vector<torch::Tensor> numbers;  // Of all groups, so that a GPU is waited for once.
  for (int i = 0; i < share_.count; ++i) {
    const std::int64_t first = std::int64_t{i} * share_.images_per_group;
    const Batch images{part.images.narrow(0, first, share_.images_per_group),
                       part.labels.narrow(0, first, share_.images_per_group)};
    const auto number =
        static_cast<std::uint64_t>(step * stage_.settings.groups + share_.first + i);
    paths.seed_dropout(Rng(stage_.seed, stage_.name + " dropout", number).next());
    const torch::Tensor loss = paths.run(images, stage_.distillation);
    parts.gradients.push_back(paths.take_gradient());
    numbers.push_back(parts.gradients.back().abs().max());
    numbers.push_back(loss.detach().to(torch::kFloat));
  }
  const torch::Tensor known = torch::stack(numbers).to(torch::kCPU, torch::kDouble);
  const double* values = known.data_ptr<double>();
  for (int i = 0; i < share_.count; ++i) {
    parts.largest.push_back(values[2 * i]);
    parts.losses.push_back(values[2 * i + 1]);
  }
  return parts;
}

template <typename Exchange>
void GroupedSteps::timed(Exchange&& exchange) {
  const auto start = std::chrono::steady_clock::now();
  exchange();
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  exchange_seconds_ += seconds.count();
}

std::int32_t GroupedSteps::hash_of(std::span<const TrainedPath> paths, std::int64_t step) {
  constexpr std::int64_t kStepsPerCheck = 1000;
  std::string text = fmt::format("{}", step);
  for (const TrainedPath& path : paths)
    text += fmt::format(" {}", supernet_.space().encode(path.arch));
  // Ranks that begin with different weights, or whose memory or libraries differ, are found too.
  if (group_.size() > 1 && (is_first_step_ || step % kStepsPerCheck == 0)) {
    const torch::Tensor weights = supernet_.flat_values().cpu();
    text += fingerprint(std::string_view(reinterpret_cast<const char*>(weights.data_ptr<float>()),
                                         weights.nbytes()));
  }
  is_first_step_ = false;
  const std::uint64_t hash = fnv1a(text);
  return static_cast<std::int32_t>((hash ^ (hash >> 32U)) & 0x7FFFFFFFU);
}

GroupedSteps::Notes GroupedSteps::agree(const Parts& parts, const Wishes& wishes, std::int32_t hash,
                                        std::int64_t step) {
  Notes notes{};
  notes[kStops] = wishes.stops ? 1 : 0;
  notes[kIsDue] = wishes.is_due ? 1 : 0;
  notes[kHash] = hash;
  notes[kMinusHash] = -hash;
  notes[kGradientExponent] = notes[kLossExponent] = exponent_of(0.0);
  for (std::size_t i = 0; i < parts.losses.size(); ++i) {
    if (!std::isfinite(parts.losses[i])) {
      notes[kNotFinite] = kLossNotFinite;
    } else if (!std::isfinite(parts.largest[i])) {
      notes[kNotFinite] = std::max(notes[kNotFinite], kGradientNotFinite);
    } else {
      notes[kGradientExponent] = std::max(notes[kGradientExponent], exponent_of(parts.largest[i]));
      notes[kLossExponent] = std::max(notes[kLossExponent], exponent_of(parts.losses[i]));
    }
  }
  timed([&] { group_.max(notes); });
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

GroupedSteps::Means GroupedSteps::means_of_all(const Parts& parts, const Notes& notes) {
  const int groups = stage_.settings.groups;
  const std::int64_t count = parts.gradients.front().numel();
  const torch::Tensor all =
      torch::zeros({count + 1}, torch::TensorOptions(torch::kInt).device(supernet_.device()));
  const torch::Tensor gradients = all.narrow(0, 0, count);
  const torch::Tensor loss = all.narrow(0, count, 1);
  std::int32_t losses = 0;
  for (std::size_t i = 0; i < parts.losses.size(); ++i) {
    add_terms(parts.gradients[i], notes[kGradientExponent], groups, gradients);
    const auto term = static_cast<float>(parts.losses[i]);
    add_terms({&term, 1}, notes[kLossExponent], groups, {&losses, 1});
  }
  torch::Tensor(loss).fill_(losses);
  timed([&] { sum_over_ranks(all); });
  return {.gradient = means_of(gradients, notes[kGradientExponent], groups),
          .loss = means_of(loss, notes[kLossExponent], groups).squeeze(0)};
}

void GroupedSteps::sum_over_ranks(const torch::Tensor& values) {
  const auto count = static_cast<std::size_t>(values.numel());
  if (values.device().is_cuda() && group_.sum_on_device(values.data_ptr<std::int32_t>(), count)) {
    return;
  }
  const torch::Tensor on_host = values.cpu();  // On a CPU this is the same memory.
  group_.sum({on_host.data_ptr<std::int32_t>(), count});
  if (!on_host.is_same(values)) torch::Tensor(values).copy_(on_host);
}

GroupedSteps::Outcome GroupedSteps::step(std::span<const TrainedPath> paths, const Batch& part,
                                         std::int64_t step, double lr, const Wishes& wishes) {
  if (part.images.size(0) != share_.images()) {
    throw Error(ErrorKind::Internal,
                fmt::format("{}: the loader makes {} images of a batch, not the {} of this process",
                            stage_.name, part.images.size(0), share_.images()));
  }
  const auto members =
      make_training_step(supernet_, paths, stage_.settings, share_.images_per_group);
  const std::int32_t hash = hash_of(paths, step);
  const Parts parts = run_groups(*members, part, step);
  const Notes notes = agree(parts, wishes, hash, step);
  const Means mean = means_of_all(parts, notes);
  members->give_gradient(mean.gradient);
  members->update(lr);
  return {.loss = mean.loss,
          .wishes = {.stops = notes[kStops] != 0, .is_due = notes[kIsDue] != 0},
          .exchange_seconds = std::exchange(exchange_seconds_, 0.0)};
}

}  // namespace hsconas
