#include "hsconas/data/codec.hpp"

#include <algorithm>
#include <cstdlib>
#include <utility>
#include <vector>
#include <zlib.h>

#include "catch.hpp"
#include "data/support.hpp"
#include "hsconas/base/error.hpp"

using namespace hsconas;
using namespace hsconas::test;
using Catch::Matchers::ContainsSubstring;

namespace {

Image decode(const std::string& file, int min_side = 0) {
  Image image;
  decode_image(bytes_of(file), min_side, image);
  return image;
}

#if HSCONAS_HAVE_JPEG || HSCONAS_HAVE_PNG
/// Whether every pixel of `image` is within `tolerance` of `colour`.
bool is_plain(const Image& image, const std::vector<int>& colour, int tolerance) {
  for (std::size_t i = 0; i < image.pixels.size(); ++i) {
    if (std::abs(image.pixels[i] - colour[i % colour.size()]) > tolerance) return false;
  }
  return !image.pixels.empty();
}
#endif

}  // namespace

TEST_CASE("an image's format is told by its first bytes", "[data]") {
  CHECK(sniff_format(bytes_of("\xFF\xD8\xFF\xE0")) == ImageFormat::Jpeg);
  CHECK(sniff_format(bytes_of("\x89PNG\r\n\x1A\n...")) == ImageFormat::Png);
  CHECK(sniff_format(bytes_of("GIF89a")) == ImageFormat::Unknown);
  CHECK(sniff_format({}) == ImageFormat::Unknown);
  CHECK_THROWS_WITH(decode("hello"), "neither a JPEG nor a PNG file");
}

TEST_CASE("a PNG header that promises more pixels than the file can hold is refused", "[data]") {
  std::string head("\x89PNG\r\n\x1A\n\0\0\0\x0DIHDR", 16);
  head += std::string("\x00\x00\x40\x00\x00\x00\x40\x00\x08\x02\x00\x00\x00", 13);
  if (missing_codec(ImageFormat::Png).empty()) {
    CHECK_THROWS_WITH(check_header(bytes_of(head), head.size()),
                      ContainsSubstring("16384 x 16384"));
    CHECK_THROWS_WITH(check_header(bytes_of(head.substr(0, 20)), 20), ContainsSubstring("cut off"));
  }
}

#if HSCONAS_HAVE_JPEG || HSCONAS_HAVE_PNG

namespace {

/// Exif data with a resolution and the orientation, in either byte order.
std::string exif_of(int orientation, bool is_little) {
  const auto number = [&](unsigned value, std::size_t bytes) {
    std::string text(bytes, '\0');
    for (std::size_t i = 0; i < bytes; ++i) {
      text[is_little ? i : bytes - 1 - i] = static_cast<char>(value >> 8U * i);
    }
    return text;
  };
  const auto value = static_cast<unsigned>(orientation);
  return (is_little ? "II" : "MM") + number(42, 2) + number(8, 4) + number(2, 2) +
         number(0x011A, 2) + number(5, 2) + number(1, 4) + number(0, 4) +  // Another tag first.
         number(0x0112, 2) + number(3, 2) + number(1, 4) + number(value, 2) + number(0, 2) +
         number(0, 4);
}

constexpr int kWide = 32;
constexpr int kHigh = 16;

/// The grey level of the upright picture at (x, y); each quarter has a different one.
int upright_grey(int y, int x) {
  return 40 + (y < kHigh / 2 ? 0 : 110) + (x < kWide / 2 ? 0 : 55);
}

/// The picture as a camera stores it that writes `orientation`. In the Exif standard, orientations
/// 1 to 8 say which sides of the picture row 0 and column 0 are: top left, top right, bottom right,
/// bottom left, left top, right top, right bottom, left bottom.
Image stored_picture(int orientation) {
  const bool is_exchanged = orientation >= 5;
  const bool from_bottom =
      orientation == 3 || orientation == 4 || orientation == 7 || orientation == 8;
  const bool from_right =
      orientation == 2 || orientation == 3 || orientation == 6 || orientation == 7;
  Image image;
  image.reshape(3, is_exchanged ? kWide : kHigh, is_exchanged ? kHigh : kWide);
  std::size_t at = 0;
  for (int row = 0; row < image.height; ++row) {
    for (int column = 0; column < image.width; ++column) {
      const int down = is_exchanged ? column : row;
      const int along = is_exchanged ? row : column;
      const int grey = upright_grey(from_bottom ? kHigh - 1 - down : down,
                                    from_right ? kWide - 1 - along : along);
      for (int c = 0; c < 3; ++c) image.pixels[at++] = static_cast<std::uint8_t>(grey);
    }
  }
  return image;
}

bool is_upright(const Image& image) {
  if (image.width != kWide || image.height != kHigh) return false;
  for (int y = 0; y < kHigh; ++y) {
    for (int x = 0; x < kWide; ++x) {
      const auto at = static_cast<std::size_t>(3 * (y * kWide + x));
      if (std::abs(image.pixels[at] - upright_grey(y, x)) > 4) return false;
    }
  }
  return true;
}

}  // namespace

