#include <algorithm>
#include <array>
#include <cstddef>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "hsconas/base/error.hpp"
#include "hsconas/base/file_kind.hpp"
#include "hsconas/base/gzip.hpp"
#include "hsconas/data/binary_sets.hpp"

namespace hsconas {

namespace fs = std::filesystem;

namespace {

[[noreturn]] void fail(const fs::path& path, const std::string& problem) {
  throw Error(ErrorKind::Data, path.string() + ": " + problem);
}

/// The file for `stem`, such as "train-images", in whichever of the usual spellings exists.
fs::path find_file(const fs::path& folder, const std::string& stem, int dimensions) {
  const std::string suffix = fmt::format("idx{}-ubyte", dimensions);
  for (const char* separator : {"-", "."}) {
    for (const char* ending : {"", ".gz"}) {
      fs::path path = folder / fmt::format("{}{}{}{}", stem, separator, suffix, ending);
      std::error_code ignored;
      if (fs::is_regular_file(path, ignored)) return path;
    }
  }
  fail(folder, fmt::format("holds no {}-{} or {}-{}.gz", stem, suffix, stem, suffix));
}

struct Idx {
  std::array<std::uint32_t, 3> sizes{1, 1, 1};
  std::vector<std::uint8_t> bytes;
};

Idx read_file_of(const fs::path& path, std::size_t dimensions) {
  GzFile file(path);
  std::vector<std::uint8_t> header;
  file.read(4 * (1 + dimensions), header);
  const auto word = [&](std::size_t i) {
    std::uint32_t value = 0;
    for (std::size_t k = 0; k < 4; ++k) value = value << 8U | header[4 * i + k];
    return value;
  };
  constexpr std::size_t kHeadBytes = 1024;  // They tell what another file is.
  constexpr std::uint32_t kUnsignedBytes = 0x0800;
  if (header.size() < 4 * (1 + dimensions) || word(0) != (kUnsignedBytes | dimensions)) {
    const std::string expected =
        fmt::format("an IDX file of {}",
                    dimensions == 1 ? "labels (magic number 2049)" : "images (magic number 2051)");
    file.read(kHeadBytes, header);
    const std::string other =
        other_than({reinterpret_cast<const char*>(header.data()), header.size()}, expected);
    if (other.empty()) fail(path, "does not begin like " + expected);
    fail(path, (file.is_packed() ? "is gzip-compressed and, unpacked, " : "") + other);
  }
  constexpr std::uint32_t kMaxSide = 4096;
  Idx idx;
  std::size_t expected = 1;
  for (std::size_t i = 0; i < dimensions; ++i) {
    idx.sizes.at(i) = word(1 + i);
    expected *= idx.sizes.at(i);
    if (idx.sizes.at(i) == 0 || (i > 0 && idx.sizes.at(i) > kMaxSide)) {
      fail(path, fmt::format("dimension {} is {}; the file is damaged", i, idx.sizes.at(i)));
    }
  }
  file.read(expected + 1, idx.bytes);
  if (idx.bytes.size() != expected) {
    fail(path, fmt::format("holds {} {} bytes, its header promises {}; the file is damaged",
                           idx.bytes.size() > expected ? "more than" : "only",
                           std::min(idx.bytes.size(), expected), expected));
  }
  return idx;
}

std::shared_ptr<const MemorySource> read_part(const fs::path& folder, const std::string& part) {
  const fs::path images_path = find_file(folder, part + "-images", 3);
  const fs::path labels_path = find_file(folder, part + "-labels", 1);
  Idx images = read_file_of(images_path, 3);
  const Idx labels = read_file_of(labels_path, 1);
  if (images.sizes[0] != labels.sizes[0]) {
    fail(labels_path, fmt::format("holds {} labels, but {} holds {} images", labels.sizes[0],
                                  images_path.filename().string(), images.sizes[0]));
  }
  const MemorySource::Shape shape{1, static_cast<int>(images.sizes[1]),
                                  static_cast<int>(images.sizes[2])};
  return std::make_shared<MemorySource>(images_path.string(), shape, std::move(images.bytes),
                                        std::vector<int>(labels.bytes.begin(), labels.bytes.end()));
}

int largest_label(const ImageSource& source) {
  int largest = 0;
  for (std::int64_t i = 0; i < source.size(); ++i) largest = std::max(largest, source.label(i));
  return largest;
}

}  // namespace

TrainTest read_idx(const fs::path& folder) {
  TrainTest set{read_part(folder, "train"), read_part(folder, "t10k"), {}};
  const int largest = largest_label(*set.train);
  const int largest_test = largest_label(*set.test);
  if (largest_test > largest) {
    fail(folder, fmt::format("its test labels go up to {}, its training labels only to {}",
                             largest_test, largest));
  }
  for (int label = 0; label <= largest; ++label) set.classes.push_back(std::to_string(label));
  return set;
}

}  // namespace hsconas
