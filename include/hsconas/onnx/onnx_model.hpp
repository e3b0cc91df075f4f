#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

namespace hsconas {

/// Types of tensors, with the numbers that the format gives them.
enum class OnnxType { Float = 1, UInt8 = 2, Int8 = 3, Int32 = 6, Int64 = 7 };

/// Bytes of one number of this type.
std::int64_t bytes_of(OnnxType type);

/// The parts of an ONNX model that our networks need, as plain data.
struct OnnxTensor {
  std::string name;
  std::vector<std::int64_t> dims;
  /// float32 values that are not owned and must outlive the encoding.
  struct Floats {
    const float* data = nullptr;
  };
  /// Values in OnnxModel::data_file, from byte `offset` on.
  struct Stored {
    std::int64_t offset = 0;
    OnnxType type = OnnxType::Float;
  };
  std::variant<Floats, std::vector<std::int64_t>, Stored, std::vector<float>,
               std::vector<std::uint8_t>, std::vector<std::int8_t>, std::vector<std::int32_t>>
      values;

  std::int64_t size() const;  ///< Number of values.
};

struct OnnxNode {
  std::string op;  ///< ONNX name of the operator, such as "Conv".
  std::string name;
  std::vector<std::string> inputs;
  std::vector<std::string> outputs;
  std::map<std::string, std::variant<std::int64_t, std::vector<std::int64_t>>> attributes;
};

/// An input or output of the graph. A dimension of kAnyBatch may have any size.
struct OnnxValue {
  std::string name;
  std::vector<std::int64_t> dims;
  OnnxType type = OnnxType::Float;
};
inline constexpr std::int64_t kAnyBatch = -1;

struct OnnxModel {
  std::string name;
  std::vector<OnnxNode> nodes;  ///< In the order of execution.
  std::vector<OnnxTensor> weights;
  std::vector<OnnxValue> inputs;
  std::vector<OnnxValue> outputs;
  std::map<std::string, std::string> metadata;
  std::string data_file;  ///< File with the OnnxTensor::Stored values, in the model's folder.
};

inline constexpr int kOnnxOpset = 13;
inline constexpr int kOnnxIrVersion = 7;

/// Encodes the model as an ONNX file: a ModelProto in protobuf's encoding. The encoder is our own,
/// because it needs less code than a dependency on protobuf, which could clash with LibTorch's
/// copy. Throws Error(Data) when the file would exceed protobuf's limit of 2 GB.
std::string encode_onnx(const OnnxModel& model);

}  // namespace hsconas
