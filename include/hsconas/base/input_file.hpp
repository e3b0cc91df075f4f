#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>

namespace hsconas {

/// A file opened for reading, which never waits where nobody can stop it.
///
/// A folder may hold a named pipe or a device whose open() alone would wait for ever: whoever walks
/// a folder asks for regular files. What a person names may be a pipe too (/dev/stdin, <(command));
/// a signal ends the waiting for it.
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
  /// Bytes of a regular file, else 0: a pipe ends where it ends.
  std::uint64_t size() const { return size_; }

  /// Reads up to `count` bytes at the current position; 0 at the end, -1 on an error, with errno.
  /// Throws Error(Interrupted) when a signal comes while a pipe has nothing to read.
  std::ptrdiff_t read(char* to, std::size_t count);
  /// Fills `to` from `offset` of a regular file; what was read, less than `count` at its end only,
  /// -1 on an error, with errno.
  std::ptrdiff_t read_at(std::uint64_t offset, char* to, std::size_t count) const;
  /// Hands the descriptor over: reads from it wait, and the caller closes it.
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
