#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <numeric>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hsconas::test {

/// Reads and runs ONNX files in plain loops, as an independent reference: it follows the ONNX and
/// protobuf specifications and shares no code with the exporter.

/// A protobuf message: the varints and byte strings of each field, in order.
struct ProtoMessage {
  std::map<int, std::vector<std::uint64_t>> numbers;
  std::map<int, std::vector<std::string_view>> bytes;

  explicit ProtoMessage(std::string_view data) {
    while (!data.empty()) {
      const std::uint64_t key = varint(data);
      const int field = static_cast<int>(key >> 3U);
      if (key % 8 == 0) {
        numbers[field].push_back(varint(data));
      } else if (key % 8 == 2) {
        const std::uint64_t length = varint(data);
        if (length > data.size()) throw std::runtime_error("a field runs past the end");
        bytes[field].push_back(data.substr(0, length));
        data.remove_prefix(length);
      } else if (key % 8 == 5 && data.size() >= 4) {
        data.remove_prefix(4);  // A float attribute, which no node of ours has.
      } else {
        throw std::runtime_error("unexpected wire type");
      }
    }
  }
  std::int64_t number(int field, std::int64_t fallback = 0) const {
    const auto it = numbers.find(field);
    return it == numbers.end() ? fallback : static_cast<std::int64_t>(it->second.back());
  }
  std::string text(int field) const {
    const auto it = bytes.find(field);
    return it == bytes.end() ? std::string() : std::string(it->second.back());
  }
  std::vector<ProtoMessage> messages(int field) const {
    std::vector<ProtoMessage> result;
    const auto it = bytes.find(field);
    if (it == bytes.end()) return result;
    for (const std::string_view data : it->second) result.emplace_back(data);
    return result;
  }
  std::vector<std::int64_t> integers(int field) const {
    const auto it = numbers.find(field);
    if (it == numbers.end()) return {};
    return {it->second.begin(), it->second.end()};
  }

 private:
  static std::uint64_t varint(std::string_view& data) {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (data.empty()) throw std::runtime_error("a number runs past the end");
      const auto byte = static_cast<unsigned char>(data.front());
      data.remove_prefix(1);
      value |= static_cast<std::uint64_t>(byte & 0x7FU) << shift;
      if (byte < 0x80U) return value;
    }
    throw std::runtime_error("a number is too long");
  }
};

/// A tensor of float, uint8, int8 or int32, row-major.
struct Array {
  std::vector<std::int64_t> dims;
  std::vector<float> values;

  std::int64_t dim(std::size_t i) const { return dims.at(i); }
};

inline std::int64_t count_of(const std::vector<std::int64_t>& dims) {
  return std::accumulate(dims.begin(), dims.end(), std::int64_t{1}, std::multiplies<>());
}

class OnnxFile {
 public:
  struct Node {
    std::string op;
    std::vector<std::string> inputs, outputs;
    std::map<std::string, std::vector<std::int64_t>> attributes;

    std::int64_t attribute(const std::string& name, std::int64_t fallback) const {
      const auto it = attributes.find(name);
      return it == attributes.end() ? fallback : it->second.at(0);
    }
  };
  struct Value {
    std::string name;
    std::vector<std::string> dims;  ///< "8", or the name of a free dimension.
    std::int64_t type = 0;          ///< 1: float, 2: uint8.
  };

  explicit OnnxFile(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    const std::string contents{std::istreambuf_iterator<char>(in), {}};
    parse(contents, path.parent_path());
  }
  OnnxFile(const std::string& contents, const std::filesystem::path& folder) {
    parse(contents, folder);
  }

  std::int64_t ir_version = 0;
  std::int64_t opset = 0;
  std::vector<Node> nodes;
  std::vector<Value> inputs, outputs;
  std::map<std::string, Array> floats;
  std::map<std::string, std::vector<std::int64_t>> integers;
  std::map<std::string, std::string> metadata;

  /// Runs the graph on `input`, its only input, and returns its output.
  Array run(Array input) const {
    std::map<std::string, Array> values = floats;
    values[inputs.at(0).name] = std::move(input);
    for (const Node& node : nodes) values[node.outputs.at(0)] = compute(node, values);
    return values.at(outputs.at(0).name);
  }

