#include "hsconas/data/orientation.hpp"

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <utility>

#include "codec_limits.hpp"

namespace hsconas {

namespace {

using codec::Bytes;

bool starts_with(Bytes bytes, std::string_view text) {
  return bytes.size() >= text.size() &&
         std::equal(text.begin(), text.end(), bytes.begin(),
                    [](char c, std::uint8_t byte) { return static_cast<std::uint8_t>(c) == byte; });
}

std::uint32_t big_endian(Bytes bytes) {
  std::uint32_t value = 0;
  for (const std::uint8_t byte : bytes) value = value << 8U | byte;
  return value;
}

/// Exif data are a TIFF file: a byte order and a list of tags, one of which is the orientation.
class Tiff {
 public:
  explicit Tiff(Bytes bytes) : bytes_(bytes), is_little_(starts_with(bytes, "II")) {}

  int orientation() const {
    constexpr std::uint32_t kTag = 0x0112;
    constexpr std::uint32_t kShort = 3;
    constexpr std::uint32_t kLong = 4;
    constexpr std::size_t kEntryBytes = 12;
    if ((!is_little_ && !starts_with(bytes_, "MM")) || number(2, 2) != 42) return 1;
    const std::size_t list = number(4, 4);
    const std::size_t entries = number(list, 2);
    for (std::size_t i = 0; i < entries; ++i) {
      const std::size_t entry = list + 2 + i * kEntryBytes;
      if (entry + kEntryBytes > bytes_.size()) return 1;
      if (number(entry, 2) != kTag) continue;
      const std::uint32_t type = number(entry + 2, 2);
      if (type != kShort && type != kLong) return 1;
      const std::uint32_t value = number(entry + 8, type == kShort ? 2 : 4);
      return value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
    }
    return 1;
  }

 private:
  /// The number in `count` bytes at `at`; 0 when they reach beyond the end.
  std::uint32_t number(std::size_t at, std::size_t count) const {
    if (at > bytes_.size() || bytes_.size() - at < count) return 0;
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < count; ++i) {
      value = value << 8U | bytes_[at + (is_little_ ? count - 1 - i : i)];
    }
    return value;
  }

  Bytes bytes_;
  bool is_little_;
};

}  // namespace

int jpeg_orientation(Bytes file) {
  using namespace std::string_view_literals;
  constexpr auto kExif = "Exif\0\0"sv;
  std::size_t at = 2;  // After the start-of-image marker.
  while (at + 4 <= file.size() && file[at] == 0xFF) {
    const std::uint8_t marker = file[at + 1];
    if (marker == 0xFF) {  // Fill bytes may stand before a marker.
      ++at;
      continue;
    }
    const bool is_bare = marker == 0x01 || (marker >= 0xD0 && marker <= 0xD8);
    if (is_bare) {
      at += 2;
      continue;
    }
    constexpr std::uint8_t kScan = 0xDA;
    constexpr std::uint8_t kEnd = 0xD9;
    constexpr std::uint8_t kApp1 = 0xE1;
    if (marker == kScan || marker == kEnd) return 1;
    const std::size_t length = big_endian(file.subspan(at + 2, 2));
    if (length < 2 || length > file.size() - at - 2) return 1;
    const Bytes segment = file.subspan(at + 4, length - 2);
    if (marker == kApp1 && starts_with(segment, kExif)) {
      return Tiff(segment.subspan(kExif.size())).orientation();
    }
    at += 2 + length;
  }
  return 1;
}

int png_orientation(Bytes file) {
  constexpr std::size_t kSignature = 8;
  constexpr std::size_t kAround = 12;  // Length, type and checksum of a chunk.
  for (std::size_t at = kSignature; at + kAround <= file.size();) {
    const std::size_t length = big_endian(file.subspan(at, 4));
    if (length > file.size() - at - kAround) return 1;
    const Bytes type = file.subspan(at + 4, 4);
    if (starts_with(type, "eXIf")) return Tiff(file.subspan(at + 8, length)).orientation();
    if (starts_with(type, "IEND")) return 1;
    at += kAround + length;
  }
  return 1;
}

void turn_upright(int orientation, Image& image) {
  if (orientation < 2 || orientation > 8) return;
  thread_local Image stored;
  std::swap(stored, image);
  const bool is_exchanged = orientation >= 5;
  image.reshape(stored.channels, is_exchanged ? stored.width : stored.height,
                is_exchanged ? stored.height : stored.width);
  const auto channels = static_cast<std::size_t>(stored.channels);
  const int bottom = stored.height - 1;
  const int right = stored.width - 1;
  std::uint8_t* to = image.pixels.data();
  for (int y = 0; y < image.height; ++y) {
    for (int x = 0; x < image.width; ++x, to += channels) {
      int row = is_exchanged ? x : y;
      int column = is_exchanged ? y : x;
      if (orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7) {
        row = bottom - row;
      }
      if (orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8) {
        column = right - column;
      }
      const std::size_t from =
          static_cast<std::size_t>(row) * static_cast<std::size_t>(stored.width) +
          static_cast<std::size_t>(column);
      std::copy_n(&stored.pixels[from * channels], channels, to);
    }
  }
  // A full-size photo must not stay in every thread's memory.
  constexpr std::size_t kKept = std::size_t{1} << 24U;
  if (stored.pixels.capacity() > kKept) stored = {};
}

}  // namespace hsconas
