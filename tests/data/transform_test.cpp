#include "hsconas/data/transform.hpp"

#include <algorithm>
#include <memory>
#include <numeric>
#include <set>

#include "catch.hpp"
#include "data/support.hpp"
#include "hsconas/base/error.hpp"

using namespace hsconas;
using namespace hsconas::test;
using Catch::Matchers::ContainsSubstring;

namespace {

/// A source with one image of any size.
class OneImage : public ImageSource {
 public:
  explicit OneImage(Image image) : image_(std::move(image)) {}
  std::int64_t size() const override { return 1; }
  int label(std::int64_t /*i*/) const override { return 0; }
  void load(std::int64_t /*i*/, Image& out, int /*min_side*/) const override { out = image_; }
  std::string describe(std::int64_t /*i*/) const override { return "the image"; }

 private:
  Image image_;
};

/// A grey image whose pixels are 1, 2, 3, ...
Image counting_image(int side) {
  Image image;
  image.reshape(1, side, side);
  std::iota(image.pixels.begin(), image.pixels.end(), std::uint8_t{1});
  return image;
}

/// A normalisation whose values equal the bytes, so that results can be compared with pixels.
Preprocessing plain(int side, int channels, Augment augment) {
  const auto count = static_cast<std::size_t>(channels);
  return {side,
          channels,
          augment,
          {std::vector<float>(count, 0.0F), std::vector<float>(count, 1.0F / 255.0F)}};
}

std::vector<int> train_once(const Transform& transform, const ImageSource& source,
                            std::uint64_t index) {
  std::vector<float> values(transform.values());
  Rng rng(1, "test", index);
  transform.train(source, 0, rng, values.data());
  std::vector<int> bytes;
  for (const float value : values) bytes.push_back(static_cast<int>(std::lround(value)));
  return bytes;
}

}  // namespace

TEST_CASE("an image of the right size is not changed", "[data]") {
  const Image image = counting_image(8);
  Image out;
  fit_square(image, 8, 8, out);
  CHECK(out.pixels == image.pixels);
}

TEST_CASE("the shorter side is resized and the middle is kept", "[data]") {
  // The left, middle and right thirds have different colours; only the middle third is kept.
  Image image;
  image.reshape(3, 40, 120);
  for (std::size_t i = 0; i < image.pixels.size(); ++i) {
    const std::size_t x = i / 3 % 120;
    image.pixels[i] = x < 40 ? 10 : x < 80 ? 100 : 200;
  }
  Image out;
  fit_square(image, 20, 20, out);
  CHECK(out.width == 20);
  CHECK(out.height == 20);
  // The outermost columns mix with their neighbours, as the filter is two pixels wide.
  for (std::size_t y = 0; y < 20; ++y) {
    for (std::size_t x = 1; x < 19; ++x) CHECK(out.pixels[(y * 20 + x) * 3] == 100);
  }
}

TEST_CASE("resizing an image of one colour keeps the colour exactly, larger and smaller",
          "[data]") {
  for (const int value : {0, 1, 127, 254, 255}) {
    const auto byte = static_cast<std::uint8_t>(value);
    const Image image = plain_image(37, 23, {byte, byte, byte});
    for (const int side : {1, 7, 23, 64}) {
      Image out;
      resize(image, {0, 0, 37, 23}, side, side, out);
      CHECK(std::all_of(out.pixels.begin(), out.pixels.end(),
                        [&](std::uint8_t pixel) { return pixel == byte; }));
    }
  }
}

TEST_CASE("shrinking averages instead of dropping pixels", "[data]") {
  Image checks;
  checks.reshape(1, 64, 64);
  for (std::size_t i = 0; i < checks.pixels.size(); ++i) {
    checks.pixels[i] = (i % 64 + i / 64) % 2 == 0 ? 0 : 200;
  }
  Image out;
  resize(checks, {0, 0, 64, 64}, 8, 8, out);
  for (const std::uint8_t pixel : out.pixels) CHECK(std::abs(pixel - 100) <= 3);
}

TEST_CASE("resizing a part never looks outside of it", "[data]") {
  Image image = plain_image(30, 30, {255});
  for (std::size_t y = 10; y < 20; ++y) {
    for (std::size_t x = 5; x < 20; ++x) image.pixels[y * 30 + x] = 50;
  }
  Image out;
  resize(image, {5, 10, 15, 10}, 6, 6, out);
  CHECK(std::all_of(out.pixels.begin(), out.pixels.end(), [](std::uint8_t p) { return p == 50; }));
}

TEST_CASE("evaluation normalises per channel", "[data]") {
  const OneImage source(plain_image(4, 4, {255, 0, 51}));
  const Transform transform({4, 3, Augment::Small, {{0.5F, 0.25F, 0.2F}, {0.5F, 0.5F, 1.0F}}});
  std::vector<float> values(transform.values());
  transform.evaluate(source, 0, values.data());
  CHECK(values[0] == Approx(1.0));
  CHECK(values[1] == Approx(-0.5));
  CHECK(values[2] == Approx(0.0).margin(1e-6));
}

