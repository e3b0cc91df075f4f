#include "hsconas/edge/edge_kit.hpp"

#include <algorithm>
#include <span>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "hsconas/base/error.hpp"
#include "hsconas/base/files.hpp"
#include "hsconas/base/json_reader.hpp"
#include "hsconas/base/rng.hpp"
#include "hsconas/int8/integer_weights.hpp"
#include "hsconas/int8/rounding_points.hpp"
#include "hsconas/latency/measure.hpp"
#include "hsconas/latency/network_draw.hpp"
#include "hsconas/onnx/onnx_graph.hpp"
#include "kit_scripts.hpp"

namespace hsconas {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

constexpr const char* kFormat = "hsconas-kit-1";
constexpr const char* kDataFile = "weights.bin";
constexpr const char* kManifest = "manifest.json";
constexpr const char* kTensorRtScript = "run_trtexec.sh";

// All models share one array of small random weights, followed by one of biases. The squares of up
// to 2,400 weights sum to less than 1, so that activations do not grow through a network. Biases
// are positive, so that no activation becomes denormal, which would slow processors down.
constexpr double kLargestWeight = 0.035;
constexpr double kLargestBias = 0.1;
// The scales of all values and weights of an int8 kit.
constexpr float kStep = 1.0F / 64.0F;
constexpr int kMiddle = 128;  // The zero point of values that may be negative.
constexpr int kLargestInteger = largest_weight(IntegerWeights::kWeightBits);
constexpr float kWeightStep = static_cast<float>(kLargestWeight / kLargestInteger);
constexpr std::int32_t kLargestIntegerBias =
    static_cast<std::int32_t>(kLargestBias / double{kStep * kWeightStep});
constexpr std::int64_t kAlignment = 16;  // In values: 64 bytes of fp32, a cache line.

/// Assigns consecutive places in the shared arrays to the weights and biases of one model.
class DataLayout {
 public:
  /// Reserves `count` values after the first `used` and returns their offset in values.
  std::int64_t place(std::int64_t& used, std::int64_t count) const {
    return std::exchange(used, used + (count + kAlignment - 1) / kAlignment * kAlignment);
  }
  std::int64_t weights = 0;
  std::int64_t biases = 0;
};

/// Calls `use` for every weighted primitive of a chain, in order.
template <typename Use>
void for_each_weight(std::span<const Block> chain, Use use) {
  for (const Block& block : chain) for_each_weighted(block, use);
}

/// The sizes of the shared arrays that a chain needs.
DataLayout reach_of(std::span<const Block> chain) {
  DataLayout layout;
  for_each_weight(chain, [&layout](const Primitive& p) {
    layout.place(layout.weights, p.weight_count());
    layout.place(layout.biases, p.out_channels);
  });
  return layout;
}

/// The scales of an int8 kit's model.
ActivationScales kit_scales(std::span<const Block> chain) {
  ActivationScales scales{.input = {kStep, kMiddle}, .points = {}};
  for (const Block& block : chain) {
    auto& points = scales.points.emplace_back();
    for (const RoundingPoint& point : points_of(block)) {
      points.push_back({kStep, point.is_rectified ? 0 : kMiddle});
    }
  }
  return scales;
}

/// Encodes the chain as an ONNX model whose weights are in the kit's data file, the biases behind
/// `weights` values of weights.
std::string encode_model(std::span<const Block> chain, const KitModel& model, const EdgeKit& kit,
                         std::int64_t weights) {
  const OnnxType weight_type = kit.is_int8 ? OnnxType::Int8 : OnnxType::Float;
  const OnnxType bias_type = kit.is_int8 ? OnnxType::Int32 : OnnxType::Float;
  const std::int64_t first_bias = weights * bytes_of(weight_type);
  const ActivationScales scales = kit_scales(chain);
  const bool is_inside = model.role == "block" && model.key != SearchSpace(kit.space).stem().key();
  DataLayout layout;
  OnnxModel onnx =
      onnx_graph(chain,
                 {.name = model.key,
                  .batch = kit.batch,
                  .scales = kit.is_int8 ? &scales : nullptr,
                  .takes_integers = kit.is_int8 && is_inside},
                 [&](std::size_t, std::size_t, const Primitive& p) {
                   const auto weight = layout.place(layout.weights, p.weight_count());
                   const auto bias = layout.place(layout.biases, p.out_channels);
                   return OnnxWeight{
                       OnnxTensor::Stored{weight * bytes_of(weight_type), weight_type},
                       OnnxTensor::Stored{first_bias + bias * bytes_of(bias_type), bias_type},
                       std::vector<float>(static_cast<std::size_t>(p.out_channels), kWeightStep)};
                 });
  onnx.data_file = kDataFile;
  return encode_onnx(onnx);
}

template <typename T>
std::string_view bytes_in(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

std::string random_integers(const DataLayout& size, std::uint64_t seed) {
  Rng rng(seed, "edge kit");
  std::vector<std::int8_t> weights;
  std::vector<std::int32_t> biases;
  for (std::int64_t i = 0; i < size.weights; ++i) {
    const auto draw = static_cast<int>(rng.below(2 * kLargestInteger + 1));
    weights.push_back(static_cast<std::int8_t>(draw - kLargestInteger));
  }
  for (std::int64_t i = 0; i < size.biases; ++i) {
    biases.push_back(static_cast<std::int32_t>(rng.below(kLargestIntegerBias)));
  }
  return std::string(bytes_in(weights)) + std::string(bytes_in(biases));
}

std::string random_data(const DataLayout& size, std::uint64_t seed) {
  Rng rng(seed, "edge kit");
  std::vector<float> values;
  values.reserve(static_cast<std::size_t>(size.weights + size.biases));
  for (std::int64_t i = 0; i < size.weights; ++i) {
    values.push_back(static_cast<float>(rng.uniform(-kLargestWeight, kLargestWeight)));
  }
  for (std::int64_t i = 0; i < size.biases; ++i) {
    values.push_back(static_cast<float>(rng.uniform(0.0, kLargestBias)));
  }
  return std::string(bytes_in(values));
}

/// A table of multiply-adds instead of times, which are not known yet. It only serves to select
/// networks that are spread over the range.
LatencyTable guess(const SearchSpace& space, const std::vector<Block>& blocks) {
  constexpr double kCall = 0.1;  // Constant cost of a block, in million multiply-adds.
  LatencyTable table{.space = space.description().name};
  for (const Block& block : blocks) {
    table.entries[block.key()].network_ms = kCall + 1e-6 * static_cast<double>(cost_of(block).macs);
  }
  return table;
}

std::vector<Block> chain_of(const KitModel& model, const SearchSpace& space,
                            const std::vector<Block>& blocks) {
  if (model.role != "block") return space.network(space.decode(model.key));
  return {*std::find_if(blocks.begin(), blocks.end(),
                        [&](const Block& block) { return block.key() == model.key; })};
}

json to_json(const EdgeKit& kit) {
  json models = json::array();
  for (const KitModel& model : kit.models) {
    models.push_back({{"file", model.file},
                      {"role", model.role},
                      {"key", model.key},
                      {"channels", model.channels},
                      {"size", model.size}});
  }
  json manifest{{"format", kFormat},
                {"space", to_json(kit.space)},
                {"batch", kit.batch},
                {"reference", kit.reference},
                {"models", models}};
  if (kit.is_int8) manifest["precision"] = kInt8Precision;
  return manifest;
}

std::string to_csv(const EdgeKit& kit) {
  std::string text = "file,role,key,batch,channels,size\n";
  const auto add = [&](const KitModel& model, const std::string& role) {
    text += fmt::format("{},{},{},{},{},{}\n", model.file, role, model.key, kit.batch,
                        model.channels, model.size);
  };
  for (const KitModel& model : kit.models) add(model, model.role);
  for (const KitModel& model : kit.models) {
    if (model.file == kit.reference) add(model, "reference");
  }
  return text;
}

/// Whether a manifest is that of an int8 kit. The manifest of another kit names no precision.
bool reads_int8(JsonReader& reader) {
  if (!reader.has("precision")) return false;
  const auto precision = reader.required<std::string>("precision");
  if (precision == kInt8Precision) return true;
  throw Error(ErrorKind::Data, "precision is unknown: " + precision);
}

}  // namespace

EdgeKit plan_edge_kit(const SearchSpace& space, const LatencyConfig& config, std::uint64_t seed,
                      Log& log) {
  EdgeKit kit{.space = space.description(), .batch = config.batch};
  const std::vector<Block> blocks = distinct_blocks(space);
  const std::string reference = reference_block(blocks).key();
  const auto add = [&](const char* folder, int number, const char* role, std::string key,
                       int channels, int size) {
    kit.models.push_back(
        {fmt::format("{}{:04}.onnx", folder, number), role, std::move(key), channels, size});
  };
  int number = 0;
  for (const Block& block : blocks) {
    add("block", number++, "block", block.key(), block.in_channels, block.in_size);
    if (block.key() == reference) kit.reference = kit.models.back().file;
  }
  const NetworkDraw networks =
      draw_networks(space, TableModel(space, guess(space, blocks)), config, seed, log);
  number = 0;
  const auto add_all = [&](const std::vector<Architecture>& archs, const char* role) {
    for (const Architecture& arch : archs) {
      add("network", number++, role, space.encode(arch), kit.space.image_channels,
          kit.space.image_size);
    }
  };
  add_all(networks.calibration, "fit");
  add_all(networks.test, "test");
  add_all(networks.test_spread, "spread");
  return kit;
}

void write_edge_kit(const fs::path& folder, const EdgeKit& kit, std::uint64_t seed) {
  std::error_code unknown;
  if (fs::exists(folder, unknown) && !fs::is_empty(folder, unknown)) {
    throw Error(ErrorKind::Usage, folder.string() + " is not empty; name a new folder for the kit");
  }
  make_folder(folder);
  const SearchSpace space(kit.space);
  const std::vector<Block> blocks = distinct_blocks(space);
  DataLayout size;
  for (const KitModel& model : kit.models) {
    const DataLayout reach = reach_of(chain_of(model, space, blocks));
    size.weights = std::max(size.weights, reach.weights);
    size.biases = std::max(size.biases, reach.biases);
  }
  write_file(folder / kDataFile,
             kit.is_int8 ? random_integers(size, seed) : random_data(size, seed));
  for (const KitModel& model : kit.models) {
    write_file(folder / model.file,
               encode_model(chain_of(model, space, blocks), model, kit, size.weights));
  }
  write_file(folder / "manifest.csv", to_csv(kit));
  for (const auto& [name, text] : kKitScripts) {
    if (kit.is_int8 && name == std::string_view(kTensorRtScript)) continue;
    write_file(folder / name, text);
    fs::permissions(folder / name, fs::perms::owner_exec | fs::perms::group_exec,
                    fs::perm_options::add, unknown);
  }
  write_json(folder / kManifest, to_json(kit));  // Last: its presence means the kit is complete.
}

EdgeKit load_edge_kit(const fs::path& folder) {
  const fs::path file = folder / kManifest;
  const json source = read_json(file);
  try {
    JsonReader reader(source, "", ErrorKind::Data);
    if (reader.required<std::string>("format") != kFormat) {
      throw Error(ErrorKind::Data, "not the manifest of an edge kit");
    }
    EdgeKit kit{.space = read_space(reader.required<json>("space")),
                .batch = reader.required<int>("batch"),
                .is_int8 = reads_int8(reader),
                .reference = reader.required<std::string>("reference")};
    const json models = reader.required<json>("models");
    for (std::size_t i = 0; i < models.size(); ++i) {
      JsonReader model(models[i], fmt::format("models[{}]", i), ErrorKind::Data);
      kit.models.push_back({model.required<std::string>("file"),
                            model.required<std::string>("role"), model.required<std::string>("key"),
                            model.required<int>("channels"), model.required<int>("size")});
      model.finish();
    }
    reader.finish();
    return kit;
  } catch (const Error& error) {
    throw Error(ErrorKind::Data, file.string() + ": " + error.what());
  }
}

}  // namespace hsconas
