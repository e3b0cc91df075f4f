#include "hsconas/data/codec.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "jpeg.hpp"
#include "png.hpp"

namespace hsconas {

using namespace std::string_view_literals;

namespace {

using codec::Bytes;

constexpr const char* kNoImage = "neither a JPEG nor a PNG file";

constexpr std::array<std::uint8_t, 3> kJpegStart{0xFF, 0xD8, 0xFF};
constexpr std::array<std::uint8_t, 2> kJpegEnd{0xFF, 0xD9};
constexpr std::array<std::uint8_t, 8> kPngStart{0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
constexpr std::array<std::uint8_t, 4> kPngEnd{'I', 'E', 'N', 'D'};

bool starts_with(Bytes bytes, Bytes start) {
  return bytes.size() >= start.size() && std::equal(start.begin(), start.end(), bytes.begin());
}

void require_codec(ImageFormat format) {
  if (format == ImageFormat::Unknown) codec::fail(kNoImage);
  const std::string missing = missing_codec(format);
  if (!missing.empty()) codec::fail(missing);
}

}  // namespace

ImageFormat sniff_format(std::span<const std::uint8_t> head) {
  if (starts_with(head, kJpegStart)) return ImageFormat::Jpeg;
  if (starts_with(head, kPngStart)) return ImageFormat::Png;
  return ImageFormat::Unknown;
}

std::string other_image(std::span<const std::uint8_t> head) {
  const std::string_view text(reinterpret_cast<const char*>(head.data()), head.size());
  const auto is_at = [&](std::size_t at, std::string_view mark) {
    return text.size() >= at && text.substr(at).starts_with(mark);
  };
  const char* name = nullptr;
  if (text.starts_with("GIF8")) name = "GIF";
  if (text.starts_with("BM")) name = "BMP";
  if (text.starts_with("RIFF") && is_at(8, "WEBP")) name = "WebP";
  if (text.starts_with("II*\0"sv) || text.starts_with("MM\0*"sv)) name = "TIFF";
  if (is_at(4, "ftyphei") || is_at(4, "ftypmif1") || is_at(4, "ftyphev")) name = "HEIC";
  if (is_at(4, "ftypavif")) name = "AVIF";
  if (is_at(4, "jP  ")) name = "JPEG 2000";
  if (text.starts_with("\xFF\x0A") || is_at(4, "JXL ")) name = "JPEG XL";
  if (text.empty()) return "is empty";
  if (name == nullptr) return kNoImage;
  return fmt::format("a {} file; hsconas reads JPEG and PNG, convert it", name);
}

std::string missing_codec([[maybe_unused]] ImageFormat format) {
#if !HSCONAS_HAVE_JPEG
  if (format == ImageFormat::Jpeg) {
    return "hsconas was built without JPEG; install libturbojpeg0-dev and build it again";
  }
#endif
#if !HSCONAS_HAVE_PNG
  if (format == ImageFormat::Png) {
    return "hsconas was built without PNG; install libpng-dev and build it again";
  }
#endif
  return {};
}

void check_header(std::span<const std::uint8_t> head, std::uint64_t file_bytes) {
  const ImageFormat format = sniff_format(head);
  require_codec(format);
  if (format == ImageFormat::Png) codec::check_png_header(head, file_bytes);
#if HSCONAS_HAVE_JPEG
  if (format == ImageFormat::Jpeg) codec::check_jpeg_header(head, file_bytes);
#endif
}

bool has_end_mark(ImageFormat format, std::span<const std::uint8_t> tail) {
  const Bytes mark = format == ImageFormat::Jpeg ? Bytes(kJpegEnd) : Bytes(kPngEnd);
  return std::search(tail.begin(), tail.end(), mark.begin(), mark.end()) != tail.end();
}

void decode_image(std::span<const std::uint8_t> file, [[maybe_unused]] int min_side,
                  [[maybe_unused]] Image& out) {
  const ImageFormat format = sniff_format(file);
  require_codec(format);
#if HSCONAS_HAVE_JPEG
  if (format == ImageFormat::Jpeg) codec::decode_jpeg(file, min_side, out);
#endif
#if HSCONAS_HAVE_PNG
  if (format == ImageFormat::Png) codec::decode_png(file, out);
#endif
}

}  // namespace hsconas
