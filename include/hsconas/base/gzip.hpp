#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

struct gzFile_s;  // zlib's own; declared here so that its header stays out of ours.

namespace hsconas {

/// A file read front to back, plain or gzip-compressed: its first bytes tell which, not its name.
class GzFile {
 public:
  /// Throws Error(Data) that names the file and the reason when it cannot be opened.
  explicit GzFile(const std::filesystem::path& path);
  ~GzFile();
  GzFile(const GzFile&) = delete;
  GzFile& operator=(const GzFile&) = delete;

  /// Appends up to `count` unpacked bytes to `out`, fewer only where the data end. Memory grows
  /// with what was really read, not with what a header promises.
  /// Throws Error(Data) that names the file when it is truncated or damaged.
  void read(std::size_t count, std::vector<std::uint8_t>& out);
  void read(std::size_t count, std::string& out);

 private:
  template <typename Bytes>
  void append(std::size_t count, Bytes& out);

  std::filesystem::path path_;
  gzFile_s* file_;
};

/// The whole content of a plain or gzip-compressed file. Throws Error(Data) that names it when it
/// is missing, damaged or larger than `max_bytes` unpacked; no more than that is ever unpacked, so
/// a small file cannot fill the memory.
std::string read_gzip(const std::filesystem::path& path,
                      std::size_t max_bytes = std::size_t{1} << 30U);

}  // namespace hsconas
