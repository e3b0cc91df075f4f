#include <vector>

#include <nlohmann/json.hpp>
#include <torch/types.h>

#include "hsconas/base/files.hpp"
#include "hsconas/deploy/export.hpp"
#include "hsconas/onnx/onnx_graph.hpp"

namespace hsconas {

namespace {

using Metadata = decltype(OnnxModel::metadata);

Metadata metadata_of(const DeployedModel& model) {
  const nlohmann::json description = describe_model(model);
  return {{"arch", description["arch"]},
          {"space", model.space.name},
          {"classes", description["classes"].dump()},
          {"mean", description["input"]["mean"].dump()},
          {"std", description["input"]["std"].dump()}};
}

}  // namespace

void write_onnx(const std::filesystem::path& file, const DeployedModel& model) {
  std::vector<torch::Tensor> kept;  // Row-major copies; they must live until they are encoded.
  const auto values = [&kept](const torch::Tensor& tensor) -> OnnxWeight::Values {
    if (!tensor.defined()) return OnnxTensor::Floats{};
    kept.push_back(tensor.detach().cpu().to(torch::kFloat).contiguous());
    return OnnxTensor::Floats{kept.back().data_ptr<float>()};
  };
  const auto& layers = model.network.layers();
  std::vector<Block> chain;
  for (const auto& layer : layers) chain.push_back(layer.block);
  OnnxModel onnx = onnx_graph(chain, {.name = model.space.name},
                              [&](std::size_t block, std::size_t slot, const Primitive&) {
                                const auto& weight = layers[block].weights[slot];
                                return OnnxWeight{values(weight.value), values(weight.bias)};
                              });
  onnx.metadata = metadata_of(model);
  write_file(file, encode_onnx(onnx));
}

void write_onnx(const std::filesystem::path& file, const DeployedModel& model,
                const Int8Model& int8) {
  OnnxModel onnx =
      onnx_graph(int8.network.blocks, {.name = model.space.name, .scales = &int8.network.scales},
                 [&](std::size_t block, std::size_t slot, const Primitive&) {
                   const IntegerWeights& weights = int8.network.weights[block][slot];
                   return OnnxWeight{weights.values, weights.bias, weights.scales};
                 });
  onnx.metadata = metadata_of(model);
  onnx.metadata["int8_calibration"] = to_json(int8.calibration).dump();
  write_file(file, encode_onnx(onnx));
}

}  // namespace hsconas
