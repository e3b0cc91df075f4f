#include "hsconas/base/lock_file.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <ctime>
#include <fcntl.h>
#include <fstream>
#include <iterator>
#include <string>
#include <sys/file.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "hsconas/base/error.hpp"
#include "hsconas/base/text.hpp"

namespace hsconas {

namespace fs = std::filesystem;

namespace {

[[noreturn]] void fail(const fs::path& path, int error_number) {
  throw Error(ErrorKind::Data, fmt::format("{}: cannot lock: {}", path.string(),
                                           std::generic_category().message(error_number)));
}

std::string host_name() {
  std::string name(256, '\0');
  if (::gethostname(name.data(), name.size() - 1) != 0) return "unknown";
  name.resize(name.find('\0'));
  return name;
}

/// Start time of process `pid` in clock ticks since boot; empty if there is no such process.
std::string start_ticks(const std::string& pid) {
  // Field 22 in proc(5), counted from 0 at the field after the name.
  constexpr std::size_t kStartTime = 19;
  std::ifstream in("/proc/" + pid + "/stat");
  const std::string stat{std::istreambuf_iterator<char>(in), {}};
  const auto name_end = stat.rfind(')');  // The name may hold anything, blanks and brackets too.
  if (name_end == std::string::npos) return "";
  const auto fields = split(stat.substr(std::min(name_end + 2, stat.size())), ' ');
  return fields.size() > kStartTime ? fields[kStartTime] : "";
}

/// The line in the lock file: who holds it since when, then the process's start in ticks.
std::string own_name() {
  const auto now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  const std::string pid = std::to_string(::getpid());
  return fmt::format("pid {} on {} since {:%Y-%m-%dT%H:%M:%SZ} ({})\n", pid, host_name(),
                     fmt::gmtime(now), start_ticks(pid));
}

std::string contents_of(int fd) {
  std::string text(512, '\0');
  const ssize_t got = ::pread(fd, text.data(), text.size(), 0);
  text.resize(static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
  return text.substr(0, text.find('\n'));
}

/// Whether the process that wrote `holder` may still be running: for file systems without locks.
bool may_run(const std::string& holder) {
  const auto words = split(holder, ' ');
  if (words.size() != 7) return false;  // It was killed while it wrote the line.
  if (words[3] != host_name()) return true;
  return fmt::format("({})", start_ticks(words[1])) == words[6];
}

bool is_same_file(int fd, const fs::path& path) {
  struct stat open {};
  struct stat named {};
  return ::fstat(fd, &open) == 0 && ::stat(path.c_str(), &named) == 0 &&
         open.st_ino == named.st_ino && open.st_dev == named.st_dev;
}

[[noreturn]] void refuse(const fs::path& path, std::string holder) {
  holder = holder.substr(0, holder.rfind(" ("));
  if (holder.empty()) holder = "another process";
  throw Error(
      ErrorKind::Usage,
      fmt::format("{} is in use by {}; wait for it, stop it, or choose another --work-dir",
                  (path.has_parent_path() ? path.parent_path() : fs::path(".")).string(), holder));
}

}  // namespace

LockFile::LockFile(fs::path path) : path_(std::move(path)) {
  // A holder that ends removes the file. A process that opened it before then locks a file that has
  // no name any more, and has to try again.
  while (true) {
    fd_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd_ < 0) fail(path_, errno);
    const bool is_locked = ::flock(fd_, LOCK_EX | LOCK_NB) == 0;
    const int reason = errno;
    const std::string holder = contents_of(fd_);
    const bool has_no_locks = !is_locked && reason != EWOULDBLOCK && reason != EINTR;
    if (is_locked ? is_same_file(fd_, path_) : has_no_locks && !may_run(holder)) break;
    ::close(fd_);
    if (!is_locked && reason != EINTR) refuse(path_, holder);
  }
  const std::string name = own_name();
  if (::ftruncate(fd_, 0) != 0 ||
      ::pwrite(fd_, name.data(), name.size(), 0) != static_cast<ssize_t>(name.size())) {
    const int reason = errno;
    ::unlink(path_.c_str());
    ::close(fd_);
    fail(path_, reason);
  }
}

LockFile::~LockFile() {
  ::unlink(path_.c_str());
  ::close(fd_);
}

}  // namespace hsconas
