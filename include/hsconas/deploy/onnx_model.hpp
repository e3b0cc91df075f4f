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
  /// float32 values (borrowed: they must outlive the encoding), int64 values, or the offset in
  /// OnnxModel::data_file where float32 values begin.
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
  std::string op;  ///< ONNX's name of the operator, e.g. "Conv".
  std::string name;
  std::vector<std::string> inputs;
  std::vector<std::string> outputs;
  std::map<std::string, std::variant<std::int64_t, std::vector<std::int64_t>>> attributes;
};

/// A float32 tensor that goes in or comes out. A dimension of kAnyBatch is whatever the caller
/// hands in.
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
  std::string data_file;  ///< Beside the model; of OnnxTensor::Stored values.
};

inline constexpr int kOnnxOpset = 13;
inline constexpr int kOnnxIrVersion = 7;

/// The model as an ONNX file: a ModelProto in protobuf's encoding. Written by hand because the
/// dozen messages it takes need less code than a dependency on protobuf, of which LibTorch may
/// bring a copy of its own. Throws Error(Data) when it would be larger than protobuf's 2 GB.
std::string encode_onnx(const OnnxModel& model);

}  // namespace hsconas