 private:
  void parse(const std::string& contents, const std::filesystem::path& folder) {
    const ProtoMessage model(contents);
    ir_version = model.number(1);
    opset = model.messages(8).at(0).number(2);
    for (const ProtoMessage& entry : model.messages(14)) metadata[entry.text(1)] = entry.text(2);
    const ProtoMessage graph = model.messages(7).at(0);
    for (const ProtoMessage& node : graph.messages(1)) {
      Node& to = nodes.emplace_back();
      to.op = node.text(4);
      for (const auto name : node.bytes.at(1)) to.inputs.emplace_back(name);
      for (const auto name : node.bytes.at(2)) to.outputs.emplace_back(name);
      for (const ProtoMessage& attribute : node.messages(5)) {
        const bool is_list = attribute.number(20) == 7;
        to.attributes[attribute.text(1)] =
            is_list ? attribute.integers(8) : std::vector<std::int64_t>{attribute.number(3)};
      }
    }
    for (const ProtoMessage& tensor : graph.messages(5)) add_tensor(tensor, folder);
    for (const ProtoMessage& value : graph.messages(11)) inputs.push_back(read_value(value));
    for (const ProtoMessage& value : graph.messages(12)) outputs.push_back(read_value(value));
  }

  void add_tensor(const ProtoMessage& tensor, const std::filesystem::path& folder) {
    const std::string name = tensor.text(8);
    const auto dims = tensor.integers(1);
    const auto count = static_cast<std::size_t>(count_of(dims));
    std::string raw = tensor.text(9);
    if (tensor.number(14) == 1) {
      std::map<std::string, std::string> place;
      for (const ProtoMessage& entry : tensor.messages(13)) place[entry.text(1)] = entry.text(2);
      std::ifstream in(folder / place.at("location"), std::ios::binary);
      in.seekg(std::stoll(place.at("offset")));
      raw.resize(std::stoul(place.at("length")));
      if (!in.read(raw.data(), static_cast<std::streamsize>(raw.size()))) {
        throw std::runtime_error(name + " runs past the end of its file");
      }
    }
    switch (tensor.number(2)) {
      case 1:
        floats[name] = {dims, values_in<float, float>(raw, count)};
        break;
      case 2:
        floats[name] = {dims, values_in<std::uint8_t, float>(raw, count)};
        break;
      case 3:
        floats[name] = {dims, values_in<std::int8_t, float>(raw, count)};
        break;
      case 6:
        floats[name] = {dims, values_in<std::int32_t, float>(raw, count)};
        break;
      case 7:
        integers[name] = values_in<std::int64_t, std::int64_t>(raw, count);
        break;
      default:
        throw std::runtime_error(name + ": unknown type");
    }
  }

  template <typename Stored, typename Value>
  static std::vector<Value> values_in(const std::string& raw, std::size_t count) {
    if (raw.size() != count * sizeof(Stored)) throw std::runtime_error("a tensor of wrong size");
    std::vector<Stored> stored(count);
    std::memcpy(stored.data(), raw.data(), raw.size());
    std::vector<Value> values;
    for (const Stored value : stored) values.push_back(static_cast<Value>(value));
    return values;
  }

  static Value read_value(const ProtoMessage& value) {
    const ProtoMessage type = value.messages(2).at(0).messages(1).at(0);
    Value result{value.text(1), {}, type.number(1)};
    for (const ProtoMessage& dim : type.messages(2).at(0).messages(1)) {
      result.dims.push_back(dim.bytes.contains(2) ? dim.text(2) : std::to_string(dim.number(1)));
    }
    return result;
  }

  Array compute(const Node& node, const std::map<std::string, Array>& values) const {
    const Array& x = values.at(node.inputs.at(0));
    if (node.op == "Conv") {
      return convolve(node, x, values.at(node.inputs.at(1)), values.at(node.inputs.at(2)));
    }
    if (node.op == "AveragePool") return average(node, x);
    if (node.op == "Relu") {
      Array y = x;
      for (float& value : y.values) value = value > 0.0F ? value : 0.0F;
      return y;
    }
    if (node.op == "Add") {
      Array y = x;
      const Array& other = values.at(node.inputs.at(1));
      if (other.dims != x.dims) throw std::runtime_error("Add of different shapes");
      for (std::size_t i = 0; i < y.values.size(); ++i) y.values[i] += other.values[i];
      return y;
    }
    if (node.op == "Concat") return concat(node, values);
    if (node.op == "Slice") return slice(node, x);
    if (node.op == "Reshape") return reshape(x, integers.at(node.inputs.at(1)));
    if (node.op == "Transpose") return transpose(node, x);
    if (node.op == "GlobalAveragePool") return mean(x);
    if (node.op == "Flatten") return {{x.dim(0), count_of(x.dims) / x.dim(0)}, x.values};
    if (node.op == "QuantizeLinear") {
      return quantize(x, values.at(node.inputs.at(1)), values.at(node.inputs.at(2)));
    }
    if (node.op == "DequantizeLinear") {
      return dequantize(node, x, values.at(node.inputs.at(1)), values.at(node.inputs.at(2)));
    }
    if (node.op == "Gemm") {
      return multiply(node, x, values.at(node.inputs.at(1)),
                      node.inputs.size() > 2 ? &values.at(node.inputs[2]) : nullptr);
    }
    throw std::runtime_error("no operator " + node.op);
  }

