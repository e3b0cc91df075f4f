#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

namespace hsconas {

/// The parts of an ONNX model that our networks need, as plain data.
struct OnnxTensor {
  std::string name;
  std::vector<std::int64_t> dims;
  /// float32 values (not owned; they must outlive the encoding), int64 values, or the offset of
  /// float32 values in OnnxModel::data_file, in bytes.
  struct Floats {
    const float* data = nullptr;
  };
  struct Stored {
    std::int64_t offset = 0;
  };
  std::variant<Floats, std::vector<std::int64_t>, Stored> values;

  std::int64_t size() const;  ///< Number of values.
};

struct OnnxNode {
  std::string op;  ///< ONNX name of the operator, such as "Conv".
  std::string name;
  std::vector<std::string> inputs;
  std::vector<std::string> outputs;
  std::map<std::string, std::variant<std::int64_t, std::vector<std::int64_t>>> attributes;
};

/// A float32 input or output of the graph. A dimension of kAnyBatch may have any size.
struct OnnxValue {
  std::string name;
  std::vector<std::int64_t> dims;
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
