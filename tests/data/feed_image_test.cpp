// Network inputs that a GPU makes out of image bytes. The same kernels run on the CPU here.
#include "hsconas/data/feed_image.hpp"

#include <cstring>
#include <optional>

#include "catch.hpp"
#include "support/host_image_feed.hpp"

using namespace hsconas;
using namespace hsconas::test;

namespace {

/// Random images of given sizes; image i has label i.
class RandomImages : public ImageSource {
 public:
  RandomImages(int channels, const std::vector<std::pair<int, int>>& sizes) {
    Rng rng(3, "images");
    for (const auto& [width, height] : sizes) {
      Image& image = images_.emplace_back();
      image.reshape(channels, height, width);
      // Images are smooth or noisy, and some bytes are clamped to 0 or 255.
      const int rough = static_cast<int>(rng.below(300)) + 1;
      for (std::size_t i = 0; i < image.pixels.size(); ++i) {
        const int value = static_cast<int>(i % 256) + static_cast<int>(rng.below(600)) % rough;
        image.pixels[i] = static_cast<std::uint8_t>(std::clamp(value - 20, 0, 255));
      }
    }
  }
  std::int64_t size() const override { return static_cast<std::int64_t>(images_.size()); }
  int label(std::int64_t i) const override { return static_cast<int>(i); }
  void load(std::int64_t i, Image& out, int /*min_side*/) const override {
    out = images_[static_cast<std::size_t>(i)];
  }
  std::string describe(std::int64_t /*i*/) const override { return "an image"; }

 private:
  std::vector<Image> images_;
};

Preprocessing normalised(int side, int channels, Augment augment) {
  Preprocessing how{side, channels, augment, {{0.485F}, {0.229F}}};
  if (channels == 3) how.normalisation = {{0.485F, 0.456F, 0.406F}, {0.229F, 0.224F, 0.225F}};
  return how;
}

/// Buffers of a feed that runs on the CPU.
struct Buffers {
  std::vector<ImageRecord> host;  ///< Made of records for their alignment; larger than needed.
  std::vector<ImageRecord> device;
  std::vector<std::uint8_t> squares;
  std::vector<float> values;

  ImageFeedMemory memory() {
    return {.host = {reinterpret_cast<std::uint8_t*>(host.data())},
            .device = {reinterpret_cast<std::uint8_t*>(device.data())},
            .squares = squares.data(),
            .values = values.data()};
  }
};

struct Made {
  std::vector<float> values;
  std::vector<std::int64_t> labels;
};

constexpr std::uint64_t kSeed = 9;

/// The network inputs of all images of `source`, made by Transform.
Made expected(const Transform& transform, const ImageSource& source) {
  const auto count = static_cast<std::size_t>(source.size());
  Made made{std::vector<float>(count * transform.values()), {}};
  for (std::size_t i = 0; i < count; ++i) {
    Rng rng(kSeed, "test", i);
    const auto index = static_cast<std::int64_t>(i);
    transform.train(source, index, rng, &made.values[i * transform.values()]);
    made.labels.push_back(source.label(index));
  }
  return made;
}

/// The same inputs, made by an ImageFeed; also counts the crops that were resized on the host.
Made fed(const Transform& transform, const ImageSource& source, std::int64_t most_bytes,
         int* resized = nullptr) {
  const Preprocessing& how = transform.preprocessing();
  const auto count = static_cast<std::size_t>(source.size());
  ImageFeedPlan plan;
  plan.side = how.image_size;
  plan.channels = how.channels;
  plan.has_crops = how.augment == Augment::Imagenet;
  plan.batch = static_cast<int>(count);
  plan.slots = 1;
  plan.bytes = source.size() * most_bytes;
  for (std::size_t c = 0; c < static_cast<std::size_t>(how.channels); ++c) {
    plan.mean[c] = how.normalisation.mean[c];
    plan.deviation[c] = how.normalisation.std[c];
  }
  const auto records = static_cast<std::size_t>(plan.slot_bytes()) / sizeof(ImageRecord) + 1;
  Buffers buffers{std::vector<ImageRecord>(records),
                  std::vector<ImageRecord>(records),
                  std::vector<std::uint8_t>(count * transform.values()),
                  {}};
  for (const auto& values : transform.value_of()) {
    buffers.values.insert(buffers.values.end(), values.begin(), values.end());
  }
  const auto feed = make_host_image_feed(plan, buffers.memory());
  FeedImage image;
  std::int64_t at = 0;
  for (std::size_t i = 0; i < count; ++i) {
    Rng rng(kSeed, "test", i);
    load_feed_image(transform, source, static_cast<std::int64_t>(i), rng, most_bytes, image);
    REQUIRE(image.bytes() <= most_bytes);
    image.record.at = at;
    image.copy_to(feed->images(0) + at);
    feed->records(0)[i] = image.record;
    at += image.bytes();
    const Rect whole{0, 0, plan.side, plan.side};
    const bool is_square = std::memcmp(&image.part, &whole, sizeof(Rect)) == 0;
    if (resized != nullptr && is_square) ++*resized;
  }
  feed->send(0, at);
  Made made{std::vector<float>(count * transform.values(), -7.0F),
            std::vector<std::int64_t>(count, -1)};
  feed->make(0, plan.batch, made.values.data(), made.labels.data(), nullptr);
  return made;
}

void check_same(const Made& made, const Made& wanted) {
  CHECK(made.labels == wanted.labels);
  REQUIRE(made.values.size() == wanted.values.size());
  // Compares bits, because -0 and 0 are equal as values.
  CHECK(std::memcmp(made.values.data(), wanted.values.data(),
                    wanted.values.size() * sizeof(float)) == 0);
}

std::vector<std::pair<int, int>> many_sizes() {
  std::vector<std::pair<int, int>> sizes{{1, 1},   {1, 300}, {300, 1}, {2, 3},
                                         {33, 33}, {40, 33}, {64, 64}, {65, 131}};
  Rng rng(4, "sizes");
  for (int i = 0; i < 30; ++i) {
    sizes.emplace_back(static_cast<int>(rng.below(150)) + 1, static_cast<int>(rng.below(150)) + 1);
  }
  return sizes;
}

}  // namespace

