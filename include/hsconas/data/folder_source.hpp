#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "hsconas/base/log.hpp"
#include "hsconas/data/damage.hpp"
#include "hsconas/data/image_source.hpp"

namespace hsconas {

/// JPEG and PNG files in a folder that holds one folder per class, decoded when asked for.
/// Every image has 3 channels and its own size.
class FolderSource : public ImageSource {
 public:
  struct Entry {
    std::string name;  ///< Path relative to the class's folder.
    int label = 0;
  };

  FolderSource(std::filesystem::path root, std::vector<std::string> classes,
               std::vector<Entry> entries);

  std::int64_t size() const override { return static_cast<std::int64_t>(entries_.size()); }
  int label(std::int64_t i) const override { return at(i).label; }
  /// Throws Error(Data) that names the file and the remedy when it is damaged or missing.
  void load(std::int64_t i, Image& out, int min_side) const override;
  std::string describe(std::int64_t i) const override { return path(i).string(); }
  /// A hash of the file's name, size and bytes: all of them up to 64 KB, else the first and the
  /// last 16 KB. Throws Error(Data) when the file cannot be read.
  std::uint64_t fingerprint(std::int64_t i) const override;

 private:
  const Entry& at(std::int64_t i) const { return entries_[static_cast<std::size_t>(i)]; }
  std::filesystem::path path(std::int64_t i) const;

  std::filesystem::path root_;
  std::vector<std::string> classes_;
  std::vector<Entry> entries_;
};

/// One split of a folder data set, and its damaged files.
struct FolderSplit {
  std::shared_ptr<const ImageSource> source;
  std::vector<std::string> classes;  ///< Names of the class folders, sorted: index = label.
  Damage damage;
};

/// Names of the class folders in `root`, sorted: all folders except hidden ones and those that an
/// operating system creates (__MACOSX, lost+found, ...). Throws Error(Data) when `root` cannot be
/// read.
std::vector<std::string> class_folders(const std::filesystem::path& root);

/// Whether a class folder in `root` holds a file that is a JPEG or PNG image, or is named like one,
/// sound or not. Throws Error(Data) where index_folder() would, except for class names.
bool has_images(const std::filesystem::path& root);

/// Indexes the class folders in `root`, images in the order of class and file name. Folders inside
/// a class's folder belong to the class, at any depth; links to folders are followed, except those
/// to a folder around the link and those to a folder that the class has read already, which are
/// ignored with a warning. Throws Error(Data) when a folder would belong to two classes by a link,
/// or when a class's folder is a link to a folder around it.
///
/// The header and the end of every file are read; a file without an end marker is decoded to see
/// whether it is sound. Files that are neither JPEG nor PNG are ignored with one warning, except
/// that one named .jpg, .jpeg or .png counts as damaged. Pipes, devices and dangling links are
/// ignored with a warning and never opened. Damaged files are left out and noted in `damage`, which
/// the caller reports. Damage inside the compressed data is found only when the image is decoded.
/// Throws Error(Data) when `root` cannot be read, holds no class folders, or one whose name is not
/// UTF-8, and when this build cannot decode an image's format. Cost: two small reads per file, on
/// `workers` threads.
FolderSplit index_folder(const std::filesystem::path& root, int workers, Log& log);

/// Decodes all images of `source`, makes each a square of `side` pixels (see fit_square()) and
/// keeps the squares in memory. Damaged images are left out and noted in `damage`.
std::shared_ptr<const ImageSource> keep_in_memory(const ImageSource& source, int side, int channels,
                                                  int workers, Damage& damage);

}  // namespace hsconas
