#include "hsconas/data/codec.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "hsconas/base/file_kind.hpp"
#include "jpeg.hpp"
#include "png.hpp"

namespace hsconas {

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
  const FileKind kind = kind_of_file({reinterpret_cast<const char*>(head.data()), head.size()});
  if (kind.claim.ends_with(" image")) {
    return kind.claim + "; hsconas reads JPEG and PNG, convert it";
  }
  if (kind.form == FileForm::Empty) return head.empty() ? kind.claim : kNoImage;
  const bool is_vague = kind.form == FileForm::Text || kind.form == FileForm::Unknown;
  return is_vague ? kNoImage : fmt::format("{}, not a JPEG or PNG image", kind.claim);
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