#endif
#if HSCONAS_HAVE_JPEG

namespace {

/// `file` with `exif` in a segment after its first marker.
std::string with_exif(const std::string& file, const std::string& exif) {
  const std::string body = std::string("Exif\0\0", 6) + exif;
  const auto length = static_cast<unsigned>(body.size() + 2);
  return file.substr(0, 2) + "\xFF\xE1" + static_cast<char>(length >> 8U) +
         static_cast<char>(length) + body + file.substr(2);
}

}  // namespace

TEST_CASE("exif-orientation: a JPEG is turned upright by its Exif orientation", "[data]") {
  for (int orientation = 1; orientation <= 8; ++orientation) {
    for (const bool is_little : {false, true}) {
      INFO(orientation << (is_little ? " little" : " big"));
      const std::string file =
          with_exif(encode_jpeg(stored_picture(orientation)), exif_of(orientation, is_little));
      CHECK(is_upright(decode(file)));
      const Image half = decode(file, kHigh / 2);
      CHECK(half.width == kWide / 2);
      CHECK(half.height == kHigh / 2);
    }
  }
}

TEST_CASE("exif-orientation: an image with broken or invalid Exif data is not turned", "[data]") {
  const std::string file = encode_jpeg(stored_picture(1));
  for (const int value : {0, 9, 255, 65535}) {
    CHECK(is_upright(decode(with_exif(file, exif_of(value, true)))));
  }
  const std::string exif = exif_of(6, false);
  for (std::size_t size = 0; size < 33; ++size) {
    CHECK(is_upright(decode(with_exif(file, exif.substr(0, size)))));
  }
  std::string far = exif;
  far.replace(4, 4, "\xFF\xFF\xFF\xFF");
  CHECK(is_upright(decode(with_exif(file, far))));
}

TEST_CASE("huge-jpeg: a JPEG above the limit on pixels is decoded at a smaller scale", "[data]") {
  constexpr int kWidth = 16320;
  constexpr int kHeight = 12240;
  std::string file;
  {
    const Image grey = plain_image(kWidth, kHeight, {77});
    file = encode_jpeg(grey);
  }
  CHECK_NOTHROW(check_header(bytes_of(file).first(4096), file.size()));
  const Image small = decode(file, 128);
  CHECK(small.width == kWidth / 8);
  CHECK(small.height == kHeight / 8);
  CHECK(is_plain(small, {77, 77, 77}, 2));
  const Image whole = decode(file);
  CHECK(whole.width == kWidth * 3 / 4);
  CHECK(whole.height == kHeight * 3 / 4);

  // The same file with dimensions in its header that exceed the limit for every file.
  const std::size_t frame = file.find("\xFF\xC0");
  REQUIRE(frame != std::string::npos);
  file.replace(frame + 5, 4, "\xFF\xDC\xFF\xDC");
  CHECK_THROWS_WITH(check_header(bytes_of(file), file.size()),
                    ContainsSubstring("its 65500 x 65500 pixels are more than the 1073 million "
                                      "that hsconas reads of a JPEG"));
  CHECK_THROWS_WITH(check_header(bytes_of(file).first(4096), 10000),
                    ContainsSubstring("65500 x 65500 pixels, more than the file can hold"));
}