TEST_CASE("the GPU's kernels give the same bits for squares as the CPU", "[data][cuda]") {
  for (const Augment augment : {Augment::None, Augment::Shift, Augment::Small}) {
    for (const int channels : {1, 3}) {
      for (const int side : {1, 8, 33, 64}) {
        const Transform transform(normalised(side, channels, augment));
        const RandomImages source(channels, many_sizes());
        const auto most = static_cast<std::int64_t>(transform.values());
        check_same(fed(transform, source, most), expected(transform, source));
      }
    }
  }
}

TEST_CASE("the GPU's kernels give the same bits for random crops as the CPU", "[data][cuda]") {
  for (const int channels : {1, 3}) {
    for (const int side : {5, 32, 33, 70}) {
      const Transform transform(normalised(side, channels, Augment::Imagenet));
      const RandomImages source(channels, many_sizes());
      check_same(fed(transform, source, 150 * 150 * channels), expected(transform, source));
    }
  }
}

TEST_CASE("crops that are too large for the GPU are resized on the host, with the same bits",
          "[data][cuda]") {
  const Transform transform(normalised(16, 3, Augment::Imagenet));
  const RandomImages source(3, many_sizes());
  const Made wanted = expected(transform, source);
  int resized = 0;
  check_same(fed(transform, source, 16 * 16 * 3, &resized), wanted);
  CHECK(resized > 10);
  int few = 0;
  check_same(fed(transform, source, 150 * 150 * 3, &few), wanted);
  CHECK(few < resized / 2);
}

TEST_CASE("a crop that needs more weights than the GPU's filter has is resized on the host",
          "[data][cuda]") {
  const Transform transform(normalised(4, 1, Augment::Imagenet));
  const RandomImages source(1, {{200, 200}, {190, 210}, {300, 20}});
  check_same(fed(transform, source, 300 * 300), expected(transform, source));
}

TEST_CASE("an ImageNet-sized image has the same bits on CPU and GPU", "[data][cuda]") {
  const Transform transform(normalised(224, 3, Augment::Imagenet));
  const RandomImages source(3, {{500, 375}, {333, 500}, {500, 375}, {250, 188}, {500, 500}});
  check_same(fed(transform, source, 500 * 500 * 3), expected(transform, source));
}

TEST_CASE("about half of the small images are mirrored, and all shifts occur", "[data][cuda]") {
  const Transform transform(normalised(8, 3, Augment::Small));
  int mirrored = 0;
  int shifts[3] = {};
  for (std::uint64_t i = 0; i < 400; ++i) {
    Rng rng(kSeed, "test", i);
    const ImageRecord record = record_of(transform.draw(rng), 5);
    CHECK(record.label == 5);
    mirrored += record.is_mirrored ? 1 : 0;
    ++shifts[record.shift_x + 1];
  }
  CHECK(std::abs(mirrored - 200) < 50);
  for (const int count : shifts) CHECK(count > 90);
}
