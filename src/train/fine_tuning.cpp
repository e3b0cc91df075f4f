#include "hsconas/train/fine_tuning.hpp"

#include <cmath>
#include <cstddef>

#include <fmt/format.h>
#include <torch/types.h>
#include <torch/utils.h>

#include "hsconas/base/error.hpp"
#include "hsconas/base/rng.hpp"
#include "hsconas/int8/integer_weights.hpp"
#include "hsconas/supernet/device.hpp"
#include "hsconas/supernet/training_path.hpp"
#include "hsconas/train/optimizer.hpp"
#include "training_loss.hpp"

namespace hsconas {

namespace {

constexpr int kNotRounded = 0;

/// The bits of each slice of a TrainingPath of `arch`.
std::vector<int> bits_of_slices(const SearchSpace& space, const Architecture& arch,
                                std::span<const int> bits) {
  std::vector<int> all;
  std::size_t position = 0;
  for (const Block& block : space.network(arch)) {
    const int of_block = bits.empty() ? kNotRounded : bits[position++];
    for_each_weighted(block, [&](const Primitive& p) {
      all.push_back(of_block);
      if (p.has_bias) all.push_back(kNotRounded);  // Biases are integers of 32 bits.
    });
  }
  return all;
}

/// Throws Error(Usage) if a loss is not finite.
std::vector<double> checked(const std::vector<torch::Tensor>& losses) {
  std::vector<double> values;
  for (const torch::Tensor& loss : losses) {
    values.push_back(loss.item<double>());
    if (std::isfinite(values.back())) continue;
    throw Error(ErrorKind::Usage,
                fmt::format("fine-tuning: the loss is not finite at step {}; lower the learning "
                            "rate, codesign.tune_lr, or set retrain.clip_norm",
                            values.size()));
  }
  return values;
}

}  // namespace

torch::Tensor rounded_weight(const torch::Tensor& weight, int bits) {
  const torch::NoGradGuard guard;
  const double largest = largest_weight(bits);
  const torch::Tensor rows = weight.flatten(1).to(torch::kDouble);
  // Scales are fp32, as in files.
  torch::Tensor scales = (rows.abs().amax(1, true) / largest).to(torch::kFloat);
  scales = torch::where(scales == 0.0, torch::ones_like(scales), scales.clamp_min(kFinestScale));
  const torch::Tensor integers =
      (rows / scales.to(torch::kDouble)).round_().clamp_(-largest, largest).to(torch::kFloat);
  return (integers * scales).view(weight.sizes());
}

void round_weights(Supernet& supernet, const Architecture& arch, std::span<const int> bits) {
  const torch::NoGradGuard guard;
  const std::vector<int> of_slices = bits_of_slices(supernet.space(), arch, bits);
  TrainingPath path(supernet, arch);
  for (std::size_t i = 0; i < of_slices.size(); ++i) {
    if (of_slices[i] == kNotRounded) continue;
    TrainingPath::Slice& slice = path.slices()[i];
    slice.value.copy_(rounded_weight(slice.leaf, of_slices[i]));
  }
}

std::vector<double> fine_tune(Supernet& supernet, const Architecture& arch,
                              const FineTuning& tuning, TrainLoader& batches,
                              const StopToken& stop) {
  const std::vector<int> bits = bits_of_slices(supernet.space(), arch, tuning.bits);
  const torch::ScalarType type = scalar_type(activation_type(supernet, tuning.settings));
  const bool has_dropout = supernet.space().description().head.dropout > 0.0;
  std::vector<torch::Tensor> losses;
  for (std::int64_t step = 0; step < tuning.steps; ++step) {
    stop.check();
    if (has_dropout) {
      torch::manual_seed(Rng(tuning.seed, "fine-tuning", static_cast<std::uint64_t>(step)).next());
    }
    const Batch batch = batches.next();
    const Batch here{batch.images.to(supernet.device()), batch.labels.to(supernet.device())};
    TrainingPath path(supernet, arch, type);
    for (std::size_t i = 0; i < bits.size(); ++i) {
      if (bits[i] == kNotRounded) continue;
      const torch::NoGradGuard guard;
      torch::Tensor& leaf = path.slices()[i].leaf;
      leaf.copy_(rounded_weight(leaf, bits[i]));
    }
    const torch::Tensor loss =
        training_loss(path.forward(here.images), here, tuning.settings, Distillation{});
    loss.backward();
    sgd_step(path.slices(), tuning.settings,
             learning_rate(tuning.settings.schedule, tuning.settings.lr, step, 0, tuning.steps));
    losses.push_back(loss.detach());
  }
  return checked(losses);
}

}  // namespace hsconas
