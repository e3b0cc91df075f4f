#include "hsconas/data/codec.hpp"

#include <algorithm>
#include <array>
#include <csetjmp>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "hsconas/base/error.hpp"
#include "hsconas/data/orientation.hpp"

#if HSCONAS_HAVE_JPEG
#include <turbojpeg.h>
#endif
#if HSCONAS_HAVE_PNG
#include <png.h>
#endif

namespace hsconas {

using namespace std::string_view_literals;

namespace {

using Bytes = std::span<const std::uint8_t>;

constexpr const char* kNoImage = "neither a JPEG nor a PNG file";

constexpr std::array<std::uint8_t, 3> kJpegStart{0xFF, 0xD8, 0xFF};
constexpr std::array<std::uint8_t, 2> kJpegEnd{0xFF, 0xD9};
constexpr std::array<std::uint8_t, 8> kPngStart{0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
constexpr std::array<std::uint8_t, 4> kPngEnd{'I', 'E', 'N', 'D'};

// Largest number of pixels that one byte of file can hold: a JPEG block of 64 pixels needs some
// bits in at least one scan, and deflate expands a byte to at most 1032 bytes of 8 one-bit pixels
// each. The limit keeps a damaged or malicious header from making the decoder allocate memory that
// the file cannot fill.
constexpr std::uint64_t kJpegPixelsPerByte = 4096;
constexpr std::uint64_t kPngPixelsPerByte = 8256;
// Largest decoded image. A larger JPEG is decoded at a smaller scale, up to kMaxJpegPixels. The
// limit is lower for a progressive JPEG, whose coefficients are all in memory at once.
constexpr std::uint64_t kMaxPixels = std::uint64_t{1} << 27U;
constexpr std::uint64_t kMaxProgressivePixels = std::uint64_t{1} << 28U;
constexpr std::uint64_t kMaxJpegPixels = std::uint64_t{1} << 30U;

[[noreturn]] void fail(std::string_view reason) {
  throw Error(ErrorKind::Data, std::string(reason));
}

bool starts_with(Bytes bytes, Bytes start) {
  return bytes.size() >= start.size() && std::equal(start.begin(), start.end(), bytes.begin());
}

/// Throws unless width x height is above 0, at most `held`, the pixels that a file of this size can
/// hold, and at most `most`, the limit for files of this `kind`.
void check_size(std::uint64_t width, std::uint64_t height, std::uint64_t held, std::uint64_t most,
                std::string_view kind) {
  if (width == 0 || height == 0) fail("its header says it has no pixels");
  if (width * height > held) {
    fail(fmt::format("its header says {} x {} pixels, more than the file can hold", width, height));
  }
  if (width * height > most) {
    fail(
        fmt::format("its {} x {} pixels are more than the {} million that hsconas reads of a {}; "
                    "make it smaller",
                    width, height, most / 1'000'000, kind));
  }
}

std::uint64_t big_endian(Bytes bytes) {
  std::uint64_t value = 0;
  for (const std::uint8_t byte : bytes) value = value << 8U | byte;
  return value;
}

void check_png_header(Bytes head, std::uint64_t file_bytes) {
  constexpr std::size_t kSizeEnd = 24;
  const auto first_chunk = std::string_view(reinterpret_cast<const char*>(head.data()), head.size())
                               .substr(0, 16)
                               .substr(std::min<std::size_t>(head.size(), 12));
  if (first_chunk == "CgBI") {
    fail(
        "an Apple CgBI file, which only looks like PNG (Xcode makes them); convert it to PNG, for "
        "example by pngcrush -revert-iphone-optimizations");
  }
  if (head.size() < kSizeEnd) fail("not a sound PNG header: the file is cut off");
  if (first_chunk != "IHDR") fail("not a sound PNG header: it does not begin with IHDR");
  check_size(big_endian(head.subspan(16, 4)), big_endian(head.subspan(20, 4)),
             file_bytes * kPngPixelsPerByte, kMaxPixels, "PNG");
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

/// One decoder per thread, because creating one takes as long as decoding a small image.
std::unique_ptr<void, DestroyDecoder>& jpeg_decoder() {
  thread_local std::unique_ptr<void, DestroyDecoder> decoder;
  if (decoder == nullptr) decoder.reset(tjInitDecompress());
  if (decoder == nullptr) throw Error(ErrorKind::Internal, "libturbojpeg cannot make a decoder");
  return decoder;
}

/// Call this when a decoder has reported a problem. Throws Error(Data) unless the problem is one
/// that some cameras and old editors cause and that does not prevent decoding.
void judge_problem(std::string_view doing) {
  // In libjpeg-turbo 2.1.5 a decoder that failed once may fail on sound files, so it is dropped.
  const std::unique_ptr<void, DestroyDecoder> decoder = std::move(jpeg_decoder());
  const std::string_view text = tjGetErrorStr2(decoder.get());
  const auto says = [&](std::string_view part) {
    return text.find(part) != std::string_view::npos;
  };
  const bool is_harmless = tjGetErrorCode(decoder.get()) == TJERR_WARNING
                               ? says("extraneous bytes") || says("Invalid SOS parameters")
                               : says("subsampling type");  // Unusual, but decoded.
  if (!is_harmless) fail(fmt::format("{}: {}", doing, text));
}

/// Whether the file is a progressive JPEG, whose coefficients are all decoded into memory at once.
bool is_progressive_jpeg(Bytes file) {
  constexpr std::uint8_t kProgressive = 0xC2;
  constexpr std::uint8_t kScan = 0xDA;
  for (std::size_t at = 2; at + 4 <= file.size() && file[at] == 0xFF;) {
    const std::uint8_t marker = file[at + 1];
    if (marker == kProgressive) return true;
    if (marker == kScan) return false;
    const bool is_bare = marker == 0x01 || marker == 0xFF || (marker >= 0xD0 && marker <= 0xD8);
    at += is_bare ? (marker == 0xFF ? 1 : 2) : 2 + (file[at + 2] * 256U + file[at + 3]);
  }
  return false;
}

JpegHeader read_jpeg_header(Bytes file, std::uint64_t file_bytes) {
  JpegHeader header;
  int subsampling = 0;
  if (tjDecompressHeader3(jpeg_decoder().get(), file.data(), file.size(), &header.width,
                          &header.height, &subsampling, &header.colour_space) != 0) {
    judge_problem("not a sound JPEG header");
  }
  const bool is_progressive = is_progressive_jpeg(file);
  check_size(static_cast<std::uint64_t>(header.width), static_cast<std::uint64_t>(header.height),
             file_bytes * kJpegPixelsPerByte,
             is_progressive ? kMaxProgressivePixels : kMaxJpegPixels,
             is_progressive ? "progressive JPEG" : "JPEG");
  return header;
}

/// The smallest of libjpeg's scales that keeps the shorter side at `min_side` or more; when
/// `min_side` is 0, the largest scale, up to 1, that gives at most kMaxPixels pixels.
tjscalingfactor choose_scale(const JpegHeader& header, int min_side) {
  int count = 0;
  const tjscalingfactor* list = tjGetScalingFactors(&count);
  const std::span scales(list, static_cast<std::size_t>(count));
  const auto is_smaller = [](const tjscalingfactor& a, const tjscalingfactor& b) {
    return a.num * b.denom < b.num * a.denom;
  };
  const auto fits = [&](const tjscalingfactor& scale) {
    return static_cast<std::uint64_t>(TJSCALED(header.width, scale)) *
               static_cast<std::uint64_t>(TJSCALED(header.height, scale)) <=
           kMaxPixels;
  };
  tjscalingfactor best{1, 1};
  for (const tjscalingfactor& scale : scales) {
    const bool is_first_that_fits = !fits(best) && is_smaller(scale, best);
    const bool is_larger_and_fits =
        is_smaller(best, scale) && fits(scale) && scale.num <= scale.denom;
    if (is_first_that_fits || is_larger_and_fits) best = scale;
  }
  if (min_side <= 0) return best;
  const int shorter = std::min(header.width, header.height);
  for (const tjscalingfactor& scale : scales) {
    if (is_smaller(scale, best) && TJSCALED(shorter, scale) >= min_side) best = scale;
  }
  return best;
}

void decompress(Bytes file, int pixel_format, Image& out) {
  if (tjDecompress2(jpeg_decoder().get(), file.data(), file.size(), out.pixels.data(), out.width, 0,
                    out.height, pixel_format, TJFLAG_LIMITSCANS) != 0) {
    judge_problem("damaged JPEG");
  }
}

/// Whether the file has Adobe's marker before its first scan; Adobe's programs store CMYK inverted.
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
  turn_upright(jpeg_orientation(file), out);
}

#endif  // HSCONAS_HAVE_JPEG

#if HSCONAS_HAVE_PNG

/// The input of libpng, and its last error message.
struct PngInput {
  Bytes file;
  std::size_t at = 0;
  std::string problem = {};
};

void read_png_bytes(png_structp png, png_bytep to, png_size_t count) {
  PngInput& input = *static_cast<PngInput*>(png_get_io_ptr(png));
  if (count > input.file.size() - input.at) png_error(png, "the file is cut off");
  std::copy_n(input.file.data() + input.at, count, to);
  input.at += count;
}

[[noreturn]] void fail_in_png(png_structp png, png_const_charp message) {
  static_cast<PngInput*>(png_get_error_ptr(png))->problem = message;
  png_longjmp(png, 1);
}

void ignore_png_warning(png_structp /*png*/, png_const_charp /*message*/) {}

/// libpng's structures, freed together.
class PngDecoder {
 public:
  explicit PngDecoder(Bytes file) : input_{.file = file} {
    png_ = png_create_read_struct(PNG_LIBPNG_VER_STRING, &input_, fail_in_png, ignore_png_warning);
    info_ = png_ == nullptr ? nullptr : png_create_info_struct(png_);
    if (info_ == nullptr) throw std::bad_alloc();
    png_set_read_fn(png_, &input_, read_png_bytes);
    png_set_user_limits(png_, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
    // Text, profiles, gamma and transparency do not change the pixels; ignored chunks are not
    // unpacked, so that a huge compressed comment costs nothing.
    constexpr png_byte kIgnored[] =
        "bKGD\0cHRM\0eXIf\0gAMA\0hIST\0iCCP\0iTXt\0oFFs\0pCAL\0pHYs\0sBIT\0sCAL\0sPLT\0sRGB\0"
        "sTER\0tEXt\0tIME\0tRNS\0zTXt";
    png_set_keep_unknown_chunks(png_, PNG_HANDLE_CHUNK_NEVER, kIgnored, sizeof kIgnored / 5);
  }
  ~PngDecoder() { png_destroy_read_struct(&png_, &info_, nullptr); }
  PngDecoder(const PngDecoder&) = delete;
  PngDecoder& operator=(const PngDecoder&) = delete;

  const std::string& problem() const { return input_.problem; }
  png_uint_32 width() const { return png_get_image_width(png_, info_); }
  png_uint_32 height() const { return png_get_image_height(png_, info_); }

  // libpng may leave the next two functions by longjmp(), so their locals must not need
  // destructors.

  /// False when the header is not sound.
  bool read_header() {
    if (setjmp(png_jmpbuf(png_)) != 0) return false;
    png_read_info(png_, info_);
    return true;
  }

  /// Reads RGB rows of `stride` bytes each. False when the file is damaged.
  bool read_rows(std::uint8_t* to, std::size_t stride, png_uint_32 rows) {
    if (setjmp(png_jmpbuf(png_)) != 0) return false;
    png_set_strip_16(png_);
    png_set_palette_to_rgb(png_);
    png_set_expand_gray_1_2_4_to_8(png_);
    png_set_strip_alpha(png_);
    png_set_gray_to_rgb(png_);
    const int passes = png_set_interlace_handling(png_);
    png_read_update_info(png_, info_);
    if (png_get_rowbytes(png_, info_) != stride) png_error(png_, "its colour type is not sound");
    for (int pass = 0; pass < passes; ++pass) {
      for (png_uint_32 row = 0; row < rows; ++row) png_read_row(png_, to + row * stride, nullptr);
    }
    return true;
  }

 private:
  PngInput input_;
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
};

void decode_png(Bytes file, Image& out) {
  check_png_header(file, file.size());
  PngDecoder decoder(file);
  if (!decoder.read_header()) fail("not a sound PNG header: " + decoder.problem());
  out.reshape(3, static_cast<int>(decoder.height()), static_cast<int>(decoder.width()));
  const std::size_t stride = std::size_t{3} * decoder.width();
  if (!decoder.read_rows(out.pixels.data(), stride, decoder.height())) {
    fail("damaged PNG: " + decoder.problem());
  }
  turn_upright(png_orientation(file), out);
}

#endif  // HSCONAS_HAVE_PNG

void require_codec(ImageFormat format) {
  if (format == ImageFormat::Unknown) fail(kNoImage);
  const std::string missing = missing_codec(format);
  if (!missing.empty()) fail(missing);
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
