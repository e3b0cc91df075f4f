#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

namespace hsconas {

/// The whole file, or all that comes from a pipe. Throws Error(Data) that names it when it is
/// missing, unreadable or larger than `max_bytes`, so that no reader allocates more than it can
/// use.
std::string read_file(const std::filesystem::path& path,
                      std::size_t max_bytes = std::size_t{1} << 30U);

/// Replaces `path` by `contents` in one step: written to unfinished(path), synced, renamed, and the
/// folder synced. A reader sees the old file or the new one, never a part.
/// Throws Error(Data) that names the file and the system's reason; the old file is then intact.
void write_file(const std::filesystem::path& path, std::string_view contents);

/// Adds `contents` to the end of `path`, made when absent, and syncs it; a reader may see a part.
/// Errors as in write_file().
void append_file(const std::filesystem::path& path, std::string_view contents);

/// `value`, indented, as a file that ends with a newline; errors as in write_file().
void write_json(const std::filesystem::path& path, const nlohmann::json& value);

/// As write_json(), for an object that the program reads back: with a member "crc32", the checksum
/// of all others, so that no changed digit goes unnoticed.
void write_sealed_json(const std::filesystem::path& path, nlohmann::json object);

/// The JSON in `path`; throws Error(Data) that names the file when it is missing or broken. A
/// checksum ("crc32"), where there is one, must match; it is left out of what is returned.
nlohmann::json read_json(const std::filesystem::path& path);

/// As read_json(), of a file that write_sealed_json() wrote: without its checksum it is broken.
nlohmann::json read_sealed_json(const std::filesystem::path& path);

/// Gives `from` the name `to`, which it replaces, and syncs the folder; errors as in write_file().
void rename_file(const std::filesystem::path& from, const std::filesystem::path& to);

/// Where write_file() gathers what will be `path`. Left behind by a process that was killed; never
/// read.
std::filesystem::path unfinished(const std::filesystem::path& path);

/// Makes `path` and its parents; throws Error(Data) that names it when that is impossible.
void make_folder(const std::filesystem::path& path);

/// A text file that grows by lines: lines gather in memory and `flush()` replaces the file with
/// all of them, so that it is never half-written. Meant for files up to some tens of megabytes.
class GrowingFile {
 public:
  /// Starts from the lines `path` already holds when `keep` is set, else from nothing.
  GrowingFile(std::filesystem::path path, bool keep);

  void append(std::string_view line);
  /// Drops the lines that `unwanted` picks, each without its end.
  void drop_if(const std::function<bool(std::string_view line)>& unwanted);
  /// Throws Error(Data) as write_file() does.
  void flush();
  bool empty() const { return contents_.empty(); }

 private:
  std::filesystem::path path_;
  std::string contents_;
  bool dirty_ = false;
};

}  // namespace hsconas