TEST_CASE("JPEGs of any colour space come out as RGB", "[data]") {
  const Image colour = decode(encode_jpeg(plain_image(20, 10, {200, 100, 50})));
  CHECK(colour.width == 20);
  CHECK(colour.height == 10);
  CHECK(colour.channels == 3);
  CHECK(is_plain(colour, {200, 100, 50}, 3));
  CHECK(is_plain(decode(encode_jpeg(plain_image(9, 9, {77}))), {77, 77, 77}, 2));
  // Adobe's programs store CMYK inverted: 255 means no ink.
  CHECK(is_plain(decode(encode_jpeg(plain_image(16, 16, {255, 0, 0, 255}))), {255, 0, 0}, 4));
  CHECK(
      is_plain(decode(encode_jpeg(plain_image(16, 16, {255, 255, 255, 128}))), {128, 128, 128}, 4));
}

TEST_CASE("a JPEG is decoded at a smaller scale, never below the side that is needed", "[data]") {
  const std::string file = encode_jpeg(plain_image(320, 240, {10, 200, 30}));
  const Image small = decode(file, 60);
  CHECK(small.height == 60);
  CHECK(small.width == 80);
  CHECK(is_plain(small, {10, 200, 30}, 4));
  CHECK(decode(file, 61).height >= 61);
  CHECK(decode(file, 61).height < 240);
  CHECK(decode(file, 1000).height == 240);
  CHECK(decode(file, 0).height == 240);
}

TEST_CASE("a truncated or damaged JPEG is an error, not a grey picture", "[data]") {
  Image noisy;
  noisy.reshape(3, 64, 64);
  for (std::size_t i = 0; i < noisy.pixels.size(); ++i) {
    noisy.pixels[i] = static_cast<std::uint8_t>(i * i * 7919 >> 3U);
  }
  const std::string file = encode_jpeg(noisy);
  CHECK_THROWS_AS(decode(file.substr(0, file.size() / 2)), Error);
  CHECK_THROWS_AS(decode(file.substr(0, 40)), Error);
  CHECK_THROWS_AS(decode(file.substr(0, file.size() - 2)), Error);
  CHECK(has_end_mark(ImageFormat::Jpeg, bytes_of(file)));
  CHECK_FALSE(has_end_mark(ImageFormat::Jpeg, bytes_of(file.substr(0, file.size() - 2))));
}

TEST_CASE("random bytes inside a JPEG never crash the decoder nor harm the next file", "[data]") {
  const std::string file = encode_jpeg(plain_image(48, 48, {1, 2, 3}));
  for (std::size_t i = 0; i < 400; ++i) {
    std::string broken = file;
    broken[4 + i * 37 % (file.size() - 4)] = static_cast<char>(i * 101);
    Image image;
    try {
      decode_image(bytes_of(broken), 0, image);
      CHECK(!image.pixels.empty());
    } catch (const Error& error) {
      CHECK(error.kind() == ErrorKind::Data);
    }
    CHECK(is_plain(decode(file), {1, 2, 3}, 3));
  }
}

#endif
#if HSCONAS_HAVE_PNG

TEST_CASE("grey, 16-bit and transparent PNGs come out as 8-bit RGB", "[data]") {
  const Image grey = plain_image(5, 4, {90});
  const Image decoded = decode(encode_png(5, 4, PNG_FORMAT_GRAY, grey.pixels.data()));
  CHECK(decoded.width == 5);
  CHECK(decoded.height == 4);
  CHECK(decoded.channels == 3);
  CHECK(is_plain(decoded, {90, 90, 90}, 0));

  const Image clear = plain_image(5, 4, {10, 20, 30, 0});
  CHECK(is_plain(decode(encode_png(5, 4, PNG_FORMAT_RGBA, clear.pixels.data())), {10, 20, 30}, 0));
  const Image opaque = plain_image(5, 4, {10, 20, 30, 255});
  CHECK(is_plain(decode(encode_png(5, 4, PNG_FORMAT_RGBA, opaque.pixels.data())), {10, 20, 30}, 0));

  const std::vector<std::uint16_t> white(5 * 4 * 3, 65535);
  CHECK(
      is_plain(decode(encode_png(5, 4, PNG_FORMAT_LINEAR_RGB, white.data())), {255, 255, 255}, 0));
}

