#include "hsconas/deploy/deployed_model.hpp"

#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <torch/types.h>

#include "hsconas/base/error.hpp"
#include "hsconas/base/files.hpp"
#include "hsconas/base/json_reader.hpp"
#include "hsconas/supernet/safetensors.hpp"

namespace hsconas {

using nlohmann::json;

namespace {

constexpr const char* kFormat = "hsconas-architecture-1";

std::string block_label(std::size_t position, std::size_t blocks) {
  if (position == 0) return "stem";
  return position + 1 == blocks ? "head" : fmt::format("layer{}", position - 1);
}

TensorFile to_tensors(const FrozenNetwork& network) {
  TensorFile file;
  const auto& layers = network.layers();
  for (std::size_t position = 0; position < layers.size(); ++position) {
    const std::string block = block_label(position, layers.size());
    for (std::size_t slot = 0; slot < layers[position].weights.size(); ++slot) {
      const auto& weight = layers[position].weights[slot];
      file.tensors[fmt::format("{}.{}.weight", block, slot)] = weight.value;
      if (weight.bias.defined()) file.tensors[fmt::format("{}.{}.bias", block, slot)] = weight.bias;
    }
  }
  return file;
}

/// Removes `name` from `tensors` and returns it. Throws Error(Data) when it is missing or not a
/// float32 tensor of this shape.
torch::Tensor take(std::map<std::string, torch::Tensor>& tensors, const std::string& name,
                   const std::vector<std::int64_t>& shape) {
  const auto it = tensors.find(name);
  if (it == tensors.end()) throw Error(ErrorKind::Data, "lacks the tensor " + name);
  const torch::Tensor tensor = it->second;
  if (tensor.sizes().vec() != shape || tensor.scalar_type() != torch::kFloat) {
    throw Error(ErrorKind::Data, "has another shape or type for the tensor " + name);
  }
  tensors.erase(it);
  return tensor;
}

FrozenNetwork to_network(std::vector<Block> blocks, std::map<std::string, torch::Tensor> tensors) {
  const std::size_t count = blocks.size();
  std::vector<FrozenNetwork::Layer> layers;
  for (std::size_t position = 0; position < count; ++position) {
    FrozenNetwork::Layer layer{.block = std::move(blocks[position]), .weights = {}};
    for_each_weighted(layer.block, [&](const Primitive& p) {
      const std::string name =
          fmt::format("{}.{}", block_label(position, count), layer.weights.size());
      const bool is_conv = p.kind == PrimitiveKind::Conv;
      const std::vector<std::int64_t> shape =
          is_conv
              ? std::vector<std::int64_t>{p.out_channels, p.inputs_per_output(), p.kernel, p.kernel}
              : std::vector<std::int64_t>{p.out_channels, p.in_channels};
      torch::Tensor value = take(tensors, name + ".weight", shape);
      if (is_conv) value = value.contiguous(torch::MemoryFormat::ChannelsLast);
      torch::Tensor bias;
      if (is_conv || p.has_bias) bias = take(tensors, name + ".bias", {p.out_channels});
      layer.weights.push_back({std::move(value), std::move(bias)});
    });
    layers.push_back(std::move(layer));
  }
  if (!tensors.empty()) {
    throw Error(ErrorKind::Data, "holds a tensor of another network: " + tensors.begin()->first);
  }
  return FrozenNetwork(std::move(layers));
}

/// Reads architecture.json: everything but the weights.
DeployedModel read_architecture(const std::filesystem::path& file) {
  const json source = read_json(file);
  try {
    JsonReader reader(source, "", ErrorKind::Data);
    if (const auto format = reader.required<std::string>("format"); format != kFormat) {
      throw Error(ErrorKind::Data, "has the format " + format + ", not " + kFormat);
    }
    DeployedModel model{.space = read_space(reader.required<json>("space")),
                        .network = FrozenNetwork({})};
    model.arch = SearchSpace(model.space).decode(reader.required<std::string>("arch"));
    model.classes = reader.required<std::vector<std::string>>("classes");
    model.weights = reader.required<std::string>("weights");
    JsonReader input = reader.child("input");
    model.normalisation = {input.required<std::vector<float>>("mean"),
                           input.required<std::vector<float>>("std")};
    const auto channels = static_cast<std::size_t>(model.space.image_channels);
    if (model.normalisation.mean.size() != channels || model.normalisation.std.size() != channels ||
        model.classes.size() != static_cast<std::size_t>(model.space.classes)) {
      throw Error(ErrorKind::Data, "mean, std or classes do not fit the space");
    }
    return model;
  } catch (const Error& error) {
    throw Error(ErrorKind::Data, file.string() + ": " + error.what());
  }
}

}  // namespace

json describe_model(const DeployedModel& model) {
  const SearchSpace space(model.space);
  const Cost cost = space.cost(model.arch);
  json layers = json::array();
  for (const Block& block : space.network(model.arch)) {
    layers.push_back({{"operator", block.name},
                      {"in_channels", block.in_channels},
                      {"mid_channels", block.mid_channels},
                      {"out_channels", block.out_channels},
                      {"in_size", block.in_size},
                      {"stride", block.stride}});
  }
  return {{"format", kFormat},
          {"space", to_json(model.space)},
          {"arch", space.encode(model.arch)},
          {"layers", layers},
          {"macs", cost.macs},
          {"parameters", cost.parameters()},
          {"weights", model.weights},
          {"classes", model.classes},
          {"input",
           {{"name", "images"},
            {"layout", "[batch, channels, height, width], float32"},
            {"channels", model.space.image_channels},
            {"size", model.space.image_size},
            {"values", "(pixel / 255 - mean) / std"},
            {"mean", model.normalisation.mean},
            {"std", model.normalisation.std}}},
          {"output", {{"name", "logits"}, {"layout", "[batch, classes], float32"}}}};
}

void save_model(const std::filesystem::path& tensors, const DeployedModel& model) {
  const json description = describe_model(model);
  TensorFile file = to_tensors(model.network);
  file.metadata = {{"arch", description["arch"]}, {"weights", model.weights}};
  save_tensors(tensors, file);
  write_json(tensors.parent_path() / kArchitectureFile, description);
}

DeployedModel load_model(const std::filesystem::path& folder) {
  DeployedModel model = read_architecture(folder / kArchitectureFile);
  const auto file = folder / kModelFile;
  TensorFile tensors = load_tensors(file);
  model.network = naming_errors(file.string(), [&] {
    return to_network(SearchSpace(model.space).network(model.arch), std::move(tensors.tensors));
  });
  return model;
}

}  // namespace hsconas