TEST_CASE("ImageNet's evaluation resizes to 256/224 and crops the middle", "[data]") {
  // The frame is as thick as the border that the crop removes: (256 - 224) / 2 of 256.
  Image image = plain_image(512, 512, {255, 255, 255});
  for (int y = 36; y < 476; ++y) {
    for (int x = 36; x < 476; ++x) image.pixels[static_cast<std::size_t>((y * 512 + x) * 3)] = 0;
  }
  const OneImage source(image);
  const Transform transform(plain(224, 3, Augment::Imagenet));
  std::vector<float> values(transform.values());
  transform.evaluate(source, 0, values.data());
  CHECK(values[0] == Approx(255));  // The frame's last two pixels are inside the crop.
  CHECK(values[(4 * 224 + 4) * 3] == Approx(0).margin(1e-3));
}

TEST_CASE("a random shift moves the image by up to an eighth and fills with black", "[data]") {
  constexpr int kSide = 8;
  const Image image = counting_image(kSide);
  const OneImage source(image);
  const Transform transform(plain(kSide, 1, Augment::Shift));
  std::set<std::pair<int, int>> seen;
  for (std::uint64_t draw = 0; draw < 200; ++draw) {
    const std::vector<int> out = train_once(transform, source, draw);
    bool is_found = false;
    for (int dy = -1; dy <= 1; ++dy) {
      for (int dx = -1; dx <= 1; ++dx) {
        std::vector<int> expected;
        for (int y = 0; y < kSide; ++y) {
          for (int x = 0; x < kSide; ++x) {
            const int from_x = x + dx;
            const int from_y = y + dy;
            const bool inside = from_x >= 0 && from_x < kSide && from_y >= 0 && from_y < kSide;
            expected.push_back(
                inside ? image.pixels[static_cast<std::size_t>(from_y * kSide + from_x)] : 0);
          }
        }
        if (out == expected) {
          is_found = true;
          seen.emplace(dx, dy);
        }
      }
    }
    CHECK(is_found);
  }
  CHECK(seen.size() == 9);
}

TEST_CASE("the small augmentation mirrors half of the images, the shift augmentation none",
          "[data]") {
  Image image = plain_image(16, 16, {0});
  for (std::size_t y = 0; y < 16; ++y) image.pixels[y * 16 + 3] = 200;  // Left of the middle.
  const OneImage source(image);
  for (const Augment augment : {Augment::Small, Augment::Shift}) {
    const Transform transform(plain(16, 1, augment));
    int mirrored = 0;
    for (std::uint64_t draw = 0; draw < 400; ++draw) {
      const std::vector<int> out = train_once(transform, source, draw);
      const auto line = std::find(out.begin() + 7 * 16, out.begin() + 8 * 16, 200);
      if (line - (out.begin() + 7 * 16) > 8) ++mirrored;
    }
    if (augment == Augment::Shift) CHECK(mirrored == 0);
    if (augment == Augment::Small) CHECK(std::abs(mirrored - 200) < 50);
  }
}

TEST_CASE("without augmentation, training and evaluation give the same input", "[data]") {
  const OneImage source(plain_image(50, 40, {1, 200, 30}));
  const Transform transform(plain(16, 3, Augment::None));
  std::vector<float> evaluated(transform.values());
  transform.evaluate(source, 0, evaluated.data());
  std::vector<float> trained(transform.values());
  Rng rng(1, "test");
  transform.train(source, 0, rng, trained.data());
  CHECK(evaluated == trained);
}

TEST_CASE("random resized crops vary in size and always lie inside the image", "[data]") {
  // Pixel values grow to the right, so the values at the edges show the crop's extent.
  Image ramp;
  ramp.reshape(1, 100, 200);
  for (std::size_t i = 0; i < ramp.pixels.size(); ++i) {
    ramp.pixels[i] = static_cast<std::uint8_t>(i % 200);
  }
  const OneImage source(ramp);
  const Transform transform(plain(10, 1, Augment::Imagenet));
  std::set<std::vector<int>> seen;
  for (std::uint64_t draw = 0; draw < 100; ++draw) {
    const std::vector<int> out = train_once(transform, source, draw);
    for (const int value : out) CHECK((value >= 0 && value <= 255));
    seen.insert(out);
  }
  CHECK(seen.size() > 95);
}

TEST_CASE("the random resized crop handles images of extreme shape", "[data]") {
  for (const auto& [width, height] : {std::pair{1, 1}, {1, 300}, {300, 1}, {2, 3}}) {
    const OneImage source(plain_image(width, height, {128, 128, 128}));
    const Transform transform(plain(32, 3, Augment::Imagenet));
    CHECK(train_once(transform, source, 1).size() == 32 * 32 * 3);
  }
}

TEST_CASE("colour jitter keeps values in range and grey pixels grey", "[data]") {
  for (std::uint64_t draw = 0; draw < 50; ++draw) {
    std::vector<float> pixels{0.0F, 0.0F, 0.0F, 0.5F, 0.5F, 0.5F,
                              1.0F, 1.0F, 1.0F, 0.9F, 0.1F, 0.4F};
    Rng rng(2, "jitter", draw);
    jitter_colours(pixels.data(), 4, 3, draw_jitter(rng));
    for (const float value : pixels) CHECK((value >= 0.0F && value <= 1.0F));
    for (std::size_t i = 0; i < 9; i += 3) {
      CHECK(pixels[i] == Approx(pixels[i + 1]).margin(1e-5));
      CHECK(pixels[i] == Approx(pixels[i + 2]).margin(1e-5));
    }
  }
}
