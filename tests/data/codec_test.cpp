#include "hsconas/data/codec.hpp"

#include <algorithm>
#include <cstdlib>

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

#if HSCONAS_HAVE_JPEG

TEST_CASE("JPEGs of any colour space come out as RGB", "[data]") {
  const Image colour = decode(encode_jpeg(plain_image(20, 10, {200, 100, 50})));
  CHECK(colour.width == 20);
  CHECK(colour.height == 10);
  CHECK(colour.channels == 3);
  CHECK(is_plain(colour, {200, 100, 50}, 3));
  CHECK(is_plain(decode(encode_jpeg(plain_image(9, 9, {77}))), {77, 77, 77}, 2));
  // Adobe's CMYK is inverted: 255 is no ink.
  CHECK(is_plain(decode(encode_jpeg(plain_image(16, 16, {255, 0, 0, 255}))), {255, 0, 0}, 4));
  CHECK(
      is_plain(decode(encode_jpeg(plain_image(16, 16, {255, 255, 255, 128}))), {128, 128, 128}, 4));
}

TEST_CASE("a JPEG may be decoded smaller, never below the side that is needed", "[data]") {
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
  CHECK(
      is_plain(decode(encode_png(5, 4, PNG_FORMAT_RGBA, clear.pixels.data())), {255, 255, 255}, 0));
  const Image opaque = plain_image(5, 4, {10, 20, 30, 255});
  CHECK(is_plain(decode(encode_png(5, 4, PNG_FORMAT_RGBA, opaque.pixels.data())), {10, 20, 30}, 0));

  const std::vector<std::uint16_t> white(5 * 4 * 3, 65535);
  CHECK(
      is_plain(decode(encode_png(5, 4, PNG_FORMAT_LINEAR_RGB, white.data())), {255, 255, 255}, 0));
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
