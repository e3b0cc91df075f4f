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
/// and int64 tensors of any layout, stored row-major. The metadata key "crc32" is set to eight hex
/// digits, the CRC-32 of the whole file with these digits as zeros, so that no byte of the header
/// or the data can change unnoticed. Replaced in one step; throws Error(Data) that names the file.
void save_tensors(const std::filesystem::path& path, const TensorFile& file);

/// Reads such a file and checks its checksum, which must be there, every offset and every size.
/// Throws Error(Data) that names the file and what is wrong with it.
TensorFile load_tensors(const std::filesystem::path& path);

}  // namespace hsconas
