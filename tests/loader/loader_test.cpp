#include "hsconas/loader/loader.hpp"

#include <map>
#include <memory>
#include <thread>

#include <torch/cuda.h>
#include <torch/types.h>

#include "catch.hpp"
#include "hsconas/base/error.hpp"
#include "support/errors.hpp"
#include "support/host_image_feed.hpp"

using namespace hsconas;

namespace {

/// `count` 8 x 8 colour images; image i has first pixel i and label i % 3.
std::shared_ptr<const MemorySource> numbered_images(int count) {
  const MemorySource::Shape shape{3, 8, 8};
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(count) * shape.bytes());
  std::vector<int> labels;
  for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
    for (std::size_t k = 0; k < shape.bytes(); ++k) {
      pixels[i * shape.bytes() + k] = static_cast<std::uint8_t>(k == 0 ? i : k * 7 + i * 13);
    }
    labels.push_back(static_cast<int>(i % 3));
  }
  return std::make_shared<MemorySource>("numbered", shape, std::move(pixels), std::move(labels));
}

/// The same images, but not in memory and each of a different size.
class DecodedSource : public ImageSource {
 public:
  explicit DecodedSource(std::shared_ptr<const ImageSource> kept) : kept_(std::move(kept)) {}
  std::int64_t size() const override { return kept_->size(); }
  int label(std::int64_t i) const override { return kept_->label(i); }
  void load(std::int64_t i, Image& out, int /*min_side*/) const override {
    thread_local Image small;
    kept_->load(i, small, 0);
    const int width = 8 + static_cast<int>(i % 13);
    const int height = 8 + static_cast<int>(i % 7);
    resize(small, {0, 0, small.width, small.height}, width, height, out);
  }
  std::string describe(std::int64_t i) const override { return kept_->describe(i); }

 private:
  std::shared_ptr<const ImageSource> kept_;
};

/// A source whose load() throws for one image, like a damaged file.
class BrokenSource : public ImageSource {
 public:
  BrokenSource(std::shared_ptr<const ImageSource> sound, std::int64_t broken)
      : sound_(std::move(sound)), broken_(broken) {}
  std::int64_t size() const override { return sound_->size(); }
  int label(std::int64_t i) const override { return sound_->label(i); }
  void load(std::int64_t i, Image& out, int min_side) const override {
    if (i == broken_) throw Error(ErrorKind::Data, "x.jpg: damaged");
    sound_->load(i, out, min_side);
  }
  std::string describe(std::int64_t i) const override { return sound_->describe(i); }

 private:
  std::shared_ptr<const ImageSource> sound_;
  std::int64_t broken_;
};

std::vector<std::int64_t> first(std::int64_t count) {
  std::vector<std::int64_t> indices;
  for (std::int64_t i = 0; i < count; ++i) indices.push_back(i);
  return indices;
}

Preprocessing bytes(Augment augment, int side = 8) {
  constexpr float kStep = 1.0F / 255.0F;
  return {side, 3, augment, {{0, 0, 0}, {kStep, kStep, kStep}}};
}

std::vector<Batch> take(TrainLoader& loader, int steps) {
  std::vector<Batch> batches;
  for (int i = 0; i < steps; ++i) batches.push_back(loader.next());
  return batches;
}

/// `options` for a GPU that is simulated on the CPU.
TrainLoader::Options on_device(TrainLoader::Options options) {
  options.make_feed = test::make_host_image_feed;
  return options;
}

bool equal(const Batch& a, const Batch& b) {
  return torch::equal(a.images, b.images) && torch::equal(a.labels, b.labels);
}

}  // namespace

