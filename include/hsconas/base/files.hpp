#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

namespace hsconas {

/// The whole file. Throws Error(Data) that names it when it is missing, unreadable or larger than
/// `max_bytes`, so that no reader allocates more than it can use.
std::string read_file(const std::filesystem::path& path,
                      std::size_t max_bytes = std::size_t{1} << 30U);

/// Replaces `path` by `contents` in one step: written to "<path>.tmp", synced, renamed, and the
/// folder synced. A reader sees the old file or the new one, never a part.
/// Throws Error(Data) that names the file and the system's reason; the old file is then intact.
void write_file(const std::filesystem::path& path, std::string_view contents);

/// Adds `contents` to the end of `path`, made when absent, and syncs it; a reader may see a part.
/// Errors as in write_file().
void append_file(const std::filesystem::path& path, std::string_view contents);

/// `value`, indented, as a file that ends with a newline; errors as in write_file().
void write_json(const std::filesystem::path& path, const nlohmann::json& value);

/// The JSON in `path`; throws Error(Data) that names the file when it is missing or broken.
nlohmann::json read_json(const std::filesystem::path& path);

/// Makes `path` and its parents; throws Error(Data) that names it when that is impossible.
void make_folder(const std::filesystem::path& path);

/// A text file that grows by lines: lines gather in memory and `flush()` replaces the file with
/// all of them, so that it is never half-written. Meant for files up to some tens of megabytes.
class GrowingFile {
 public:
  /// Starts from the lines `path` already holds when `keep` is set, else from nothing.
  GrowingFile(std::filesystem::path path, bool keep);

  void append(std::string_view line);
  /// Throws Error(Data) as write_file() does.
  void flush();
  bool empty() const { return contents_.empty(); }

 private:
  std::filesystem::path path_;
  std::string contents_;
  bool dirty_ = false;
};

}  // namespace hsconas
