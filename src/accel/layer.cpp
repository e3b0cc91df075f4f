#include "hsconas/accel/layer.hpp"

#include <algorithm>
#include <tuple>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "hsconas/base/error.hpp"
#include "hsconas/base/json_reader.hpp"
#include "hsconas/base/shipped_files.hpp"

namespace hsconas {

using nlohmann::json;

namespace {

constexpr std::int64_t kLargestExtent = 1 << 20;
/// Counts are added and multiplied in double, which is exact below this with room to spare.
constexpr double kMostMacs = 1e14;
constexpr std::int64_t kMostBits = 64;

[[noreturn]] void refuse(const std::string& name, const std::string& why) {
  throw Error(ErrorKind::Usage, fmt::format("layer {}: {}", name, why));
}

/// A whole number, or a pair [y, x].
std::pair<std::int64_t, std::int64_t> read_pair(JsonReader& reader, std::string_view key,
                                                std::int64_t fallback) {
  if (!reader.has(key)) return {fallback, fallback};
  const auto value = reader.required<json>(key);
  if (!value.is_array()) {
    const auto both = reader.required<std::int64_t>(key);
    return {both, both};
  }
  const auto pair = reader.required<std::vector<std::int64_t>>(key);
  if (pair.size() != 2) reader.fail(key, "must be a number or [y, x]");
  return {pair[0], pair[1]};
}

Layer read_conv(JsonReader& reader, std::string name) {
  ConvShape shape{.name = std::move(name)};
  const auto input = reader.required<std::vector<std::int64_t>>("input");
  if (input.size() != 3) reader.fail("input", "must be [channels, rows, columns]");
  shape.channels = input[0];
  shape.in_y = input[1];
  shape.in_x = input[2];
  shape.filters = reader.required<std::int64_t>("filters");
  std::tie(shape.r, shape.s) = read_pair(reader, "kernel", 1);
  std::tie(shape.pad_y, shape.pad_x) = read_pair(reader, "padding", 0);
  shape.stride = reader.optional<std::int64_t>("stride", 1);
  shape.dilation = reader.optional<std::int64_t>("dilation", 1);
  shape.groups = reader.optional<std::int64_t>("groups", 1);
  shape.batch = reader.optional<std::int64_t>("batch", 1);
  return make_conv(shape);
}

LayerBits read_bits(JsonReader& reader) {
  LayerBits bits;
  if (!reader.has("bits")) return bits;
  JsonReader child = reader.child("bits");
  for (const auto& [key, value] :
       {std::pair{"input", &bits.input}, {"weight", &bits.weight}, {"output", &bits.output}}) {
    if (!child.has(key)) continue;
    *value = child.required<std::int64_t>(key);
    if (*value < 1 || *value > kMostBits) {
      child.fail(key, fmt::format("must be in [1, {}], got {}", kMostBits, *value));
    }
  }
  child.finish();
  return bits;
}

Layer read_layer(JsonReader& reader) {
  const auto name = reader.required<std::string>("name");
  const auto type = reader.optional<std::string>("type", "conv");
  Layer layer;
  if (type == "conv") {
    layer = read_conv(reader, name);
  } else if (type == "gemm") {
    const auto rows = reader.optional<std::int64_t>("rows", 1);
    const auto depth = reader.required<std::int64_t>("depth");
    layer = make_gemm(name, rows, depth, reader.required<std::int64_t>("columns"));
  } else {
    reader.fail("type", fmt::format("must be conv or gemm, got \"{}\"", type));
  }
  layer.count = reader.optional<int>("count", 1);
  if (layer.count < 1) reader.fail("count", fmt::format("must be at least 1, got {}", layer.count));
  layer.bits = read_bits(reader);
  reader.finish();
  return layer;
}

/// One width per layer.
std::vector<std::int64_t> widths_of(const Network& network, const char* what,
                                    std::span<const std::int64_t> bits) {
  const std::size_t layers = network.layers.size();
  if (bits.size() != 1 && bits.size() != layers) {
    throw Error(ErrorKind::Usage,
                fmt::format("{} widths are given for the {} of {}, which has {} layers: give one "
                            "for all layers or one per layer",
                            bits.size(), what, network.name, layers));
  }
  for (const std::int64_t width : bits) {
    if (width < 0 || width > kMostBits) {
      throw Error(ErrorKind::Usage, fmt::format("the width of {} must be in [1, {}] bits, or 0 for "
                                                "that of the design, got {}",
                                                what, kMostBits, width));
    }
  }
  if (bits.size() == layers) return {bits.begin(), bits.end()};
  return std::vector<std::int64_t>(layers, bits[0]);
}

}  // namespace

Layer make_conv(const ConvShape& shape) {
  for (const auto& [what, value] : {std::pair{"channels", shape.channels},
                                    {"filters", shape.filters},
                                    {"rows", shape.in_y},
                                    {"columns", shape.in_x},
                                    {"kernel rows", shape.r},
                                    {"kernel columns", shape.s},
                                    {"stride", shape.stride},
                                    {"dilation", shape.dilation},
                                    {"groups", shape.groups},
                                    {"batch", shape.batch}}) {
    if (value < 1 || value > kLargestExtent) {
      refuse(shape.name, fmt::format("{} must be in [1, {}], got {}", what, kLargestExtent, value));
    }
  }
  if (shape.channels % shape.groups != 0 || shape.filters % shape.groups != 0) {
    refuse(shape.name, fmt::format("{} groups do not divide {} channels and {} filters",
                                   shape.groups, shape.channels, shape.filters));
  }
  const auto size = [&](std::int64_t in, std::int64_t window, std::int64_t pad) {
    const std::int64_t reach = shape.dilation * (window - 1) + 1;
    if (pad < 0 || pad >= reach) {
      refuse(shape.name, fmt::format("padding must be in [0, {}], got {}", reach - 1, pad));
    }
    if (in + 2 * pad < reach) {
      refuse(shape.name, fmt::format("a window of {} does not fit {} pixels", reach, in + 2 * pad));
    }
    return (in + 2 * pad - reach) / shape.stride + 1;
  };
  Layer layer{.name = shape.name,
              .n = shape.batch,
              .g = shape.groups,
              .k = shape.filters / shape.groups,
              .c = shape.channels / shape.groups,
              .r = shape.r,
              .s = shape.s,
              .oy = size(shape.in_y, shape.r, shape.pad_y),
              .ox = size(shape.in_x, shape.s, shape.pad_x),
              .in_y = shape.in_y,
              .in_x = shape.in_x,
              .stride = shape.stride,
              .dilation = shape.dilation,
              .pad_y = shape.pad_y,
              .pad_x = shape.pad_x};
  double macs = 1.0;
  for (const auto extent :
       {layer.n, layer.g, layer.k, layer.c, layer.r, layer.s, layer.oy, layer.ox}) {
    macs *= static_cast<double>(extent);
  }
  if (macs > kMostMacs) refuse(shape.name, fmt::format("{:.1e} multiply-adds are too many", macs));
  return layer;
}

Layer make_gemm(std::string name, std::int64_t rows, std::int64_t depth, std::int64_t columns) {
  return make_conv({.name = std::move(name), .channels = depth, .filters = columns, .in_x = rows});
}

std::vector<Layer> layers_of(const Block& block) {
  std::vector<Layer> layers;
  for_each_weighted(block, [&](const Primitive& p) {
    layers.push_back(make_conv({.name = fmt::format("{}/{}", block.name, layers.size()),
                                .channels = p.in_channels,
                                .filters = p.out_channels,
                                .in_y = p.in_size,
                                .in_x = p.in_size,
                                .r = p.kernel,
                                .s = p.kernel,
                                .stride = p.stride,
                                .pad_y = p.kernel / 2,
                                .pad_x = p.kernel / 2,
                                .groups = p.groups}));
  });
  return layers;
}

std::int64_t Network::macs() const {
  std::int64_t total = 0;
  for (const Layer& layer : layers) total += layer.count * layer.macs();
  return total;
}

void set_weight_bits(Network& network, std::span<const std::int64_t> bits) {
  const auto widths = widths_of(network, "weights", bits);
  for (std::size_t i = 0; i < widths.size(); ++i) network.layers[i].bits.weight = widths[i];
}

void set_activation_bits(Network& network, std::span<const std::int64_t> bits) {
  const auto widths = widths_of(network, "activations", bits);
  for (std::size_t i = 0; i < widths.size(); ++i) {
    network.layers[i].bits.input = widths[i];
    network.layers[i].bits.output = widths[std::min(i + 1, widths.size() - 1)];
  }
}

Network network_of(const SearchSpace& space, const Architecture& arch) {
  Network network{.name = space.encode(arch), .layers = {}};
  int position = 0;
  for (const Block& block : space.network(arch)) {
    for (Layer& layer : layers_of(block)) {
      layer.name = fmt::format("{}:{}", position, layer.name);
      network.layers.push_back(std::move(layer));
    }
    ++position;
  }
  return network;
}

Network read_network(const json& source, const std::string& path) {
  JsonReader reader(source, path);
  Network network{.name = reader.required<std::string>("name"), .layers = {}};
  reader.optional<std::string>("description", "");
  const auto list = reader.required<json>("layers");
  if (!list.is_array() || list.empty()) reader.fail("layers", "must be a list of layers");
  for (std::size_t i = 0; i < list.size(); ++i) {
    JsonReader child(list[i], fmt::format("{}.layers[{}]", path, i));
    network.layers.push_back(read_layer(child));
  }
  reader.finish();
  return network;
}

Network load_network(const std::filesystem::path& path) {
  const json source = parse_json(read_file_or_shipped(path), path.string());
  return naming_errors(path.string(), [&] { return read_network(source); });
}

}  // namespace hsconas
