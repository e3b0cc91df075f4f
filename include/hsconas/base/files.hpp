#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "hsconas/base/group_files.hpp"

namespace hsconas {

/// Reads a whole file, or a pipe to its end. Throws Error(Data) that names it when it is missing,
/// unreadable or larger than `max_bytes`, which bounds the memory that a read can take.
std::string read_file(const std::filesystem::path& path,
                      std::size_t max_bytes = std::size_t{1} << 30U);

/// Replaces `path` by `contents` in one step: written to unfinished(path), synced, renamed, and the
/// folder synced. A reader sees the old file or the new one, never a part. A device stays what it
/// is. Throws Error(Data) that names the file and the system's reason; the old file is then intact.
void write_file(const std::filesystem::path& path, std::string_view contents);

/// Appends `contents` to `path`, which is created when absent, and syncs it. Meanwhile a reader may
/// see only a part. Throws Error(Data) that names the file and the system's reason.
void append_file(const std::filesystem::path& path, std::string_view contents);

/// Writes `value` indented and with a final newline. Throws the errors of write_file(), and
/// Error(Data) for text that is not UTF-8.
void write_json(const std::filesystem::path& path, const nlohmann::json& value);

/// Like write_json(), but adds a member "crc32", the checksum of all other members, so that reading
/// the object back detects any change.
void write_sealed_json(const std::filesystem::path& path, nlohmann::json object);

/// Reads the JSON in `path`. Throws Error(Data) that names the file when it is missing or broken. A
/// checksum (member "crc32"), if there is one, must match; the result does not contain it.
nlohmann::json read_json(const std::filesystem::path& path);

/// Like read_json(), but a missing checksum is an error too. For files of write_sealed_json().
nlohmann::json read_sealed_json(const std::filesystem::path& path);

/// The same for `text` that was read from `source` before.
nlohmann::json parse_sealed_json(const std::string& text, const std::filesystem::path& source);

/// Renames `from` to `to`, replacing it, and syncs the folder. Throws the errors of write_file().
void rename_file(const std::filesystem::path& from, const std::filesystem::path& to);

/// Temporary file that write_file() renames to `path`. A killed process may leave it behind; it is
/// never read.
std::filesystem::path unfinished(const std::filesystem::path& path);

/// Whether `path` exists; false where that cannot be found out.
bool is_there(const std::filesystem::path& path);

/// Makes `path` and its parents; throws Error(Data) that names it when that is impossible.
void make_folder(const std::filesystem::path& path);

/// A text file that grows by lines. All lines are kept in memory and `flush()` replaces the whole
/// file, so that it is never half-written. Meant for files up to some tens of megabytes. All ranks
/// of a group keep the same lines; the constructor and `flush()` are collective, see GroupFiles.
class GrowingFile {
 public:
  /// Starts from the lines `path` already holds when `keep` is set, else from nothing.
  GrowingFile(std::filesystem::path path, bool keep, GroupFiles files = {});

  void append(std::string_view line);
  /// Drops the lines for which `unwanted` is true; it gets each one without its line end.
  void drop_if(const std::function<bool(std::string_view line)>& unwanted);
  /// Throws the errors of write_file().
  void flush();
  bool empty() const { return contents_.empty(); }

 private:
  std::filesystem::path path_;
  GroupFiles files_;
  std::string contents_;
  bool dirty_ = false;
};

}  // namespace hsconas