TEST_CASE("batches are float and channels-last, with the labels of their images", "[data]") {
  const auto source = numbered_images(20);
  TrainLoader loader(source, first(20), bytes(Augment::None), {.batch = 4});
  const Batch batch = loader.next();
  CHECK(batch.images.sizes() == torch::IntArrayRef{4, 3, 8, 8});
  CHECK(batch.images.dtype() == torch::kFloat32);
  CHECK(batch.images.is_contiguous(torch::MemoryFormat::ChannelsLast));
  CHECK(batch.labels.dtype() == torch::kInt64);
  for (std::int64_t i = 0; i < 4; ++i) {
    const auto number = std::lround(batch.images[i][0][0][0].item<float>());
    CHECK(batch.labels[i].item<std::int64_t>() == number % 3);
    const auto green = std::lround(batch.images[i][1][0][0].item<float>());
    CHECK(green == (7 + number * 13) % 256);
  }
}

TEST_CASE("a part of a batch has the images and labels of the whole one", "[data]") {
  const auto source = numbered_images(50);
  for (const bool is_decoded : {false, true}) {
    const std::shared_ptr<const ImageSource> images =
        is_decoded ? std::make_shared<DecodedSource>(source)
                   : std::static_pointer_cast<const ImageSource>(source);
    for (const Augment augment : {Augment::Small, Augment::Imagenet}) {
      for (const bool on_a_device : {false, true}) {
        CAPTURE(is_decoded, on_a_device);
        const auto options_of = [&](int from, int count) {
          const TrainLoader::Options options{.batch = 12,
                                             .first_image = from,
                                             .images = count,
                                             .seed = 5,
                                             .first_step = 3,
                                             .workers = 2};
          return on_a_device ? on_device(options) : options;
        };
        TrainLoader whole(images, first(50), bytes(augment), options_of(0, 0));
        TrainLoader begin(images, first(50), bytes(augment), options_of(0, 4));
        TrainLoader middle(images, first(50), bytes(augment), options_of(4, 3));
        TrainLoader rest(images, first(50), bytes(augment), options_of(7, 0));
        CHECK(middle.steps_per_epoch() == whole.steps_per_epoch());
        for (int step = 0; step < 10; ++step) {
          const Batch all = whole.next();
          const std::vector<Batch> parts{begin.next(), middle.next(), rest.next()};
          CHECK(parts[1].labels.size(0) == 3);
          CHECK(parts[1].images.is_contiguous(torch::MemoryFormat::ChannelsLast));
          CHECK(equal({torch::cat({parts[0].images, parts[1].images, parts[2].images}),
                       torch::cat({parts[0].labels, parts[1].labels, parts[2].labels})},
                      all));
        }
      }
    }
  }
}

TEST_CASE("the content of a batch does not depend on the number of threads", "[data]") {
  const auto source = numbered_images(50);
  for (const Augment augment : {Augment::Small, Augment::Imagenet}) {
    TrainLoader one(source, first(50), bytes(augment), {.batch = 7, .seed = 5, .workers = 1});
    TrainLoader four(source, first(50), bytes(augment), {.batch = 7, .seed = 5, .workers = 4});
    for (int step = 0; step < 30; ++step) CHECK(equal(one.next(), four.next()));
  }
}

TEST_CASE("a resumed loader continues with the batches of the first run", "[data]") {
  const auto source = numbered_images(50);
  TrainLoader whole(source, first(50), bytes(Augment::Small), {.batch = 8, .seed = 2});
  const std::vector<Batch> batches = take(whole, 25);
  for (const int from : {1, 5, 6, 17}) {  // 6 is the first step of an epoch.
    TrainLoader resumed(source, first(50), bytes(Augment::Small),
                        {.batch = 8, .seed = 2, .first_step = from});
    CHECK(resumed.step() == from);
    for (std::size_t i = static_cast<std::size_t>(from); i < 25; ++i) {
      CHECK(equal(resumed.next(), batches[i]));
    }
  }
}

TEST_CASE("an epoch uses every image at most once, in a new order", "[data]") {
  const auto source = numbered_images(50);
  TrainLoader loader(source, first(50), bytes(Augment::None), {.batch = 8});
  REQUIRE(loader.steps_per_epoch() == 6);
  std::vector<std::vector<long>> orders;
  for (int epoch = 0; epoch < 3; ++epoch) {
    std::map<long, int> uses;
    orders.emplace_back();
    for (const Batch& batch : take(loader, 6)) {
      for (std::int64_t i = 0; i < 8; ++i) {
        const long number = std::lround(batch.images[i][0][0][0].item<float>());
        ++uses[number];
        orders.back().push_back(number);
      }
    }
    CHECK(uses.size() == 48);
  }
  CHECK(orders[0] != orders[1]);
  CHECK(orders[1] != orders[2]);
}

