#pragma once

#include <filesystem>

namespace hsconas {

/// A file that one process at a time holds, from construction to destruction, which removes it.
/// It names its holder: "pid 4711 on node17 since 2021-02-03T04:05:06Z".
///
/// The kernel's lock on the file (flock) decides, and ends with the process, however that ends:
/// what a killed process left behind is recognised by not being locked. On NFS, Linux hands flock
/// to the server as a byte-range lock, so it holds between hosts. A file system without locks
/// leaves only the name: then a holder on this host is alive when its pid is and was started when
/// it says, and one on another host is believed.
class LockFile {
 public:
  /// Throws Error(Usage) that names the holder when another process has it, Error(Data) when the
  /// file cannot be made.
  explicit LockFile(std::filesystem::path path);
  ~LockFile();
  LockFile(const LockFile&) = delete;
  LockFile& operator=(const LockFile&) = delete;

 private:
  std::filesystem::path path_;
  int fd_ = -1;
};

}  // namespace hsconas
