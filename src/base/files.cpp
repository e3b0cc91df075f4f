#include "hsconas/base/files.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "hsconas/base/error.hpp"
#include "hsconas/base/hash.hpp"
#include "hsconas/base/input_file.hpp"
#include "hsconas/base/json_reader.hpp"

namespace hsconas {

namespace fs = std::filesystem;

namespace {

constexpr const char* kSeal = "crc32";

[[noreturn]] void fail(const fs::path& path, std::string_view doing, const std::string& reason) {
  throw Error(ErrorKind::Data, fmt::format("{}: cannot {}: {}", path.string(), doing, reason));
}

[[noreturn]] void fail(const fs::path& path, std::string_view doing, int error_number) {
  fail(path, doing, std::generic_category().message(error_number));
}

/// An open file that closes itself; `close()` reports errors of delayed writes.
class Descriptor {
 public:
  Descriptor(const fs::path& path, int flags)
      : fd_(::open(path.c_str(), flags | O_CLOEXEC, 0666)) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  bool is_open() const { return fd_ >= 0; }
  int get() const { return fd_; }
  int close() { return ::close(std::exchange(fd_, -1)); }

 private:
  int fd_;
};

bool write_all(int fd, std::string_view contents) {
  while (!contents.empty()) {
    const ssize_t written = ::write(fd, contents.data(), contents.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    contents.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

/// Syncs the folder of `path`, so that a rename survives a power cut. A failure is ignored, because
/// some file systems cannot sync a folder.
void sync_folder_of(const fs::path& path) {
  const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
  const Descriptor parent(folder, O_RDONLY | O_DIRECTORY);
  if (parent.is_open()) ::fsync(parent.get());
}

/// Checks the checksum of `value` and removes it. Throws Error(Data) when it does not match, or is
/// missing although `is_required`.
nlohmann::json unsealed(nlohmann::json value, const fs::path& path, bool is_required) {
  const bool is_sealed = value.is_object() && value.contains(kSeal);
  if (!is_sealed && is_required) {
    throw Error(ErrorKind::Data, fmt::format("{}: has no checksum ({}), it is damaged or of "
                                             "another version; restore it, or remove it, and "
                                             "--resume makes it again",
                                             path.string(), kSeal));
  }
  if (!is_sealed) return value;
  const nlohmann::json digits = std::move(value[kSeal]);
  value.erase(kSeal);
  if (digits != crc32_of(value.dump())) {
    const std::string remedy =
        is_required ? "restore it, or remove it, and --resume makes it again"
                    : fmt::format("after a change by hand remove its member {}", kSeal);
    throw Error(ErrorKind::Data, fmt::format("{}: does not match its checksum, it is damaged; {}",
                                             path.string(), remedy));
  }
  return value;
}

/// Whether `path` is a device, a pipe or a socket, which must not be replaced by a file.
bool is_device(const fs::path& path) {
  std::error_code ignored;
  const fs::file_status status = fs::status(path, ignored);
  return fs::exists(status) && !fs::is_regular_file(status) && !fs::is_directory(status);
}

void write_to_device(const fs::path& path, std::string_view contents) {
  Descriptor file(path, O_WRONLY);
  if (!file.is_open()) fail(path, "write", errno);
  if (!write_all(file.get(), contents) || file.close() != 0) fail(path, "write", errno);
}

}  // namespace

std::string read_file(const fs::path& path, std::size_t max_bytes) {
  InputFile file(path, InputFile::Kind::Any);
  if (!file.problem().empty()) fail(path, "read", file.problem());
  const auto fail_as_too_large = [&](const std::string& size) {
    throw Error(ErrorKind::Data, fmt::format("{}: {} bytes are more than the {} expected at most",
                                             path.string(), size, max_bytes));
  };
  if (file.size() > max_bytes) fail_as_too_large(std::to_string(file.size()));
  // The size does not tell where to stop: a pipe has none, and files in /proc report 0.
  constexpr std::size_t kBlock = std::size_t{1} << 16U;
  std::string contents;
  std::size_t used = 0;
  contents.resize(file.is_regular() ? static_cast<std::size_t>(file.size()) + 1 : kBlock);
  while (true) {
    if (used == contents.size()) contents.resize(2 * used + kBlock);
    const std::ptrdiff_t got = file.read(contents.data() + used, contents.size() - used);
    if (got < 0) fail(path, "read", errno);
    if (got == 0) break;
    used += static_cast<std::size_t>(got);
    if (used > max_bytes) fail_as_too_large(fmt::format("{} or more", used));
  }
  contents.resize(used);
  return contents;
}

void write_file(const fs::path& path, std::string_view contents) {
  if (is_device(path)) return write_to_device(path, contents);
  const fs::path temporary = unfinished(path);
  Descriptor file(temporary, O_WRONLY | O_CREAT | O_TRUNC);
  if (!file.is_open()) fail(path, "write", errno);
  const bool ok = write_all(file.get(), contents) && ::fsync(file.get()) == 0 && file.close() == 0;
  if (!ok || ::rename(temporary.c_str(), path.c_str()) != 0) {
    const int reason = errno;
    ::unlink(temporary.c_str());
    fail(path, "write", reason);
  }
  sync_folder_of(path);
}

void rename_file(const fs::path& from, const fs::path& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) fail(to, "write", errno);
  sync_folder_of(to);
}

fs::path unfinished(const fs::path& path) {
  return path.string() + ".tmp";
}

void append_file(const fs::path& path, std::string_view contents) {
  Descriptor file(path, O_WRONLY | O_CREAT | O_APPEND);
  if (!file.is_open() || !write_all(file.get(), contents) || ::fsync(file.get()) != 0 ||
      file.close() != 0) {
    fail(path, "write", errno);
  }
}

void write_json(const fs::path& path, const nlohmann::json& value) {
  try {
    write_file(path, value.dump(2) + "\n");
  } catch (const nlohmann::json::type_error&) {
    fail(path, "write",
         "a text in it is not UTF-8; rename the file or folder that it names, or save the "
         "input that it comes from as UTF-8");
  }
}

void write_sealed_json(const fs::path& path, nlohmann::json object) {
  object.erase(kSeal);
  try {
    object[kSeal] = crc32_of(object.dump());
  } catch (const nlohmann::json::type_error&) {
    // write_json() cannot write the object either and reports why.
  }
  write_json(path, object);
}

nlohmann::json read_json(const fs::path& path) {
  return unsealed(parse_json(read_file(path), path.string(), ErrorKind::Data), path, false);
}

nlohmann::json read_sealed_json(const fs::path& path) {
  return parse_sealed_json(read_file(path), path);
}

nlohmann::json parse_sealed_json(const std::string& text, const fs::path& source) {
  return unsealed(parse_json(text, source.string(), ErrorKind::Data), source, true);
}

bool is_there(const fs::path& path) {
  std::error_code unknown;
  return fs::exists(path, unknown);
}

void make_folder(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) fail(path, "make this folder", error.value());
}

GrowingFile::GrowingFile(fs::path path, bool keep, GroupFiles files)
    : path_(std::move(path)), files_(std::move(files)) {
  if (keep && files_.exists(path_)) contents_ = files_.read(path_);
}

void GrowingFile::append(std::string_view line) {
  contents_.append(line);
  contents_.push_back('\n');
  dirty_ = true;
}

void GrowingFile::drop_if(const std::function<bool(std::string_view line)>& unwanted) {
  std::string kept;
  for (std::string_view rest = contents_; !rest.empty();) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    if (!unwanted(line)) kept.append(line).push_back('\n');
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
  }
  dirty_ = dirty_ || kept != contents_;
  contents_ = std::move(kept);
}

void GrowingFile::flush() {
  if (!dirty_) return;
  files_.on_root([this] { write_file(path_, contents_); });
  dirty_ = false;
}

}  // namespace hsconas