TEST_CASE("augmentation differs from epoch to epoch and with the seed", "[data]") {
  const auto source = numbered_images(1);
  TrainLoader loader(source, first(1), bytes(Augment::Small), {.batch = 1, .seed = 1});
  int changes = 0;
  Batch last = loader.next();
  for (int i = 0; i < 40; ++i) {
    const Batch batch = loader.next();
    changes += equal(batch, last) ? 0 : 1;
    last = batch;
  }
  CHECK(changes > 20);
}

TEST_CASE("a decoding error is thrown to the caller with the batch that it belongs to", "[data]") {
  const auto source = std::make_shared<BrokenSource>(numbered_images(12), 7);
  TrainLoader loader(source, first(12), bytes(Augment::None), {.batch = 4, .workers = 3});
  int errors = 0;
  for (int step = 0; step < 3; ++step) {
    try {
      loader.next();
    } catch (const Error& error) {
      ++errors;
      CHECK(std::string(error.what()) == "x.jpg: damaged");
    }
  }
  CHECK(errors == 1);
  CHECK_THROWS_AS(load_all(*source, first(12), bytes(Augment::None), 5, 2), Error);
}

TEST_CASE("a loader can be destroyed at any moment", "[data]") {
  const auto source = numbered_images(64);
  for (int i = 0; i < 20; ++i) {
    TrainLoader loader(source, first(64), bytes(Augment::Imagenet, 32),
                       {.batch = 32, .workers = 3});
    if (i % 2 == 0) loader.next();
  }
  SUCCEED();
}

TEST_CASE("a batch larger than the set is a usage error", "[data]") {
  const auto source = numbered_images(5);
  const std::string error =
      error_of([&] { TrainLoader(source, first(5), bytes(Augment::None), {.batch = 6}); });
  CHECK(contains(error, "usage: "));
  CHECK(contains(error, "a batch of 6 images cannot be drawn from 5"));
}

TEST_CASE("evaluation batches keep the order and the last one may be smaller", "[data]") {
  const auto source = numbered_images(23);
  const std::vector<std::int64_t> indices{22, 3, 4, 0, 9, 11, 12};
  for (const int workers : {1, 3}) {
    const auto batches = load_all(*source, indices, bytes(Augment::Small), 3, workers);
    REQUIRE(batches.size() == 3);
    CHECK(batches[2].images.size(0) == 1);
    std::vector<std::int64_t> numbers;
    for (const Batch& batch : batches) {
      for (std::int64_t i = 0; i < batch.images.size(0); ++i) {
        numbers.push_back(std::lround(batch.images[i][0][0][0].item<float>()));
      }
    }
    CHECK(numbers == indices);
  }
  CHECK(load_all(*source, {}, bytes(Augment::None), 3, 1).empty());
}

TEST_CASE("a GPU's batches equal the CPU's, whether the set is resident on the GPU or not",
          "[data]") {
  const auto kept = numbered_images(50);
  const auto decoded = std::make_shared<DecodedSource>(kept);
  for (const std::shared_ptr<const ImageSource>& source :
       {std::shared_ptr<const ImageSource>(kept), std::shared_ptr<const ImageSource>(decoded)}) {
    for (const Augment augment :
         {Augment::None, Augment::Shift, Augment::Small, Augment::Imagenet}) {
      for (const int side : {8, 11}) {
        for (const int memory_mb : {0, 100}) {
          TrainLoader::Options options{
              .batch = 7, .seed = 5, .first_step = 3, .workers = 3, .memory_mb = memory_mb};
          TrainLoader host(source, first(50), bytes(augment, side), options);
          TrainLoader device(source, first(50), bytes(augment, side), on_device(options));
          for (int step = 0; step < 20; ++step) CHECK(equal(device.next(), host.next()));
          CHECK(device.step() == 23);
        }
      }
    }
  }
}

