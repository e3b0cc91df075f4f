#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>

namespace hsconas {

/// A file opened for reading that never blocks for ever.
///
/// Opening a named pipe or a device found in a folder could block for ever, so code that walks a
/// folder asks for Kind::Regular. A path that the user names may be a pipe (/dev/stdin,
/// <(command)), hence Kind::Any; a signal ends the wait for its data.
class InputFile {
 public:
  enum class Kind { Any, Regular };

  /// Does not throw for a file that cannot be opened: see problem().
  InputFile(const std::filesystem::path& path, Kind kind);
  ~InputFile();
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  /// Empty, or why the file could not be opened: "No such file or directory", "Is a directory".
  const std::string& problem() const { return problem_; }
  bool is_regular() const { return is_regular_; }
  /// Bytes of a regular file; 0 for anything else.
  std::uint64_t size() const { return size_; }

  /// Reads up to `count` bytes at the current position and returns how many: 0 at the end, -1 with
  /// errno set on an error. Throws Error(Interrupted) when a signal comes while a pipe has nothing
  /// to read.
  std::ptrdiff_t read(char* to, std::size_t count);
  /// Reads `count` bytes from `offset` of a regular file and returns how many: fewer only at the
  /// end, -1 with errno set on an error.
  std::ptrdiff_t read_at(std::uint64_t offset, char* to, std::size_t count) const;
  /// Hands the descriptor over to the caller, who closes it. Reads from it block. Throws
  /// Error(Interrupted) when a signal comes while a pipe has nothing to read.
  int release();

 private:
  void wait();

  std::filesystem::path path_;
  std::string problem_;
  int fd_ = -1;
  bool is_regular_ = false;
  std::uint64_t size_ = 0;
};

}  // namespace hsconas