namespace {

std::string big_endian(std::size_t value, std::size_t bytes) {
  std::string text(bytes, '\0');
  for (std::size_t i = 0; i < bytes; ++i) {
    text[bytes - 1 - i] = static_cast<char>(value >> 8U * i);
  }
  return text;
}

std::string chunk(const std::string& type, const std::string& data) {
  const std::string body = type + data;
  const auto crc = crc32(0, bytes_of(body).data(), static_cast<uInt>(body.size()));
  return big_endian(data.size(), 4) + body + big_endian(crc, 4);
}

std::string packed(const std::string& data) {
  uLongf size = compressBound(data.size());
  std::string out(size, '\0');
  compress(reinterpret_cast<Bytef*>(out.data()), &size, bytes_of(data).data(), data.size());
  return out.substr(0, size);
}

/// A PNG of 32 x 32 pixels with equal rows `row`, chunks `extra` before the pixels and `after`
/// after them.
std::string raw_png(char depth, char colour_type, const std::string& row,
                    const std::string& extra = "", const std::string& after = "") {
  std::string pixels;
  for (int y = 0; y < 32; ++y) pixels += '\0' + row;
  return "\x89PNG\r\n\x1A\n" +
         chunk("IHDR",
               big_endian(32, 4) + big_endian(32, 4) + depth + colour_type + std::string(3, '\0')) +
         extra + chunk("IDAT", packed(pixels)) + after + chunk("IEND", "");
}

std::string repeated(const std::string& pixel, int times = 32) {
  std::string row;
  for (int i = 0; i < times; ++i) row += pixel;
  return row;
}

}  // namespace

TEST_CASE("png-gamma: pixels come out as PIL, OpenCV and torchvision decode them", "[data]") {
  const std::string colour = repeated("\x64\x96\xC8");
  const std::vector<int> expected{100, 150, 200};
  std::string broken = chunk("tEXt", std::string("a\0b", 3));
  broken.back() = static_cast<char>(broken.back() ^ 1);
  const std::string frame = big_endian(32, 4) + big_endian(32, 4) + big_endian(0, 8) +
                            big_endian(1, 2) + big_endian(10, 2) + std::string(2, '\0');
  const std::string palette = chunk("PLTE", std::string("\0\0\0\x64\x96\xC8", 6));
  const std::string comment = std::string("Comment\0", 8);
  const std::vector<std::pair<const char*, std::string>> files{
      {"plain", raw_png(8, 2, colour)},
      {"gamma 0.45", raw_png(8, 2, colour, chunk("gAMA", big_endian(45455, 4)))},
      {"gamma 1", raw_png(8, 2, colour, chunk("gAMA", big_endian(100000, 4)))},
      {"gamma 0.55", raw_png(8, 2, colour, chunk("gAMA", big_endian(55556, 4)))},
      {"gamma 0", raw_png(8, 2, colour, chunk("gAMA", big_endian(0, 4)))},
      {"sRGB", raw_png(8, 2, colour, chunk("sRGB", std::string(1, '\0')))},
      {"chromaticities", raw_png(8, 2, colour, chunk("cHRM", std::string(32, '\x01')))},
      {"16 bits", raw_png(16, 2, repeated("\x64\x64\x96\x96\xC8\xC8"))},
      {"16 bits, alpha", raw_png(16, 6, repeated("\x64\x64\x96\x96\xC8\xC8\xFF\xFF"))},
      {"transparent", raw_png(8, 6, repeated(std::string("\x64\x96\xC8\0", 4)))},
      {"one colour transparent",
       raw_png(8, 2, colour, chunk("tRNS", std::string("\0\x64\0\x96\0\xC8", 6)))},
      {"palette", raw_png(8, 3, repeated("\x01"), palette)},
      {"palette of 1 bit", raw_png(1, 3, std::string(4, '\xFF'), palette)},
      {"transparent palette",
       raw_png(8, 3, repeated("\x01"), palette + chunk("tRNS", std::string("\xFF\0", 2)))},
      {"broken profile",
       raw_png(8, 2, colour,
               chunk("iCCP", std::string("icc\0\0", 5) + packed(std::string(200, '\0'))))},
      {"large comment", raw_png(8, 2, colour, chunk("tEXt", comment + std::string(9000000, 'x')))},
      {"packed comment",
       raw_png(8, 2, colour,
               chunk("zTXt", comment + std::string(1, '\0') + packed(std::string(80000000, 'x'))))},
      {"comment with a wrong checksum", raw_png(8, 2, colour, broken)},
      {"animated",
       raw_png(8, 2, colour,
               chunk("acTL", big_endian(2, 4) + big_endian(0, 4)) +
                   chunk("fcTL", big_endian(0, 4) + frame),
               chunk("fcTL", big_endian(1, 4) + frame) +
                   chunk("fdAT", big_endian(2, 4) + packed(std::string(32 * 97, '\0'))))},
      {"followed by garbage", raw_png(8, 2, colour) + std::string(5000, 'g')}};
  for (const auto& [name, file] : files) {
    INFO(name);
    CHECK_NOTHROW(check_header(bytes_of(file), file.size()));
    const Image image = decode(file);
    CHECK(image.width == 32);
    CHECK(image.height == 32);
    CHECK(is_plain(image, expected, 0));
  }
  const auto is_grey = [](const std::string& file, int grey) {
    return is_plain(decode(file), {grey, grey, grey}, 0);
  };
  CHECK(is_grey(raw_png(8, 0, repeated("\x80")), 128));
  CHECK(is_grey(raw_png(8, 4, repeated("\x80\xFF")), 128));
  CHECK(is_grey(raw_png(16, 0, repeated("\x80\x80")), 128));
  CHECK(is_grey(raw_png(16, 0, repeated(std::string("\x08\0", 2))), 8));
  CHECK(is_grey(raw_png(2, 0, std::string(8, '\x55')), 85));
  CHECK(is_plain(decode(raw_png(1, 0, std::string(4, '\xAA'))), {255, 255, 255, 0, 0, 0}, 0));
}

