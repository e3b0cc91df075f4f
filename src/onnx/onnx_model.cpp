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
constexpr OnnxType kTypeOf = OnnxType::Float;
template <>
constexpr OnnxType kTypeOf<std::uint8_t> = OnnxType::UInt8;
template <>
constexpr OnnxType kTypeOf<std::int8_t> = OnnxType::Int8;
template <>
constexpr OnnxType kTypeOf<std::int32_t> = OnnxType::Int32;
template <>
constexpr OnnxType kTypeOf<std::int64_t> = OnnxType::Int64;

/// Encodes the type and the values of `tensor`.
struct ValuesEncoder {
  const OnnxTensor& tensor;
  const std::string& data_file;
  Message& message;

  template <typename T>
  void raw(const T* data) {
    message.number(2, static_cast<int>(kTypeOf<T>));
    message.bytes(8, tensor.name);
    message.bytes(9, {reinterpret_cast<const char*>(data),
                      static_cast<std::size_t>(tensor.size()) * sizeof(T)});
  }
  template <typename T>
  void operator()(const std::vector<T>& values) {
    raw(values.data());
  }
  void operator()(const OnnxTensor::Floats& floats) { raw(floats.data); }
  void operator()(const OnnxTensor::Stored& stored) {
    message.number(2, static_cast<int>(stored.type));
    message.bytes(8, tensor.name);
    message.message(13, entry("location", data_file));
    message.message(13, entry("offset", std::to_string(stored.offset)));
    message.message(13, entry("length", std::to_string(tensor.size() * bytes_of(stored.type))));
    message.number(14, kExternal);
  }
};

Message encode(const OnnxTensor& tensor, const std::string& data_file) {
  Message message;
  for (const std::int64_t dim : tensor.dims) message.number(1, dim);
  std::visit(ValuesEncoder{tensor, data_file, message}, tensor.values);
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
  tensor.number(1, static_cast<int>(value.type));
  tensor.message(2, shape);
  Message type;
  type.message(1, tensor);
  Message message;
  message.bytes(1, value.name);
  message.message(2, type);
  return message;
}

}  // namespace

std::int64_t bytes_of(OnnxType type) {
  switch (type) {
    case OnnxType::UInt8:
    case OnnxType::Int8:
      return 1;
    case OnnxType::Float:
    case OnnxType::Int32:
      return 4;
    case OnnxType::Int64:
      return 8;
  }
  return 0;
}

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
