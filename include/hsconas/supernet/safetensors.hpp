#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>

#include <torch/types.h>

namespace hsconas {

/// Named tensors and text metadata.
struct TensorFile {
  std::map<std::string, torch::Tensor> tensors;
  std::map<std::string, std::string> metadata;
};

/// Writes a safetensors file (64-bit header length, JSON header, raw little-endian data). Tensors
/// are float32 or int64, of any layout, and stored row-major. The metadata key "crc32" is set to
/// the CRC-32 of the whole file, computed with "00000000" in place of its eight hex digits, so that
/// any changed byte is detected. The file is replaced atomically. Throws Error(Data) that names the
/// file when it cannot be written.
void save_tensors(const std::filesystem::path& path, const TensorFile& file);

/// Reads a file written by save_tensors() and checks its checksum, which is required, and every
/// offset and size. Throws Error(Data) that names the file and the problem.
TensorFile load_tensors(const std::filesystem::path& path);

/// The most bytes of a file that load_tensors() reads.
inline constexpr std::size_t kMostTensorBytes = std::size_t{1} << 38U;

/// load_tensors() of `contents` that were read from `source` before.
TensorFile parse_tensors(std::string_view contents, const std::filesystem::path& source);

}  // namespace hsconas