TEST_CASE("png-gamma: an invalid PNG is refused with the actual reason", "[data]") {
  const std::string plain = raw_png(8, 2, repeated("\x64\x96\xC8"));
  const std::string apple =
      plain.substr(0, 8) + chunk("CgBI", std::string("\x50\0\x20\x06", 4)) + plain.substr(8);
  CHECK_THROWS_WITH(check_header(bytes_of(apple), apple.size()),
                    ContainsSubstring("an Apple CgBI file"));
  CHECK_THROWS_WITH(decode(apple), ContainsSubstring("an Apple CgBI file"));
  CHECK_THROWS_WITH(decode(plain.substr(0, 8) + plain.substr(33)), ContainsSubstring("IHDR"));
  CHECK_THROWS_WITH(decode(raw_png(8, 3, repeated("\x01"))), ContainsSubstring("PLTE"));
  CHECK_THROWS_WITH(decode(raw_png(3, 2, repeated("\x01"))), ContainsSubstring("PNG header"));
}

TEST_CASE("exif-orientation: a PNG is turned upright by its eXIf chunk", "[data]") {
  for (int orientation = 1; orientation <= 8; ++orientation) {
    INFO(orientation);
    const Image stored = stored_picture(orientation);
    std::string file =
        encode_png(stored.width, stored.height, PNG_FORMAT_RGB, stored.pixels.data());
    file.insert(33, chunk("eXIf", exif_of(orientation, orientation % 2 == 0)));
    CHECK(is_upright(decode(file)));
  }
}

TEST_CASE("a truncated PNG is an error", "[data]") {
  const Image image = plain_image(64, 64, {9, 8, 7});
  const std::string file = encode_png(64, 64, PNG_FORMAT_RGB, image.pixels.data());
  CHECK(has_end_mark(ImageFormat::Png, bytes_of(file)));
  const std::string cut = file.substr(0, file.size() - 30);
  CHECK_FALSE(has_end_mark(ImageFormat::Png, bytes_of(cut)));
  CHECK_THROWS_WITH(decode(cut), ContainsSubstring("PNG"));
}

#endif
