#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace hsconas {

/// The place of one tensor in a safetensors file.
struct TensorPlace {
  std::string name;
  std::string dtype;  ///< "F32" or "I64".
  std::vector<std::int64_t> shape;
  std::size_t begin = 0;  ///< Offset from the beginning of the file.
  std::size_t bytes = 0;  ///< Size of `shape` elements; begin + bytes lies inside the file.
};

/// The header of a safetensors file.
struct TensorLayout {
  std::vector<TensorPlace> tensors;
  std::map<std::string, std::string> metadata;
};

/// Reads the header of `file`, a complete safetensors file, and checks its checksum and every
/// offset and size. Throws Error(Data), whose text does not name the file. Allocates at most a
/// small multiple of the header's size.
TensorLayout parse_tensor_layout(std::string_view file);

/// Sets the metadata key "crc32", which must already exist with eight digits, to the CRC-32 of the
/// whole file, computed with these digits as zeros. False when the key is missing.
bool set_checksum(std::string& file);

}  // namespace hsconas
