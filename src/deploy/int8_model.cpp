#include "hsconas/deploy/int8_model.hpp"

#include <algorithm>
#include <functional>
#include <span>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <torch/types.h>

#include "hsconas/base/error.hpp"
#include "hsconas/base/rng.hpp"
#include "hsconas/base/usable_cpus.hpp"
#include "hsconas/data/dataset.hpp"
#include "hsconas/loader/loader.hpp"
#include "hsconas/supernet/device.hpp"
#include "hsconas/supernet/int8_network.hpp"

namespace hsconas {

using nlohmann::json;

namespace {

constexpr const char* kInt8Format = "hsconas-int8-1";

/// Throws Error(Usage) unless the network was trained for images like those of `set`.
void check_images(const DeployedModel& model, const Dataset& set) {
  if (set.classes != model.classes) {
    throw Error(ErrorKind::Usage,
                "the data set has other classes than the network, so its images cannot calibrate "
                "int8: set data.path to the set that the network was trained on");
  }
  if (set.channels != model.space.image_channels) {
    throw Error(ErrorKind::Usage,
                fmt::format("the images have {} channels, but the network takes {}: set data.path "
                            "to the set that the network was trained on",
                            set.channels, model.space.image_channels));
  }
}

json to_json(const ActivationScale& scale) {
  return {{"scale", scale.scale}, {"zero_point", scale.zero_point}};
}

json to_json(const ActivationScales& scales) {
  json blocks = json::array();
  for (const auto& points : scales.points) {
    json& list = blocks.emplace_back(json::array());
    for (const ActivationScale& scale : points) list.push_back(to_json(scale));
  }
  return {{"input", to_json(scales.input)}, {"blocks", blocks}};
}

json to_json(const Evaluation& evaluation) {
  return {{"top1", evaluation.top1()}, {"top5", evaluation.top5()}};
}

}  // namespace

Int8Model make_int8(const DeployedModel& model, const Config& config, const Int8Settings& settings,
                    Log& log) {
  DataConfig data = config.data;
  data.image_size = model.space.image_size;
  const Dataset set = open_dataset(data, config.seed, log);
  check_images(model, set);
  std::vector<std::int64_t> indices = split_training_set(set, data, config.seed).train;
  Rng rng(config.seed, "int8 images");
  rng.shuffle(std::span(indices));
  indices.resize(std::min(indices.size(), static_cast<std::size_t>(settings.images)));
  const Preprocessing preprocessing{data.image_size, set.channels, data.augment,
                                    model.normalisation};
  std::vector<torch::Tensor> batches;
  const torch::Device device = open_device(config.device.type);
  for (const Batch& batch : load_all(*set.train, indices, preprocessing, config.score.batch,
                                     threads_for(data.workers), device)) {
    batches.push_back(batch.images);
  }
  const FrozenNetwork network = model.network.to(device);
  const WeightBits bits = [&](std::size_t, std::size_t, const Primitive&) {
    return settings.weight_bits;
  };
  return {.network = quantise(network, measure_scales(network, batches), bits),
          .calibration = {.images = std::ssize(indices),
                          .seed = config.seed,
                          .data_set = set.train_identity.fingerprint},
          .weight_bits = std::vector<int>(network.layers().size(), settings.weight_bits)};
}

json to_json(const Calibration& calibration) {
  return {{"images", calibration.images},
          {"seed", calibration.seed},
          {"data_set", calibration.data_set}};
}

json weight_bits_json(const Int8Model& int8) {
  const std::vector<int>& bits = int8.weight_bits;
  const bool are_same =
      std::adjacent_find(bits.begin(), bits.end(), std::not_equal_to<>()) == bits.end();
  return are_same ? json(bits.front()) : json(bits);
}

json describe_int8(const DeployedModel& model, const Int8Model& int8, const Evaluation& fp32,
                   const Evaluation& tested) {
  return {
      {"format", kInt8Format},
      {"arch", SearchSpace(model.space).encode(model.arch)},
      {"weights", model.weights},
      {"weight_bits", weight_bits_json(int8)},
      {"weight_bytes", int8.network.weight_bytes()},
      {"calibration", to_json(int8.calibration)},
      {"scales", to_json(int8.network.scales)},
      {"test", {{"images", tested.images()}, {"fp32", to_json(fp32)}, {"int8", to_json(tested)}}}};
}

}  // namespace hsconas
