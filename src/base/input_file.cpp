#include "hsconas/base/input_file.hpp"

#include <cerrno>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include "hsconas/base/error.hpp"

namespace hsconas {

namespace {

std::string text_of(int error_number) {
  return std::generic_category().message(error_number);
}

}  // namespace

InputFile::InputFile(const std::filesystem::path& path, Kind kind) : path_(path) {
  fd_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd_ < 0) {
    problem_ = text_of(errno);
    return;
  }
  struct stat status {};
  if (::fstat(fd_, &status) != 0) {
    problem_ = text_of(errno);
  } else if (S_ISDIR(status.st_mode)) {
    problem_ = text_of(EISDIR);
  } else if (S_ISREG(status.st_mode)) {
    is_regular_ = true;
    size_ = static_cast<std::uint64_t>(status.st_size);
  } else if (kind == Kind::Regular) {
    problem_ = "Not a regular file";
  }
}

InputFile::~InputFile() {
  if (fd_ >= 0) ::close(fd_);
}

void InputFile::wait() {
  pollfd waiting{.fd = fd_, .events = POLLIN, .revents = 0};
  // The program's signal handlers restart read(), but never poll().
  if (::poll(&waiting, 1, -1) < 0 && errno == EINTR) {
    throw Error(ErrorKind::Interrupted, path_.string() + ": stopped while nothing came from it");
  }
}

std::ptrdiff_t InputFile::read(char* to, std::size_t count) {
  while (true) {
    // A pipe that nobody has opened for writing yet reads as if it had ended, so wait first.
    if (!is_regular_) wait();
    const ssize_t got = ::read(fd_, to, count);
    if (got >= 0 || (errno != EINTR && errno != EAGAIN)) return got;
  }
}

std::ptrdiff_t InputFile::read_at(std::uint64_t offset, char* to, std::size_t count) const {
  std::size_t done = 0;
  while (done < count) {
    const ssize_t got = ::pread(fd_, to + done, count - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return -1;
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return static_cast<std::ptrdiff_t>(done);
}

int InputFile::release() {
  if (!is_regular_) wait();
  ::fcntl(fd_, F_SETFL, ::fcntl(fd_, F_GETFL) & ~O_NONBLOCK);
  return std::exchange(fd_, -1);
}

}  // namespace hsconas