  /// To uint8, with one scale for the whole tensor.
  static Array quantize(const Array& x, const Array& scale, const Array& zero_point) {
    Array y{x.dims, {}};
    for (const float value : x.values) {
      const float integer = std::nearbyint(value / scale.values.at(0)) + zero_point.values.at(0);
      y.values.push_back(std::clamp(integer, 0.0F, 255.0F));
    }
    return y;
  }

  /// With one scale for the whole tensor, or for each entry of the dimension 0.
  static Array dequantize(const Node& node, const Array& x, const Array& scale,
                          const Array& zero_point) {
    const std::size_t channels = scale.values.size();
    if (channels > 1 && node.attribute("axis", 1) != 0) throw std::runtime_error("another axis");
    const std::size_t row = x.values.size() / channels;
    Array y{x.dims, {}};
    for (std::size_t i = 0; i < x.values.size(); ++i) {
      const std::size_t c = i / row;
      y.values.push_back((x.values[i] - zero_point.values.at(c)) * scale.values[c]);
    }
    return y;
  }

  static Array convolve(const Node& node, const Array& x, const Array& w, const Array& b) {
    const std::int64_t groups = node.attribute("group", 1),
                       stride = node.attributes.at("strides")[0];
    const std::int64_t pad = node.attributes.at("pads")[0], k = w.dim(2), size = x.dim(2);
    const std::int64_t out_size = (size + 2 * pad - k) / stride + 1, outs = w.dim(0);
    const std::int64_t ins = w.dim(1), outs_of_group = outs / groups;
    Array y{{x.dim(0), outs, out_size, out_size}, {}};
    for (std::int64_t n = 0; n < x.dim(0); ++n) {
      for (std::int64_t o = 0; o < outs; ++o) {
        for (std::int64_t row = 0; row < out_size; ++row) {
          for (std::int64_t column = 0; column < out_size; ++column) {
            double sum = b.values[static_cast<std::size_t>(o)];
            for (std::int64_t i = 0; i < ins; ++i) {
              const std::int64_t channel = o / outs_of_group * ins + i;
              for (std::int64_t ky = 0; ky < k; ++ky) {
                const std::int64_t at_y = row * stride - pad + ky;
                if (at_y < 0 || at_y >= size) continue;
                for (std::int64_t kx = 0; kx < k; ++kx) {
                  const std::int64_t at_x = column * stride - pad + kx;
                  if (at_x < 0 || at_x >= size) continue;
                  sum +=
                      double{x.values[static_cast<std::size_t>(
                          ((n * x.dim(1) + channel) * size + at_y) * size + at_x)]} *
                      double{w.values[static_cast<std::size_t>(((o * ins + i) * k + ky) * k + kx)]};
                }
              }
            }
            y.values.push_back(static_cast<float>(sum));
          }
        }
      }
    }
    return y;
  }

  static Array average(const Node& node, const Array& x) {
    const std::int64_t k = node.attributes.at("kernel_shape")[0],
                       pad = node.attributes.at("pads")[0];
    const std::int64_t stride = node.attributes.at("strides")[0], size = x.dim(2);
    const std::int64_t out_size = (size + 2 * pad - k) / stride + 1;
    const bool counts_pads = node.attribute("count_include_pad", 0) == 1;
    Array y{{x.dim(0), x.dim(1), out_size, out_size}, {}};
    for (std::int64_t plane = 0; plane < x.dim(0) * x.dim(1); ++plane) {
      for (std::int64_t row = 0; row < out_size; ++row) {
        for (std::int64_t column = 0; column < out_size; ++column) {
          double sum = 0.0;
          double count = 0.0;
          for (std::int64_t at_y = row * stride - pad; at_y < row * stride - pad + k; ++at_y) {
            for (std::int64_t at_x = column * stride - pad; at_x < column * stride - pad + k;
                 ++at_x) {
              const bool inside = at_y >= 0 && at_y < size && at_x >= 0 && at_x < size;
              count += inside || counts_pads ? 1.0 : 0.0;
              if (inside) {
                sum += x.values[static_cast<std::size_t>((plane * size + at_y) * size + at_x)];
              }
            }
          }
          y.values.push_back(static_cast<float>(sum / count));
        }
      }
    }
    return y;
  }

