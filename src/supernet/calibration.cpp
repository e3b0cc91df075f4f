#include "hsconas/supernet/calibration.hpp"

#include <tuple>

#include <torch/torch.h>

#include "hsconas/supernet/run_block.hpp"

namespace hsconas {

namespace {

/// Pools one more batch of `images` into `pooled`, which holds `images_before`. Through the
/// difference of the means (Chan, Golub and LeVeque, 1983): a mean of squares would lose the
/// variance of a channel whose mean is large.
void pool(BatchNormStatistics::Layer& pooled, double images_before,
          const BatchNormStatistics::Layer& batch, double images) {
  const double share = images / (images_before + images);
  const torch::Tensor shift = batch.mean - pooled.mean;
  pooled.mean = pooled.mean + shift * share;
  pooled.variance = pooled.variance * (1.0 - share) + batch.variance * share +
                    shift * shift * (share * (1.0 - share));
}

/// Batch statistics, pooled on the way.
struct CalibrationRunner {
  const std::vector<Parameter>& parameters;
  std::vector<BatchNormStatistics::Layer>& statistics;
  double images_before;

  torch::Tensor conv(const Primitive& p, std::size_t slot, const torch::Tensor& x) const {
    return torch::conv2d(x, sliced(parameters[slot].value, p), {}, p.stride, p.kernel / 2, 1,
                         p.groups);
  }
  /// The classifier has no statistics behind it.
  static torch::Tensor linear(const Primitive&, std::size_t, const torch::Tensor& x) { return x; }
  torch::Tensor batch_norm(const Primitive&, std::size_t slot, const torch::Tensor& x) const {
    const auto [y, mean, inverse_deviation] =
        torch::native_batch_norm(x, {}, {}, {}, {}, true, 0.0, kBatchNormEpsilon);
    const torch::Tensor variance = (inverse_deviation.pow(-2) - kBatchNormEpsilon).clamp_min(0.0);
    if (slot == statistics.size()) {
      statistics.push_back({mean, variance});
    } else {
      pool(statistics[slot], images_before, {mean, variance}, static_cast<double>(x.size(0)));
    }
    return y;
  }
  static torch::Tensor relu(torch::Tensor x) { return x.relu_(); }
};

}  // namespace

BatchNormStatistics calibrate(const Supernet& supernet, const Architecture& arch,
                              const std::vector<torch::Tensor>& batches) {
  const c10::InferenceMode guard;
  const auto blocks = supernet.space().network(arch);
  BatchNormStatistics statistics;
  statistics.blocks.resize(blocks.size());
  double images_before = 0.0;
  for (const torch::Tensor& batch : batches) {
    torch::Tensor x = batch;
    for (std::size_t position = 0; position < blocks.size(); ++position) {
      x = x.contiguous(torch::MemoryFormat::ChannelsLast);
      CalibrationRunner runner{
          supernet.parameters(static_cast<int>(position), op_at(position, arch)),
          statistics.blocks[position], images_before};
      x = run_block(blocks[position], x, runner);
    }
    images_before += static_cast<double>(batch.size(0));
  }
  return statistics;
}

FrozenNetwork freeze(const Supernet& supernet, const Architecture& arch,
                     const BatchNormStatistics& statistics) {
  const c10::InferenceMode guard;
  std::vector<FrozenNetwork::Layer> layers;
  for (const Block& block : supernet.space().network(arch)) {
    const std::size_t position = layers.size();
    const auto& parameters = supernet.parameters(static_cast<int>(position), op_at(position, arch));
    std::size_t next = 0;
    std::size_t norm = 0;
    FrozenNetwork::Layer layer{.block = block};
    for (const Block::Path& path : block.paths) {
      for (const Primitive& p : path.primitives) {
        if (p.kind == PrimitiveKind::Linear) {
          const torch::Tensor& weight = parameters[next++].value;
          layer.weights.push_back(
              {weight.clone(), p.has_bias ? parameters[next++].value.clone() : torch::Tensor()});
        } else if (p.kind == PrimitiveKind::Conv) {
          // Every convolution of an operator is followed by its own batch norm.
          const auto& bn = statistics.blocks[position][norm++];
          layer.weights.push_back(
              fold_batch_norm(sliced(parameters[next++].value, p), bn.mean, bn.variance));
        }
      }
    }
    layers.push_back(std::move(layer));
  }
  return FrozenNetwork(std::move(layers));
}

}  // namespace hsconas
