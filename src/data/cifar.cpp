#include <algorithm>
#include <cstddef>
#include <string_view>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "hsconas/base/error.hpp"
#include "hsconas/base/file_kind.hpp"
#include "hsconas/base/files.hpp"
#include "hsconas/base/text.hpp"
#include "hsconas/data/binary_sets.hpp"

namespace hsconas {

namespace fs = std::filesystem;

namespace {

constexpr int kCifarSide = 32;
constexpr std::size_t kPlane = std::size_t{kCifarSide} * kCifarSide;
constexpr std::size_t kImageBytes = 3 * kPlane;

struct Layout {
  std::string_view name;
  std::size_t label_bytes;  ///< Bytes before the pixels; the last one is the label.
  int classes;
  std::string_view names_file;
};

constexpr Layout kCifar10{"CIFAR-10", 1, 10, "batches.meta.txt"};
constexpr Layout kCifar100{"CIFAR-100", 2, 100, "fine_label_names.txt"};

/// The *.bin files of `folder` whose names contain one of `parts`, sorted.
std::vector<fs::path> find_files(const fs::path& folder, const std::vector<std::string>& parts) {
  std::vector<fs::path> files;
  std::error_code error;
  fs::directory_iterator it(folder, error);
  for (; !error && it != fs::directory_iterator(); it.increment(error)) {
    const std::string name = it->path().filename().string();
    const bool matches = std::any_of(parts.begin(), parts.end(), [&](const std::string& part) {
      return name.find(part) != std::string::npos;
    });
    std::error_code ignored;
    if (matches && !name.starts_with('.') && name.ends_with(".bin") &&
        it->is_regular_file(ignored)) {
      files.push_back(it->path());
    }
  }
  if (error) {
    throw Error(ErrorKind::Data,
                fmt::format("{}: cannot be listed: {}", folder.string(), error.message()));
  }
  if (files.empty()) {
    throw Error(ErrorKind::Data, fmt::format("{}: holds no *.bin file with {} in its name; "
                                             "data.path must be the folder of the binary version",
                                             folder.string(), join(parts, " or ")));
  }
  std::sort(files.begin(), files.end());
  return files;
}

void append_file(const fs::path& path, const Layout& layout, std::vector<std::uint8_t>& pixels,
                 std::vector<int>& labels) {
  const std::string bytes = read_file(path);
  const std::size_t record = layout.label_bytes + kImageBytes;
  if (bytes.empty() || bytes.size() % record != 0) {
    const std::string other = other_than(bytes, fmt::format("a file of {} images", layout.name));
    if (!other.empty()) throw Error(ErrorKind::Data, path.string() + ": " + other);
    throw Error(ErrorKind::Data,
                fmt::format("{}: its {} bytes are not a multiple of the {} that a {} image takes; "
                            "the file is truncated or of another format",
                            path.string(), bytes.size(), record, layout.name));
  }
  for (std::size_t begin = 0; begin < bytes.size(); begin += record) {
    const int label = static_cast<std::uint8_t>(bytes[begin + layout.label_bytes - 1]);
    if (label >= layout.classes) {
      throw Error(ErrorKind::Data,
                  fmt::format("{}: label {} of image {} must be in [0, {}]; the file is damaged or "
                              "of another format",
                              path.string(), label, begin / record, layout.classes - 1));
    }
    labels.push_back(label);
    const char* planes = &bytes[begin + layout.label_bytes];
    const std::size_t to = pixels.size();
    pixels.resize(to + kImageBytes);
    for (std::size_t i = 0; i < kPlane; ++i) {
      for (std::size_t c = 0; c < 3; ++c) {
        pixels[to + 3 * i + c] = static_cast<std::uint8_t>(planes[c * kPlane + i]);
      }
    }
  }
}

std::shared_ptr<const ImageSource> read_part(const fs::path& folder, const Layout& layout,
                                             const std::vector<std::string>& parts) {
  std::vector<std::uint8_t> pixels;
  std::vector<int> labels;
  const std::vector<fs::path> files = find_files(folder, parts);
  for (const fs::path& file : files) append_file(file, layout, pixels, labels);
  const std::string name = files.size() == 1 ? files.front().string()
                                             : fmt::format("{} to {}", files.front().string(),
                                                           files.back().filename().string());
  return std::make_shared<MemorySource>(name, MemorySource::Shape{3, kCifarSide, kCifarSide},
                                        std::move(pixels), std::move(labels));
}

std::vector<std::string> class_names(const fs::path& folder, const Layout& layout) {
  constexpr std::size_t kMaxBytes = 65536;
  std::vector<std::string> names;
  const fs::path path = folder / layout.names_file;
  std::error_code ignored;
  if (fs::is_regular_file(path, ignored)) {
    for (std::string& line : split(read_file(path, kMaxBytes), '\n')) {
      while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.pop_back();
      if (!line.empty()) names.push_back(std::move(line));
    }
    for (const std::string& name : names) {
      if (is_utf8(name)) continue;
      throw Error(ErrorKind::Data, fmt::format("{}: the class name '{}' is not UTF-8",
                                               path.string(), printable(name)));
    }
    if (names.size() == static_cast<std::size_t>(layout.classes)) return names;
    throw Error(ErrorKind::Data, fmt::format("{}: must name {} classes, one per line, but names {}",
                                             path.string(), layout.classes, names.size()));
  }
  for (int label = 0; label < layout.classes; ++label) names.push_back(std::to_string(label));
  return names;
}

}  // namespace

TrainTest read_cifar(const fs::path& folder, CifarKind kind) {
  const Layout& layout = kind == CifarKind::Cifar10 ? kCifar10 : kCifar100;
  return {read_part(folder, layout, {"data_batch", "train"}), read_part(folder, layout, {"test"}),
          class_names(folder, layout)};
}

}  // namespace hsconas
