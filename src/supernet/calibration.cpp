#include "hsconas/supernet/calibration.hpp"

#include <span>

#include <torch/types.h>
#include <torch/utils.h>

#include "hsconas/supernet/candidate.hpp"

namespace hsconas {

BatchNormStatistics calibrate(const Supernet& supernet, const Architecture& arch,
                              const std::vector<torch::Tensor>& batches) {
  const c10::InferenceMode guard;
  const std::vector<CandidateBlock> blocks = candidate_blocks(supernet, arch);
  BatchNormStatistics statistics;
  statistics.blocks.resize(blocks.size());
  double images_before = 0.0;
  for (const torch::Tensor& batch : batches) {
    torch::Tensor x = batch;
    for (const CandidateBlock& block : std::span(blocks).first(blocks.size() - 1)) {
      x = block.calibrate(x, statistics, images_before);
    }
    blocks.back().observe(x, statistics, images_before);
    images_before += static_cast<double>(batch.size(0));
  }
  return statistics;
}

FrozenNetwork::Layer freeze(Block block, const std::vector<Parameter>& parameters,
                            const std::vector<BatchNormStatistics::Layer>& statistics) {
  const c10::InferenceMode guard;
  FrozenNetwork::Layer layer{.block = std::move(block), .weights = {}};
  std::size_t next = 0;
  std::size_t norm = 0;
  for_each_weighted(layer.block, [&](const Primitive& p) {
    if (p.kind == PrimitiveKind::Linear) {
      const torch::Tensor& weight = parameters[next++].value;
      layer.weights.push_back(
          {weight.clone(), p.has_bias ? parameters[next++].value.clone() : torch::Tensor()});
      return;
    }
    // Every convolution of an operator is followed by its own batch norm.
    const auto& bn = statistics[norm++];
    layer.weights.push_back(
        fold_batch_norm(sliced(parameters[next++].value, p), bn.mean, bn.variance));
  });
  return layer;
}

FrozenNetwork freeze(const Supernet& supernet, const Architecture& arch,
                     const BatchNormStatistics& statistics) {
  const c10::InferenceMode guard;
  std::vector<FrozenNetwork::Layer> layers;
  for (Block& block : supernet.space().network(arch)) {
    const std::size_t position = layers.size();
    layers.push_back(freeze(std::move(block),
                            supernet.parameters(static_cast<int>(position), op_at(position, arch)),
                            statistics.blocks[position]));
  }
  return FrozenNetwork(std::move(layers));
}

}  // namespace hsconas
