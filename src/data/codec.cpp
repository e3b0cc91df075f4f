#include "hsconas/data/codec.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "hsconas/base/error.hpp"

#if HSCONAS_HAVE_JPEG
#include <turbojpeg.h>
#endif
#if HSCONAS_HAVE_PNG
#include <png.h>
#endif

namespace hsconas {

namespace {

using Bytes = std::span<const std::uint8_t>;

constexpr std::array<std::uint8_t, 3> kJpegStart{0xFF, 0xD8, 0xFF};
constexpr std::array<std::uint8_t, 2> kJpegEnd{0xFF, 0xD9};
constexpr std::array<std::uint8_t, 8> kPngStart{0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
constexpr std::array<std::uint8_t, 4> kPngEnd{'I', 'E', 'N', 'D'};

// Largest number of pixels that one byte of file can hold: a JPEG block of 64 pixels needs bits of
// its own in at least one scan, and deflate expands at most 1032 times, onto 8 one-bit pixels a
// byte. Together with the limit on the whole image this keeps a damaged header, or one made to
// harm, from asking for memory the file cannot fill.
constexpr std::uint64_t kJpegPixelsPerByte = 4096;
constexpr std::uint64_t kPngPixelsPerByte = 8256;
constexpr std::uint64_t kMaxPixels = std::uint64_t{1} << 27U;

[[noreturn]] void fail(std::string_view reason) {
  throw Error(ErrorKind::Data, std::string(reason));
}

bool starts_with(Bytes bytes, Bytes start) {
  return bytes.size() >= start.size() && std::equal(start.begin(), start.end(), bytes.begin());
}

void check_size(std::uint64_t width, std::uint64_t height, std::uint64_t max_pixels) {
  if (width == 0 || height == 0) fail("its header says it has no pixels");
  if (width * height > std::min(max_pixels, kMaxPixels)) {
    fail(fmt::format("its header says {} x {} pixels, more than the file can hold", width, height));
  }
}

#if HSCONAS_HAVE_JPEG

struct JpegHeader {
  int width = 0;
  int height = 0;
  int colour_space = 0;
};

struct DestroyDecoder {
  void operator()(void* handle) const { tjDestroy(handle); }
};

/// One decoder per thread, since making one costs as much as decoding a small image.
std::unique_ptr<void, DestroyDecoder>& jpeg_decoder() {
  thread_local std::unique_ptr<void, DestroyDecoder> decoder;
  if (decoder == nullptr) decoder.reset(tjInitDecompress());
  if (decoder == nullptr) throw Error(ErrorKind::Internal, "libturbojpeg cannot make a decoder");
  return decoder;
}

/// To be called when a decoder has reported a problem. Throws Error(Data) unless it is one of the
/// oddities of some cameras and old editors that do not keep the image from being decoded.
void judge_problem(std::string_view doing) {
  // A decoder that has failed once may go on to fail on sound files (2.1.5): never use it again.
  const std::unique_ptr<void, DestroyDecoder> decoder = std::move(jpeg_decoder());
  const std::string_view text = tjGetErrorStr2(decoder.get());
  const auto says = [&](std::string_view part) {
    return text.find(part) != std::string_view::npos;
  };
  const bool is_harmless = tjGetErrorCode(decoder.get()) == TJERR_WARNING
                               ? says("extraneous bytes") || says("Invalid SOS parameters")
                               : says("subsampling type");  // Unusual, and decoded all the same.
  if (!is_harmless) fail(fmt::format("{}: {}", doing, text));
}

JpegHeader read_jpeg_header(Bytes file, std::uint64_t file_bytes) {
  JpegHeader header;
  int subsampling = 0;
  if (tjDecompressHeader3(jpeg_decoder().get(), file.data(), file.size(), &header.width,
                          &header.height, &subsampling, &header.colour_space) != 0) {
    judge_problem("not a sound JPEG header");
  }
  check_size(static_cast<std::uint64_t>(header.width), static_cast<std::uint64_t>(header.height),
             file_bytes * kJpegPixelsPerByte);
  return header;
}

/// The smallest scale libjpeg offers that keeps the shorter side at `min_side` or more.
tjscalingfactor choose_scale(const JpegHeader& header, int min_side) {
  tjscalingfactor best{1, 1};
  if (min_side <= 0) return best;
  int count = 0;
  const tjscalingfactor* scales = tjGetScalingFactors(&count);
  const int shorter = std::min(header.width, header.height);
  for (const tjscalingfactor& scale : std::span(scales, static_cast<std::size_t>(count))) {
    const bool is_smaller = scale.num * best.denom < best.num * scale.denom;
    if (is_smaller && TJSCALED(shorter, scale) >= min_side) best = scale;
  }
  return best;
}

void decompress(Bytes file, int pixel_format, Image& out) {
  if (tjDecompress2(jpeg_decoder().get(), file.data(), file.size(), out.pixels.data(), out.width, 0,
                    out.height, pixel_format, TJFLAG_LIMITSCANS) != 0) {
    judge_problem("damaged JPEG");
  }
}

/// Adobe's programs store CMYK inverted and leave a mark in the header, before the first scan.
bool has_adobe_mark(Bytes file) {
  constexpr std::string_view kAdobe = "Adobe";
  const Bytes head = file.first(std::min<std::size_t>(file.size(), 1U << 17U));
  for (auto at = head.begin(); at != head.end(); ++at) {
    at = std::search(at, head.end(), kAdobe.begin(), kAdobe.end());
    if (at == head.end()) return false;
    if (at - head.begin() >= 4 && at[-4] == 0xFF && at[-3] == 0xEE) return true;
  }
  return false;
}

void decode_cmyk(Bytes file, Image& out) {
  Image cmyk;
  cmyk.reshape(4, out.height, out.width);
  decompress(file, TJPF_CMYK, cmyk);
  const unsigned invert = has_adobe_mark(file) ? 0U : 255U;
  for (std::size_t pixel = 0; pixel < cmyk.pixels.size() / 4; ++pixel) {
    const unsigned black = cmyk.pixels[pixel * 4 + 3] ^ invert;
    for (std::size_t c = 0; c < 3; ++c) {
      const unsigned ink = cmyk.pixels[pixel * 4 + c] ^ invert;
      out.pixels[pixel * 3 + c] = static_cast<std::uint8_t>((ink * black + 127U) / 255U);
    }
  }
}

void decode_jpeg(Bytes file, int min_side, Image& out) {
  const JpegHeader header = read_jpeg_header(file, file.size());
  const tjscalingfactor scale = choose_scale(header, min_side);
  out.reshape(3, TJSCALED(header.height, scale), TJSCALED(header.width, scale));
  if (header.colour_space == TJCS_CMYK || header.colour_space == TJCS_YCCK) {
    decode_cmyk(file, out);
  } else {
    decompress(file, TJPF_RGB, out);
  }
}

#endif  // HSCONAS_HAVE_JPEG

#if HSCONAS_HAVE_PNG

void decode_png(Bytes file, Image& out) {
  struct Free {
    void operator()(png_image* image) const { png_image_free(image); }
  };
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  const std::unique_ptr<png_image, Free> guard(&image);
  if (png_image_begin_read_from_memory(&image, file.data(), file.size()) == 0) {
    fail(fmt::format("not a sound PNG header: {}", std::string_view(image.message)));
  }
  check_size(image.width, image.height, file.size() * kPngPixelsPerByte);
  image.format = PNG_FORMAT_RGB;
  image.flags |= PNG_IMAGE_FLAG_16BIT_sRGB;
  out.reshape(3, static_cast<int>(image.height), static_cast<int>(image.width));
  const png_color white{255, 255, 255};
  if (png_image_finish_read(&image, &white, out.pixels.data(), 0, nullptr) == 0) {
    fail(fmt::format("damaged PNG: {}", std::string_view(image.message)));
  }
}

#endif  // HSCONAS_HAVE_PNG

std::uint64_t big_endian(Bytes bytes) {
  std::uint64_t value = 0;
  for (const std::uint8_t byte : bytes) value = value << 8U | byte;
  return value;
}

void check_png_header(Bytes head, std::uint64_t file_bytes) {
  constexpr std::string_view kFirstChunk = "IHDR";
  if (head.size() < 24 || !std::equal(kFirstChunk.begin(), kFirstChunk.end(), &head[12])) {
    fail("not a sound PNG header: the file is cut off");
  }
  check_size(big_endian(head.subspan(16, 4)), big_endian(head.subspan(20, 4)),
             file_bytes * kPngPixelsPerByte);
}

void require_codec(ImageFormat format) {
  if (format == ImageFormat::Unknown) fail("neither a JPEG nor a PNG file");
  const std::string missing = missing_codec(format);
  if (!missing.empty()) fail(missing);
}

}  // namespace

ImageFormat sniff_format(std::span<const std::uint8_t> head) {
  if (starts_with(head, kJpegStart)) return ImageFormat::Jpeg;
  if (starts_with(head, kPngStart)) return ImageFormat::Png;
  return ImageFormat::Unknown;
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
  if (format == ImageFormat::Png) check_png_header(head, file_bytes);
#if HSCONAS_HAVE_JPEG
  if (format == ImageFormat::Jpeg) read_jpeg_header(head, file_bytes);
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
  if (format == ImageFormat::Jpeg) decode_jpeg(file, min_side, out);
#endif
#if HSCONAS_HAVE_PNG
  if (format == ImageFormat::Png) decode_png(file, out);
#endif
}

}  // namespace hsconas
