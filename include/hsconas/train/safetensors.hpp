#pragma once

#include <filesystem>
#include <map>
#include <string>

#include <torch/types.h>

namespace hsconas {

/// Tensors by name, with text beside them.
struct TensorFile {
  std::map<std::string, torch::Tensor> tensors;
  std::map<std::string, std::string> metadata;
};

/// Writes a safetensors file (64-bit header length, JSON header, raw little-endian data): float32
/// and int64 tensors of any layout, stored row-major. The metadata key "crc32" is set to the
/// checksum of the data. Replaced in one step; throws Error(Data) that names the file.
void save_tensors(const std::filesystem::path& path, const TensorFile& file);

/// Reads such a file and checks every offset, the size and, where "crc32" is there, the checksum.
/// Throws Error(Data) that names the file and what is wrong with it.
TensorFile load_tensors(const std::filesystem::path& path);

}  // namespace hsconas