  Array concat(const Node& node, const std::map<std::string, Array>& values) const {
    if (node.attribute("axis", -1) != 1) throw std::runtime_error("Concat along another axis");
    Array y{values.at(node.inputs.at(0)).dims, {}};
    y.dims[1] = 0;
    for (const std::string& name : node.inputs) y.dims[1] += values.at(name).dim(1);
    for (std::int64_t n = 0; n < y.dims[0]; ++n) {
      for (const std::string& name : node.inputs) {
        const Array& x = values.at(name);
        const std::int64_t part = count_of(x.dims) / x.dim(0);
        y.values.insert(y.values.end(), x.values.begin() + n * part,
                        x.values.begin() + (n + 1) * part);
      }
    }
    return y;
  }

  Array slice(const Node& node, const Array& x) const {
    const std::int64_t from = integers.at(node.inputs.at(1)).at(0);
    const std::int64_t to = std::min(integers.at(node.inputs.at(2)).at(0), x.dim(1));
    const std::int64_t axis = integers.at(node.inputs.at(3)).at(0);
    const std::int64_t step = integers.at(node.inputs.at(4)).at(0);
    if (axis != 1) throw std::runtime_error("Slice along another axis");
    const std::int64_t plane = x.dim(2) * x.dim(3);
    Array y{{x.dim(0), (to - from + step - 1) / step, x.dim(2), x.dim(3)}, {}};
    for (std::int64_t n = 0; n < x.dim(0); ++n) {
      for (std::int64_t c = from; c < to; c += step) {
        const auto begin = x.values.begin() + (n * x.dim(1) + c) * plane;
        y.values.insert(y.values.end(), begin, begin + plane);
      }
    }
    return y;
  }

  static Array reshape(const Array& x, std::vector<std::int64_t> shape) {
    for (std::size_t i = 0; i < shape.size(); ++i) shape[i] = shape[i] == 0 ? x.dim(i) : shape[i];
    if (count_of(shape) != count_of(x.dims)) throw std::runtime_error("Reshape to another size");
    return {shape, x.values};
  }

  static Array transpose(const Node& node, const Array& x) {
    const auto& order = node.attributes.at("perm");
    Array y{{}, std::vector<float>(x.values.size())};
    for (const std::int64_t axis : order) y.dims.push_back(x.dim(static_cast<std::size_t>(axis)));
    for (std::size_t i = 0; i < y.values.size(); ++i) {
      auto rest = static_cast<std::int64_t>(i);
      std::vector<std::int64_t> at(x.dims.size());
      for (std::size_t d = y.dims.size(); d-- > 0; rest /= y.dims[d]) {
        at[static_cast<std::size_t>(order[d])] = rest % y.dims[d];
      }
      std::int64_t from = 0;
      for (std::size_t d = 0; d < x.dims.size(); ++d) from = from * x.dims[d] + at[d];
      y.values[i] = x.values[static_cast<std::size_t>(from)];
    }
    return y;
  }

  static Array mean(const Array& x) {
    const std::int64_t plane = x.dim(2) * x.dim(3);
    Array y{{x.dim(0), x.dim(1), 1, 1}, {}};
    for (std::int64_t i = 0; i < x.dim(0) * x.dim(1); ++i) {
      const auto begin = x.values.begin() + i * plane;
      y.values.push_back(static_cast<float>(std::accumulate(begin, begin + plane, 0.0) /
                                            static_cast<double>(plane)));
    }
    return y;
  }

  static Array multiply(const Node& node, const Array& x, const Array& w, const Array* b) {
    if (node.attribute("transB", 0) != 1) throw std::runtime_error("Gemm of the plain kind");
    Array y{{x.dim(0), w.dim(0)}, {}};
    for (std::int64_t n = 0; n < x.dim(0); ++n) {
      for (std::int64_t o = 0; o < w.dim(0); ++o) {
        double sum = b == nullptr ? 0.0 : double{b->values[static_cast<std::size_t>(o)]};
        for (std::int64_t i = 0; i < w.dim(1); ++i) {
          sum += double{x.values[static_cast<std::size_t>(n * x.dim(1) + i)]} *
                 double{w.values[static_cast<std::size_t>(o * w.dim(1) + i)]};
        }
        y.values.push_back(static_cast<float>(sum));
      }
    }
    return y;
  }
};

}  // namespace hsconas::test
