#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

struct gzFile_s;  // Declared here so that this header need not include zlib's.

namespace hsconas {

/// Reads a file front to back, plain or gzip-compressed; its first bytes tell which, not its name.
class GzFile {
 public:
  /// Throws Error(Data) that names the file and the reason when it cannot be opened.
  explicit GzFile(const std::filesystem::path& path);
  ~GzFile();
  GzFile(const GzFile&) = delete;
  GzFile& operator=(const GzFile&) = delete;

  /// Appends `count` unpacked bytes to `out`, fewer only at the end of the data. Memory grows with
  /// the bytes really read, whatever size a header claims.
  /// Throws Error(Data) that names the file when it is truncated or damaged.
  void read(std::size_t count, std::vector<std::uint8_t>& out);
  void read(std::size_t count, std::string& out);

  /// Whether the file is compressed. Call it after the first read.
  bool is_packed() const;

 private:
  template <typename Bytes>
  void append(std::size_t count, Bytes& out);

  std::filesystem::path path_;
  gzFile_s* file_;
};

constexpr std::size_t kMostUnpackedBytes = std::size_t{1} << 30U;

/// Reads the whole of a plain or gzip-compressed file. Throws Error(Data) that names it when it is
/// missing, damaged or larger than `max_bytes` unpacked; unpacking stops there, so that a small
/// file cannot fill the memory. Sets `was_packed`, if given, to whether the file was compressed.
std::string read_gzip(const std::filesystem::path& path, std::size_t max_bytes = kMostUnpackedBytes,
                      bool* was_packed = nullptr);

}  // namespace hsconas
