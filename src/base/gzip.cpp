#include "hsconas/base/gzip.hpp"

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <zlib.h>

#include <fmt/format.h>

#include "hsconas/base/error.hpp"

namespace hsconas {

namespace fs = std::filesystem;

namespace {

[[noreturn]] void fail(const fs::path& path, const std::string& problem) {
  throw Error(ErrorKind::Data, path.string() + ": " + problem);
}

[[noreturn]] void fail_to_open(const fs::path& path, int error_number) {
  fail(path, fmt::format("cannot be opened ({})", std::generic_category().message(error_number)));
}

}  // namespace

GzFile::GzFile(const fs::path& path) : path_(path), file_(nullptr) {
  std::error_code unknown;  // A path that cannot even be looked up fails when it is opened.
  // zlib opens a folder without complaint and fails at the first read.
  if (fs::is_directory(path, unknown)) fail_to_open(path, EISDIR);
  errno = 0;
  file_ = gzopen(path.c_str(), "rb");
  if (file_ == nullptr) fail_to_open(path, errno != 0 ? errno : ENOMEM);
}

GzFile::~GzFile() {
  gzclose_r(file_);
}

void GzFile::read(std::size_t count, std::vector<std::uint8_t>& out) {
  append(count, out);
}

void GzFile::read(std::size_t count, std::string& out) {
  append(count, out);
}

template <typename Bytes>
void GzFile::append(std::size_t count, Bytes& out) {
  constexpr std::size_t kBlock = std::size_t{1} << 20U;
  while (count > 0) {
    const std::size_t had = out.size();
    const std::size_t asked = std::min(count, kBlock);
    out.resize(had + asked);
    const int got = gzread(file_, &out[had], static_cast<unsigned>(asked));
    out.resize(had + static_cast<std::size_t>(std::max(got, 0)));
    int state = Z_OK;
    const std::string message = gzerror(file_, &state);
    if (got < 0 || (state != Z_OK && state != Z_STREAM_END)) {
      fail(path_, fmt::format("cannot be unpacked, it is truncated or damaged ({})", message));
    }
    if (got == 0) return;
    count -= static_cast<std::size_t>(got);
  }
}

std::string read_gzip(const fs::path& path, std::size_t max_bytes) {
  GzFile file(path);
  std::string contents;
  file.read(max_bytes, contents);
  std::string excess;
  file.read(1, excess);
  if (!excess.empty()) {
    fail(path, fmt::format("holds more than the {} bytes expected at most", max_bytes));
  }
  return contents;
}

}  // namespace hsconas
