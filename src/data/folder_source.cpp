#include "hsconas/data/folder_source.hpp"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <string>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "class_walk.hpp"
#include "hsconas/base/error.hpp"
#include "hsconas/base/hash.hpp"
#include "hsconas/base/input_file.hpp"
#include "hsconas/base/parallel.hpp"
#include "hsconas/base/text.hpp"
#include "hsconas/data/codec.hpp"
#include "hsconas/data/transform.hpp"

namespace hsconas {

namespace fs = std::filesystem;

namespace {

using Buffer = std::vector<std::uint8_t>;

[[noreturn]] void fail_to_read(const fs::path& path, const std::string& reason) {
  throw Error(ErrorKind::Data, fmt::format("cannot be read: {} ({})", reason, path.string()));
}

/// An image file opened for reading. All errors are Error(Data).
class ImageFile {
 public:
  explicit ImageFile(const fs::path& path) : path_(path), file_(path, InputFile::Kind::Regular) {
    if (!file_.problem().empty()) fail_to_read(path_, file_.problem());
  }

  std::uint64_t size() const { return file_.size(); }

  /// The bytes [offset, offset + count), fewer where the file ends.
  void read(std::uint64_t offset, std::uint64_t count, Buffer& out) const {
    out.resize(static_cast<std::size_t>(std::min(count, size() - std::min(offset, size()))));
    const std::ptrdiff_t got =
        file_.read_at(offset, reinterpret_cast<char*>(out.data()), out.size());
    if (got < 0) fail_to_read(path_, std::generic_category().message(errno));
    out.resize(static_cast<std::size_t>(got));
  }

 private:
  const fs::path& path_;
  InputFile file_;
};

constexpr std::uint64_t kMaxFileBytes = std::uint64_t{1} << 30U;

void read_whole(const ImageFile& file, Buffer& out) {
  if (file.size() > kMaxFileBytes) throw Error(ErrorKind::Data, "is larger than 1 GB");
  file.read(0, file.size(), out);
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

/// Checks the beginning and the end of an image file, and reads the rest only when they are not
/// conclusive. Throws Error(Data) when the file is damaged.
void check_image(const ImageFile& file, ImageFormat format, Buffer& bytes) {
  constexpr std::uint64_t kTailBytes = 1024;
  try {
    check_header(bytes, file.size());
  } catch (const Error&) {
    // A long preview or colour profile may come before the dimensions, beyond the part that was
    // read.
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
  thread_local Buffer bytes;
  ImageFormat format = ImageFormat::Unknown;
  try {
    const ImageFile file(path);
    file.read(0, kHeadBytes, bytes);
    format = sniff_format(bytes);
    if (format == ImageFormat::Unknown) {
      if (!is_named_like_an_image(path)) return {Verdict::Ignored, {}};
      return {Verdict::Damaged, other_image(bytes)};
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
  in_parallel(workers, entries.size(), [&](std::size_t, std::size_t i) {
    findings[i] = examine(path_of(root, classes, entries[i]));
  });
  return findings;
}

/// Throws for a class name that is not UTF-8, because class names are written to JSON files.
void check_names(const fs::path& root, const std::vector<std::string>& classes) {
  for (const std::string& name : classes) {
    if (is_utf8(name)) continue;
    throw Error(ErrorKind::Data,
                fmt::format("{}: the name of the class folder '{}' is not UTF-8; rename it",
                            root.string(), printable(name)));
  }
}

void say_where_nested(const fs::path& root, const std::vector<std::string>& nested,
                      std::size_t classes, Log& log) {
  if (nested.empty()) return;
  log.info(fmt::format(
      "{}: {} of {} class folders hold folders ({}{}); the images in these belong "
      "to the class",
      root.string(), nested.size(), classes, nested.front(), nested.size() > 1 ? ", ..." : ""));
}

}  // namespace

FolderSource::FolderSource(fs::path root, std::vector<std::string> classes,
                           std::vector<Entry> entries)
    : root_(std::move(root)), classes_(std::move(classes)), entries_(std::move(entries)) {}

fs::path FolderSource::path(std::int64_t i) const {
  return path_of(root_, classes_, at(i));
}

void FolderSource::load(std::int64_t i, Image& out, int min_side) const {
  thread_local Buffer bytes;
  const fs::path file = path(i);
  try {
    read_whole(ImageFile(file), bytes);
    decode_image(bytes, min_side, out);
  } catch (const Error& error) {
    throw Error(ErrorKind::Data,
                fmt::format("{}: {}; restore the file or delete it", file.string(), error.what()));
  }
}

std::uint64_t FolderSource::fingerprint(std::int64_t i) const {
  // In a longer file the size and both ends suffice: a PNG ends with checksums, and two different
  // JPEG images hardly ever have the same size and the same last rows.
  constexpr std::uint64_t kWholeBytes = 65536;
  constexpr std::uint64_t kPartBytes = 16384;
  thread_local Buffer bytes;
  const fs::path image = path(i);
  const ImageFile file(image);
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

std::vector<std::string> class_folders(const fs::path& root) {
  LeftOut unreported;
  return list_folder(root, unreported).folders;
}

bool has_images(const fs::path& root) {
  LeftOut unreported;
  ReadFolders read(root);
  for (const std::string& name : list_folder(root, unreported).folders) {
    ClassWalk walk(root, name, read, unreported);
    const auto& files = walk.files();
    const auto is_image = [&](const std::string& file) {
      return examine(root / name / file).verdict != Verdict::Ignored;
    };
    if (std::any_of(files.begin(), files.end(), is_image)) return true;
  }
  return false;
}

FolderSplit index_folder(const fs::path& root, int workers, Log& log) {
  LeftOut left_out;
  Listing top = list_folder(root, left_out);
  if (top.folders.empty()) {
    throw Error(
        ErrorKind::Data,
        fmt::format("{}: holds no folders; expected one per class, with that class's images",
                    root.string()));
  }
  check_names(root, top.folders);
  for (const auto& name : top.files) {
    left_out.add(root / name, is_named_like_an_image(name) ? "outside of all class folders"
                                                           : "neither JPEG nor PNG");
  }

  std::vector<FolderSource::Entry> entries;
  std::vector<std::string> nested;
  ReadFolders read(root);
  for (std::size_t label = 0; label < top.folders.size(); ++label) {
    ClassWalk walk(root, top.folders[label], read, left_out);
    if (walk.has_folders()) nested.push_back(top.folders[label]);
    for (auto& name : walk.files()) {
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
        left_out.add(path, "neither JPEG nor PNG");
        break;
      case Verdict::Damaged:
        damaged.push_back(path.string() + ": " + findings[i].reason);
        break;
      case Verdict::NoCodec:
        throw Error(ErrorKind::Data, path.string() + ": " + findings[i].reason);
    }
  }
  left_out.report(root, log);
  say_where_nested(root, nested, top.folders.size(), log);
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
  in_parallel(workers, count, [&](std::size_t, std::size_t at) {
    thread_local Image loaded;
    thread_local Image square;
    try {
      source.load(static_cast<std::int64_t>(at), loaded, side);
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
