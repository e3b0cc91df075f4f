#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace hsconas {

/// Where one tensor lies in a safetensors file.
struct TensorPlace {
  std::string name;
  std::string dtype;  ///< "F32" or "I64".
  std::vector<std::int64_t> shape;
  std::size_t begin = 0;  ///< From the beginning of the file.
  std::size_t bytes = 0;  ///< Exactly what `shape` takes; begin + bytes lies inside the file.
};

/// What the header of a safetensors file says.
struct TensorLayout {
  std::vector<TensorPlace> tensors;
  std::map<std::string, std::string> metadata;
};

/// Reads the header of `file`, which is a whole safetensors file, and checks its checksum, every
/// offset and every size. Throws Error(Data), which does not name the file. Allocates no more than
/// a small multiple of the header.
TensorLayout parse_tensor_layout(std::string_view file);

/// Puts the file's checksum in: the metadata key "crc32" must be there with eight digits, which are
/// replaced by the CRC-32 of the whole file with these digits as zeros. False when it is not there.
bool set_checksum(std::string& file);

}  // namespace hsconas
