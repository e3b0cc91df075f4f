#include "hsconas/data/folder_source.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <fcntl.h>
#include <span>
#include <string_view>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>

#include "hsconas/base/error.hpp"
#include "hsconas/base/hash.hpp"
#include "hsconas/data/codec.hpp"
#include "hsconas/data/parallel.hpp"
#include "hsconas/data/transform.hpp"

namespace hsconas {

namespace fs = std::filesystem;

namespace {

using Bytes = std::vector<std::uint8_t>;

[[noreturn]] void fail_to_read(const fs::path& path, int error_number) {
  throw Error(ErrorKind::Data,
              fmt::format("cannot be read: {} ({})", std::generic_category().message(error_number),
                          path.string()));
}

/// A file opened for reading. All errors are Error(Data).
class InputFile {
 public:
  explicit InputFile(const fs::path& path)
      : path_(path), fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    if (fd_ < 0) fail_to_read(path_, errno);
    struct stat status {};
    if (::fstat(fd_, &status) != 0 || !S_ISREG(status.st_mode)) {
      ::close(fd_);
      fail_to_read(path_, EINVAL);
    }
    size_ = static_cast<std::uint64_t>(status.st_size);
  }
  ~InputFile() { ::close(fd_); }
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  std::uint64_t size() const { return size_; }

  /// The bytes [offset, offset + count), fewer where the file ends.
  void read(std::uint64_t offset, std::uint64_t count, Bytes& out) const {
    out.resize(static_cast<std::size_t>(std::min(count, size_ - std::min(offset, size_))));
    std::size_t done = 0;
    while (done < out.size()) {
      const ssize_t got =
          ::pread(fd_, &out[done], out.size() - done, static_cast<off_t>(offset + done));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) fail_to_read(path_, errno);
      if (got == 0) break;
      done += static_cast<std::size_t>(got);
    }
    out.resize(done);
  }

 private:
  const fs::path& path_;
  int fd_;
  std::uint64_t size_ = 0;
};

constexpr std::uint64_t kMaxFileBytes = std::uint64_t{1} << 30U;

void read_whole(const InputFile& file, Bytes& out) {
  if (file.size() > kMaxFileBytes) throw Error(ErrorKind::Data, "is larger than 1 GB");
  file.read(0, file.size(), out);
}

struct Listing {
  std::vector<std::string> folders;
  std::vector<std::string> files;
};

/// What is in `folder`, sorted; hidden folders and files are no data and left out.
Listing list_folder(const fs::path& folder) {
  Listing listing;
  std::error_code error;
  fs::directory_iterator it(folder, error);
  for (; !error && it != fs::directory_iterator(); it.increment(error)) {
    std::string name = it->path().filename().string();
    if (name.starts_with('.')) continue;
    std::error_code ignored;
    auto& names = it->is_directory(ignored) ? listing.folders : listing.files;
    names.push_back(std::move(name));
  }
  if (error) {
    throw Error(ErrorKind::Data,
                fmt::format("{}: cannot be listed: {}", folder.string(), error.message()));
  }
  std::sort(listing.folders.begin(), listing.folders.end());
  std::sort(listing.files.begin(), listing.files.end());
  return listing;
}

bool is_named_like_an_image(const fs::path& path) {
  std::string extension = path.extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return extension == ".jpg" || extension == ".jpeg" || extension == ".png";
}

enum class Verdict { Image, Ignored, Damaged, NoCodec };

struct Finding {
  Verdict verdict = Verdict::Image;
  std::string reason = {};
};

/// Looks at the beginning and the end of an image file, and at the rest only when they are odd.
/// Throws Error(Data) when it is damaged.
void check_image(const InputFile& file, ImageFormat format, Bytes& bytes) {
  constexpr std::uint64_t kTailBytes = 1024;
  try {
    check_header(bytes, file.size());
  } catch (const Error&) {
    // A long preview or colour profile may push the dimensions out of the part that was read.
    if (bytes.size() == file.size()) throw;
    read_whole(file, bytes);
    check_header(bytes, file.size());
  }
  file.read(file.size() - std::min(file.size(), kTailBytes), kTailBytes, bytes);
  if (has_end_mark(format, bytes)) return;
  read_whole(file, bytes);
  Image image;
  decode_image(bytes, 1, image);
}

Finding examine(const fs::path& path) {
  constexpr std::uint64_t kHeadBytes = 16384;
  thread_local Bytes bytes;
  ImageFormat format = ImageFormat::Unknown;
  try {
    const InputFile file(path);
    file.read(0, kHeadBytes, bytes);
    format = sniff_format(bytes);
    if (format == ImageFormat::Unknown) {
      if (!is_named_like_an_image(path)) return {Verdict::Ignored, {}};
      return {Verdict::Damaged, "neither a JPEG nor a PNG file"};
    }
    if (!missing_codec(format).empty()) return {Verdict::NoCodec, missing_codec(format)};
    check_image(file, format, bytes);
  } catch (const Error& error) {
    return {Verdict::Damaged, error.what()};
  }
  return {};
}

fs::path path_of(const fs::path& root, const std::vector<std::string>& classes,
                 const FolderSource::Entry& entry) {
  return root / classes[static_cast<std::size_t>(entry.label)] / entry.name;
}

std::vector<Finding> examine_all(const fs::path& root, const std::vector<std::string>& classes,
                                 const std::vector<FolderSource::Entry>& entries, int workers) {
  std::vector<Finding> findings(entries.size());
  parallel_for(static_cast<std::int64_t>(entries.size()), workers, [&](std::int64_t i) {
    const auto& entry = entries[static_cast<std::size_t>(i)];
    findings[static_cast<std::size_t>(i)] = examine(path_of(root, classes, entry));
  });
  return findings;
}

