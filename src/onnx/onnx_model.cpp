#include "hsconas/onnx/onnx_model.hpp"

#include <bit>
#include <functional>
#include <limits>
#include <numeric>
#include <string_view>

#include <fmt/format.h>

#include "hsconas/base/error.hpp"

namespace hsconas {

namespace {

static_assert(std::endian::native == std::endian::little, "raw_data is little-endian");

/// Builds one protobuf message (protobuf's encoding guide): a key is field * 8 + wire type.
class Message {
 public:
  void number(int field, std::int64_t value) {
    varint(static_cast<std::uint64_t>(field) * 8);
    varint(static_cast<std::uint64_t>(value));
  }
  void bytes(int field, std::string_view value) {
    varint(static_cast<std::uint64_t>(field) * 8 + 2);
    varint(value.size());
    bytes_ += value;
  }
  void message(int field, const Message& value) { bytes(field, value.bytes_); }

  std::string take() && { return std::move(bytes_); }

 private:
  void varint(std::uint64_t value) {
    constexpr std::uint64_t kMore = 0x80;
    for (; value >= kMore; value >>= 7U) bytes_ += static_cast<char>(value | kMore);
    bytes_ += static_cast<char>(value);
  }

  std::string bytes_;
};

// Field numbers and enumerators are those of onnx.proto3.
constexpr int kFloat = 1;
constexpr int kInt64 = 7;
constexpr int kAttributeInt = 2;
constexpr int kAttributeInts = 7;
constexpr int kExternal = 1;

Message entry(std::string_view key, std::string_view value) {
  Message message;
  message.bytes(1, key);
  message.bytes(2, value);
  return message;
}

template <typename T>
std::string_view raw(const T* data, std::int64_t count) {
  return {reinterpret_cast<const char*>(data), static_cast<std::size_t>(count) * sizeof(T)};
}

Message encode(const OnnxTensor& tensor, const std::string& data_file) {
  Message message;
  for (const std::int64_t dim : tensor.dims) message.number(1, dim);
  const auto* integers = std::get_if<std::vector<std::int64_t>>(&tensor.values);
  message.number(2, integers != nullptr ? kInt64 : kFloat);
  message.bytes(8, tensor.name);
  if (integers != nullptr) {
    message.bytes(9, raw(integers->data(), tensor.size()));
  } else if (const auto* floats = std::get_if<OnnxTensor::Floats>(&tensor.values)) {
    message.bytes(9, raw(floats->data, tensor.size()));
  } else {
    const auto offset = std::get<OnnxTensor::Stored>(tensor.values).offset;
    message.message(13, entry("location", data_file));
    message.message(13, entry("offset", std::to_string(offset)));
    message.message(13, entry("length", std::to_string(tensor.size() * 4)));
    message.number(14, kExternal);
  }
  return message;
}

Message encode(const OnnxNode& node) {
  Message message;
  for (const std::string& input : node.inputs) message.bytes(1, input);
  for (const std::string& output : node.outputs) message.bytes(2, output);
  message.bytes(3, node.name);
  message.bytes(4, node.op);
  for (const auto& [name, value] : node.attributes) {
    Message attribute;
    attribute.bytes(1, name);
    if (const auto* number = std::get_if<std::int64_t>(&value)) {
      attribute.number(3, *number);
      attribute.number(20, kAttributeInt);
    } else {
      for (const std::int64_t item : std::get<std::vector<std::int64_t>>(value)) {
        attribute.number(8, item);
      }
      attribute.number(20, kAttributeInts);
    }
    message.message(5, attribute);
  }
  return message;
}

Message encode(const OnnxValue& value) {
  Message shape;
  for (const std::int64_t size : value.dims) {
    Message dimension;
    if (size == kAnyBatch) {
      dimension.bytes(2, "batch");
    } else {
      dimension.number(1, size);
    }
    shape.message(1, dimension);
  }
  Message tensor;
  tensor.number(1, kFloat);
  tensor.message(2, shape);
  Message type;
  type.message(1, tensor);
  Message message;
  message.bytes(1, value.name);
  message.message(2, type);
  return message;
}

}  // namespace

std::int64_t OnnxTensor::size() const {
  return std::accumulate(dims.begin(), dims.end(), std::int64_t{1}, std::multiplies<>());
}

std::string encode_onnx(const OnnxModel& model) {
  Message graph;
  for (const OnnxNode& node : model.nodes) graph.message(1, encode(node));
  graph.bytes(2, model.name);
  for (const OnnxTensor& tensor : model.weights) graph.message(5, encode(tensor, model.data_file));
  for (const OnnxValue& input : model.inputs) graph.message(11, encode(input));
  for (const OnnxValue& output : model.outputs) graph.message(12, encode(output));

  Message opset;
  opset.bytes(1, "");
  opset.number(2, kOnnxOpset);
  Message file;
  file.number(1, kOnnxIrVersion);
  file.bytes(2, "hsconas");
  file.message(7, graph);
  file.message(8, opset);
  for (const auto& [key, value] : model.metadata) file.message(14, entry(key, value));
  std::string contents = std::move(file).take();
  if (contents.size() > static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max())) {
    throw Error(ErrorKind::Data,
                fmt::format("an ONNX file holds at most 2 GB, {} needs {:.1f} GB", model.name,
                            static_cast<double>(contents.size()) / 1e9));
  }
  return contents;
}

}  // namespace hsconas
