#include "hsconas/data/folder_source.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <fmt/format.h>

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

/// Files that a data set leaves out, counted by reason, so that each reason gets one warning.
class LeftOut {
 public:
  void add(const fs::path& path, const std::string& reason) {
    auto& [count, first] = by_reason_[reason];
    if (count++ == 0) first = path.string();
  }
  void report(const fs::path& root, Log& log) const {
    for (const auto& [reason, what] : by_reason_) {
      log.warn(fmt::format("{}: ignored {} {} {}, the first is {}", root.string(), what.first,
                           what.first == 1 ? "file that is" : "files that are", reason,
                           what.second));
    }
  }

 private:
  std::map<std::string, std::pair<int, std::string>> by_reason_;
};

struct Listing {
  std::vector<std::string> folders;
  std::vector<std::string> files;
};

/// Whether `name` is a folder that an operating system or a tool creates, hence no class.
bool is_system_folder(std::string_view name) {
  for (const char* known : {"__MACOSX", "@eaDir", "$RECYCLE.BIN", "System Volume Information",
                            "lost+found", "__pycache__"}) {
    if (name == known) return true;
  }
  return false;
}

/// The contents of `folder`, sorted, without hidden files and folders.
Listing list_folder(const fs::path& folder, LeftOut& left_out) {
  Listing listing;
  std::error_code error;
  fs::directory_iterator it(folder, error);
  for (; !error && it != fs::directory_iterator(); it.increment(error)) {
    std::string name = it->path().filename().string();
    if (name.starts_with('.')) continue;
    std::error_code unknown;
    if (it->is_directory(unknown)) {
      if (is_system_folder(name)) {
        left_out.add(it->path(), "no data but left behind by a system");
      } else {
        listing.folders.push_back(std::move(name));
      }
    } else if (it->is_regular_file(unknown)) {
      listing.files.push_back(std::move(name));
    } else {
      left_out.add(it->path(), fs::exists(it->path(), unknown)
                                   ? "no regular file but a pipe, a socket or a device"
                                   : "no more than a link that leads nowhere");
    }
  }
  if (error) {
    throw Error(ErrorKind::Data,
                fmt::format("{}: cannot be listed: {}", folder.string(), error.message()));
  }
  std::sort(listing.folders.begin(), listing.folders.end());
  std::sort(listing.files.begin(), listing.files.end());
  return listing;
}

/// The folders of one split that have been read so far, so that none is read twice by way of links.
class ReadFolders {
 public:
  explicit ReadFolders(const fs::path& root) : around_{resolved(root)} {}

  enum class Answer { Read, Around, Again };

  /// Asks whether `folder` of class `name` is to be read, and enters it if so. Around: it is one of
  /// the folders entered and not left, or contains one. Again: it was read for the same class.
  /// Throws Error(Data) when it was read for another class.
  Answer enter(const fs::path& folder, const std::string& name) {
    const fs::path real = resolved(folder);
    for (const fs::path& inner : around_) {
      const auto [end, unused] =
          std::mismatch(real.begin(), real.end(), inner.begin(), inner.end());
      if (end == real.end()) return Answer::Around;
    }
    const auto [found, is_new] = read_.try_emplace(real, name, folder);
    if (!is_new && found->second.first == name) return Answer::Again;
    if (!is_new) {
      throw Error(ErrorKind::Data,
                  fmt::format("{} and {} are the same folder, so its images would belong to two "
                              "classes; delete one of these links",
                              found->second.second.string(), folder.string()));
    }
    around_.push_back(real);
    return Answer::Read;
  }
  void leave() { around_.pop_back(); }

 private:
  /// The path without links; `folder` itself where that cannot be found out.
  static fs::path resolved(const fs::path& folder) {
    std::error_code unknown;
    fs::path real = fs::canonical(folder, unknown);
    return unknown ? folder : real;
  }

  std::vector<fs::path> around_;
  std::map<fs::path, std::pair<std::string, fs::path>> read_;  ///< Its class, and its first name.
};

/// All files below one class's folder, at any depth.
class ClassWalk {
 public:
  ClassWalk(const fs::path& root, std::string name, ReadFolders& read, LeftOut& left_out)
      : folder_(root / name), name_(std::move(name)), read_(read), left_out_(left_out) {
    walk({});
    std::sort(files_.begin(), files_.end());
  }
  std::vector<std::string>& files() { return files_; }
  bool has_folders() const { return has_folders_; }

 private:
  void walk(const fs::path& below) {
    const fs::path here = below.empty() ? folder_ : folder_ / below;
    switch (read_.enter(here, name_)) {
      case ReadFolders::Answer::Read:
        break;
      case ReadFolders::Answer::Around:
        if (below.empty()) {
          throw Error(ErrorKind::Data,
                      here.string() +
                          ": this class folder is a link to a folder around it; delete "
                          "the link");
        }
        left_out_.add(here, "a link to a folder around it");
        return;
      case ReadFolders::Answer::Again:
        left_out_.add(here, "another name of a folder that is read already");
        return;
    }
    Listing listing = list_folder(here, left_out_);
    for (const std::string& name : listing.files) files_.push_back((below / name).string());
    for (const std::string& name : listing.folders) walk(below / name);
    has_folders_ = has_folders_ || !listing.folders.empty();
    read_.leave();
  }

  fs::path folder_;
  std::string name_;
  ReadFolders& read_;
  LeftOut& left_out_;
  std::vector<std::string> files_;
  bool has_folders_ = false;
};

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
