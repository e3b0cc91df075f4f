#include "hsconas/base/gzip.hpp"

#include <algorithm>
#include <new>
#include <unistd.h>
#include <zlib.h>

#include <fmt/format.h>

#include "hsconas/base/error.hpp"
#include "hsconas/base/input_file.hpp"

namespace hsconas {

namespace fs = std::filesystem;

namespace {

[[noreturn]] void fail(const fs::path& path, const std::string& problem) {
  throw Error(ErrorKind::Data, path.string() + ": " + problem);
}

}  // namespace

GzFile::GzFile(const fs::path& path) : path_(path), file_(nullptr) {
  InputFile input(path, InputFile::Kind::Any);
  if (!input.problem().empty()) fail(path, fmt::format("cannot be opened ({})", input.problem()));
  const int descriptor = input.release();
  file_ = gzdopen(descriptor, "rb");
  if (file_ == nullptr) {
    ::close(descriptor);
    throw std::bad_alloc();
  }
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

bool GzFile::is_packed() const {
  return gzdirect(file_) == 0;
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

std::string read_gzip(const fs::path& path, std::size_t max_bytes, bool* was_packed) {
  GzFile file(path);
  std::string contents;
  file.read(max_bytes, contents);
  std::string excess;
  file.read(1, excess);
  if (was_packed != nullptr) *was_packed = file.is_packed();
  if (!excess.empty()) {
    fail(path, fmt::format("holds more than the {} bytes expected at most", max_bytes));
  }
  return contents;
}

}  // namespace hsconas