TEST_CASE("a set that fits data.memory_mb is copied to the GPU in pieces", "[data]") {
  // 70,000 images of 32 x 32 x 3 bytes are more than three pieces of 64 MiB.
  const MemorySource::Shape shape{3, 8, 8};
  std::vector<std::uint8_t> pixels(70'000 * shape.bytes());
  for (std::size_t i = 0; i < pixels.size(); ++i) {
    pixels[i] = static_cast<std::uint8_t>(i / shape.bytes() % 251);
  }
  const auto source =
      std::make_shared<MemorySource>("many", shape, std::move(pixels), std::vector<int>(70'000, 1));
  const std::vector<std::int64_t> indices{0, 21'844, 21'845, 43'690, 69'998, 69'999};
  const TrainLoader::Options options{.batch = 6, .workers = 2};
  std::int64_t bytes_per_batch = -1;
  TrainLoader::Options kept = options;
  kept.make_feed = [&](const ImageFeedPlan& plan, ImageFeedMemory memory) {
    bytes_per_batch = plan.bytes;
    return test::make_host_image_feed(plan, std::move(memory));
  };
  TrainLoader host(source, indices, bytes(Augment::Small, 32), options);
  TrainLoader device(source, indices, bytes(Augment::Small, 32), kept);
  CHECK(bytes_per_batch == 0);
  CHECK(equal(device.next(), host.next()));
}

TEST_CASE("with a GPU a decoding error is thrown with the batch that it belongs to", "[data]") {
  const auto source = std::make_shared<BrokenSource>(numbered_images(32), 7);
  TrainLoader device(source, first(32), bytes(Augment::Small),
                     on_device({.batch = 4, .workers = 3}));
  TrainLoader host(source, first(32), bytes(Augment::Small), {.batch = 4, .workers = 3});
  for (int step = 0; step < 40; ++step) {
    const auto next = [](TrainLoader& loader) {
      try {
        return loader.next();
      } catch (const Error&) {
        return Batch{torch::full({1}, -1.0F), torch::full({1}, -1)};
      }
    };
    CHECK(equal(next(device), next(host)));
  }
}

TEST_CASE("a GPU's loader can be destroyed at any moment", "[data]") {
  const auto source = std::make_shared<DecodedSource>(numbered_images(64));
  for (int i = 0; i < 20; ++i) {
    TrainLoader loader(source, first(64), bytes(Augment::Imagenet, 16),
                       on_device({.batch = 32, .workers = 3}));
    if (i % 2 == 0) loader.next();
  }
  SUCCEED();
}

TEST_CASE("a real GPU's batches equal the CPU's", "[.gpu]") {
  if (!torch::cuda::is_available()) return;
  const auto kept = numbered_images(500);
  const auto decoded = std::make_shared<DecodedSource>(kept);
  for (const std::shared_ptr<const ImageSource>& source :
       {std::shared_ptr<const ImageSource>(kept), std::shared_ptr<const ImageSource>(decoded)}) {
    for (const Augment augment :
         {Augment::None, Augment::Shift, Augment::Small, Augment::Imagenet}) {
      for (const int side : {8, 33}) {
        TrainLoader::Options options{.batch = 64, .seed = 5, .workers = 3};
        TrainLoader host(source, first(500), bytes(augment, side), options);
        options.device = torch::Device(torch::kCUDA, 0);
        TrainLoader device(source, first(500), bytes(augment, side), options);
        for (int step = 0; step < 50; ++step) {
          const Batch made = device.next();
#if defined(HSCONAS_CUDA)
          CHECK(made.images.is_cuda());
          CHECK(made.images.is_contiguous(torch::MemoryFormat::ChannelsLast));
#endif
          CHECK(equal({made.images.cpu(), made.labels.cpu()}, host.next()));
        }
      }
    }
  }
}
