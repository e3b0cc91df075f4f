#include "png.hpp"

#include <algorithm>
#include <csetjmp>
#include <cstddef>
#include <new>
#include <string>
#include <string_view>

#include "hsconas/data/orientation.hpp"

#if HSCONAS_HAVE_PNG
#include <png.h>
#endif

namespace hsconas::codec {

namespace {

std::uint64_t big_endian(Bytes bytes) {
  std::uint64_t value = 0;
  for (const std::uint8_t byte : bytes) value = value << 8U | byte;
  return value;
}

}  // namespace

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

#if HSCONAS_HAVE_PNG

namespace {

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

}  // namespace

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

}  // namespace hsconas::codec
