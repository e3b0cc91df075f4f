#pragma once

#include <filesystem>

namespace hsconas {

/// A lock that one process at a time holds, from construction to destruction. The file names its
/// holder, "pid 4711 on node17 since 2021-02-03T04:05:06Z", and is removed at the end.
///
/// The kernel's lock on the file (flock) decides. It ends with the process, so a file that a killed
/// process left behind is not locked and can be taken. On NFS, Linux passes flock to the server as
/// a byte-range lock, so it holds between hosts. On a file system without locks the file's text
/// decides: a holder on this host counts as alive if its pid runs and has the start time given in
/// the file; a holder on another host always counts as alive.
class LockFile {
 public:
  /// Throws Error(Usage) that names the holder when another process holds the lock, Error(Data)
  /// when the file cannot be created.
  explicit LockFile(std::filesystem::path path);
  ~LockFile();
  LockFile(const LockFile&) = delete;
  LockFile& operator=(const LockFile&) = delete;

 private:
  std::filesystem::path path_;
  int fd_ = -1;
};

}  // namespace hsconas