void warn_of_ignored(Log& log, const fs::path& root, std::int64_t count, const std::string& first) {
  if (count == 0) return;
  log.warn(fmt::format("{}: ignored {} {} neither JPEG nor PNG, the first is {}", root.string(),
                       count, count == 1 ? "file that is" : "files that are", first));
}

}  // namespace

FolderSource::FolderSource(fs::path root, std::vector<std::string> classes,
                           std::vector<Entry> entries)
    : root_(std::move(root)), classes_(std::move(classes)), entries_(std::move(entries)) {}

fs::path FolderSource::path(std::int64_t i) const {
  return path_of(root_, classes_, at(i));
}

void FolderSource::load(std::int64_t i, Image& out, int min_side) const {
  thread_local Bytes bytes;
  const fs::path file = path(i);
  try {
    read_whole(InputFile(file), bytes);
    decode_image(bytes, min_side, out);
  } catch (const Error& error) {
    throw Error(ErrorKind::Data,
                fmt::format("{}: {}; restore the file or delete it", file.string(), error.what()));
  }
}

std::uint64_t FolderSource::fingerprint(std::int64_t i) const {
  // Of a longer file the end tells: a PNG ends with checksums, and a JPEG of other pixels is hardly
  // ever as long and the same in its last lines.
  constexpr std::uint64_t kWholeBytes = 65536;
  constexpr std::uint64_t kPartBytes = 16384;
  thread_local Bytes bytes;
  const fs::path image = path(i);
  const InputFile file(image);
  std::string seen = fmt::format("{} {} ", at(i).name, file.size());
  const auto take = [&](std::uint64_t offset, std::uint64_t count) {
    file.read(offset, count, bytes);
    seen.append(bytes.begin(), bytes.end());
  };
  if (file.size() <= kWholeBytes) {
    take(0, file.size());
  } else {
    take(0, kPartBytes);
    take(file.size() - kPartBytes, kPartBytes);
  }
  return fnv1a(seen);
}

FolderSplit index_folder(const fs::path& root, int workers, Log& log) {
  Listing top = list_folder(root);
  if (top.folders.empty()) {
    throw Error(
        ErrorKind::Data,
        fmt::format("{}: holds no folders; expected one per class, with that class's images",
                    root.string()));
  }
  std::int64_t ignored = 0;
  std::string first_ignored;
  const auto ignore = [&](const fs::path& path) {
    if (ignored++ == 0) first_ignored = path.string();
  };
  for (const auto& name : top.files) ignore(root / name);

  std::vector<FolderSource::Entry> entries;
  for (std::size_t label = 0; label < top.folders.size(); ++label) {
    for (auto& name : list_folder(root / top.folders[label]).files) {
      entries.push_back({std::move(name), static_cast<int>(label)});
    }
  }
  const std::vector<Finding> findings = examine_all(root, top.folders, entries, workers);

  std::vector<FolderSource::Entry> images;
  std::vector<std::string> damaged;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const fs::path path = path_of(root, top.folders, entries[i]);
    switch (findings[i].verdict) {
      case Verdict::Image:
        images.push_back(std::move(entries[i]));
        break;
      case Verdict::Ignored:
        ignore(path);
        break;
      case Verdict::Damaged:
        damaged.push_back(path.string() + ": " + findings[i].reason);
        break;
      case Verdict::NoCodec:
        throw Error(ErrorKind::Data, path.string() + ": " + findings[i].reason);
    }
  }
  warn_of_ignored(log, root, ignored, first_ignored);
  Damage damage(root.string(), static_cast<std::int64_t>(images.size() + damaged.size()));
  for (auto& problem : damaged) damage.add(std::move(problem));
  return {std::make_shared<FolderSource>(root, top.folders, std::move(images)), top.folders,
          std::move(damage)};
}

std::shared_ptr<const ImageSource> keep_in_memory(const ImageSource& source, int side, int channels,
                                                  int workers, Damage& damage) {
  const MemorySource::Shape shape{channels, side, side};
  const std::size_t bytes = shape.bytes();
  const auto count = static_cast<std::size_t>(source.size());
  std::vector<std::uint8_t> pixels(count * bytes);
  std::vector<std::string> reasons(count);
  parallel_for(source.size(), workers, [&](std::int64_t i) {
    thread_local Image loaded;
    thread_local Image square;
    const auto at = static_cast<std::size_t>(i);
    try {
      source.load(i, loaded, side);
      fit_square(loaded, side, side, square);
      std::copy(square.pixels.begin(), square.pixels.end(),
                pixels.begin() + static_cast<std::ptrdiff_t>(at * bytes));
    } catch (const Error& error) {
      reasons[at] = error.what();
    }
  });

  std::vector<int> labels;
  std::size_t kept = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const auto index = static_cast<std::int64_t>(i);
    if (!reasons[i].empty()) {
      damage.add(std::move(reasons[i]));
      continue;
    }
    labels.push_back(source.label(index));
    const auto from = pixels.begin() + static_cast<std::ptrdiff_t>(i * bytes);
    const auto to = pixels.begin() + static_cast<std::ptrdiff_t>(kept++ * bytes);
    if (from != to) std::copy(from, from + static_cast<std::ptrdiff_t>(bytes), to);
  }
  pixels.resize(kept * bytes);
  return std::make_shared<MemorySource>(damage.where(), shape, std::move(pixels),
                                        std::move(labels));
}

}  // namespace hsconas
