#include "hsconas/data/dataset.hpp"

#include <algorithm>
#include <functional>
#include <numeric>
#include <set>

#include <fmt/format.h>

#include "catch.hpp"
#include "data/support.hpp"
#include "hsconas/base/error.hpp"
#include "hsconas/base/files.hpp"
#include "hsconas/data/normalisation.hpp"
#include "hsconas/data/stratify.hpp"

using namespace hsconas;
using namespace hsconas::test;
using Catch::Matchers::ContainsSubstring;

namespace {

Log& silent() {
  static Log log(Verbosity::Quiet, false);
  return log;
}

/// A set with `per_class[c]` grey one-pixel images of each class c; the classes alternate.
Dataset tiny_set(std::vector<int> per_class) {
  std::vector<int> labels;
  for (bool is_done = false; !is_done;) {
    is_done = true;
    for (std::size_t c = 0; c < per_class.size(); ++c) {
      if (per_class[c]-- <= 0) continue;
      labels.push_back(static_cast<int>(c));
      is_done = false;
    }
  }
  std::vector<std::uint8_t> pixels(labels.size(), 128);
  auto source =
      std::make_shared<MemorySource>("tiny", MemorySource::Shape{1, 1, 1}, pixels, labels);
  return {source, source, std::vector<std::string>(per_class.size(), "c"), 1};
}

std::vector<std::int64_t> count_classes(const Dataset& set,
                                        const std::vector<std::int64_t>& indices) {
  std::vector<std::int64_t> count(set.classes.size(), 0);
  for (const std::int64_t i : indices) ++count.at(static_cast<std::size_t>(set.train->label(i)));
  return count;
}

DataConfig with(int holdout, int train) {
  DataConfig config;
  config.holdout_images = holdout;
  config.train_images = train;
  return config;
}

DataConfig folder_config(const std::filesystem::path& path, int image_size = 8) {
  DataConfig config;
  config.format = DataFormat::Folder;
  config.path = path.string();
  config.image_size = image_size;
  return config;
}

}  // namespace

TEST_CASE("the held-out images keep the proportions of the classes", "[data]") {
  const Dataset set = tiny_set({400, 100, 500});
  const Split split = split_training_set(set, with(100, 0), 7);
  CHECK(count_classes(set, split.holdout) == std::vector<std::int64_t>{40, 10, 50});
  CHECK(split.train.size() == 900);
}

TEST_CASE("training and held-out images never overlap and cover the set", "[data]") {
  const Dataset set = tiny_set({33, 34, 33});
  const Split split = split_training_set(set, with(41, 0), 3);
  std::set<std::int64_t> all(split.train.begin(), split.train.end());
  all.insert(split.holdout.begin(), split.holdout.end());
  CHECK(split.holdout.size() == 41);
  CHECK(all.size() == 100);
  CHECK(std::is_sorted(split.train.begin(), split.train.end()));
}

TEST_CASE("the split depends on the seed alone, and fewer training images are a subset", "[data]") {
  const Dataset set = tiny_set({500, 500});
  const Split all = split_training_set(set, with(100, 0), 3);
  const Split again = split_training_set(set, with(100, 0), 3);
  const Split other = split_training_set(set, with(100, 0), 4);
  const Split few = split_training_set(set, with(100, 200), 3);
  CHECK(all.train == again.train);
  CHECK(all.holdout != other.holdout);
  CHECK(few.holdout == all.holdout);
  CHECK(few.train.size() == 200);
  CHECK(count_classes(set, few.train) == std::vector<std::int64_t>{100, 100});
  CHECK(std::includes(all.train.begin(), all.train.end(), few.train.begin(), few.train.end()));
}

TEST_CASE("a split larger than the set is a usage error that names the key", "[data]") {
  const Dataset set = tiny_set({50, 50});
  CHECK_THROWS_WITH(
      split_training_set(set, with(100, 0), 1),
      ContainsSubstring("data.holdout_images is 100") && ContainsSubstring("100 training images"));
  CHECK_THROWS_WITH(split_training_set(set, with(60, 41), 1),
                    ContainsSubstring("data.train_images is 41"));
  try {
    split_training_set(set, with(5000, 0), 1);
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::Usage);
  }
}

TEST_CASE("quotas add up and never exceed a class", "[data]") {
  const std::vector<std::int64_t> sizes{1, 7, 0, 3, 11};
  for (std::int64_t total = 0; total <= 22; ++total) {
    const auto quotas = proportional_quotas(sizes, total);
    CHECK(std::accumulate(quotas.begin(), quotas.end(), std::int64_t{0}) == total);
    for (std::size_t c = 0; c < sizes.size(); ++c) CHECK(quotas[c] <= sizes[c]);
  }
}

TEST_CASE("normalisation is measured when not given", "[data]") {
  std::vector<std::uint8_t> pixels;
  for (int i = 0; i < 50; ++i) pixels.insert(pixels.end(), {0, 51, 255, 255, 51, 255});
  const MemorySource source("pixels", {3, 1, 2}, pixels, std::vector<int>(50, 0));
  const std::vector<std::int64_t> indices = all_indices(source);
  const Pixels measured = measure_normalisation(DataConfig{}, source, indices, 3, 1);
  CHECK(measured.mean[0] == Approx(0.5));
  CHECK(measured.std[0] == Approx(0.5));
  CHECK(measured.mean[1] == Approx(0.2));
  CHECK(measured.std[1] == 1.0F);  // A constant channel is not scaled.

  DataConfig given;
  given.mean = {0.1, 0.2, 0.3};
  given.std = {1, 2, 3};
  CHECK(measure_normalisation(given, source, indices, 3, 1).std[2] == 3.0F);
  given.mean = {0.1};
  CHECK_THROWS_WITH(measure_normalisation(given, source, indices, 3, 1),
                    ContainsSubstring("data.mean must have 3 values"));
}

TEST_CASE("the built-in set opens without a path and its test part can be limited", "[data]") {
  DataConfig config;
  config.test_images = 100;
  const Dataset set = open_dataset(config, 1, silent());
  CHECK(set.channels == 3);
  REQUIRE(set.test->size() == 100);
  std::vector<int> count(10, 0);
  for (std::int64_t i = 0; i < 100; ++i) ++count.at(static_cast<std::size_t>(set.test->label(i)));
  CHECK(count == std::vector<int>(10, 10));
  config.test_images = 2001;
  CHECK_THROWS_WITH(open_dataset(config, 1, silent()),
                    ContainsSubstring("data.test_images is 2001"));
}

TEST_CASE("a wrong format or path is an error that names the key", "[data]") {
  DataConfig config;
  config.format = DataFormat::Cifar10;
  CHECK_THROWS_WITH(open_dataset(config, 1, silent()), ContainsSubstring("data.path must be set"));
  config.path = "/no/such/folder";
  CHECK_THROWS_WITH(open_dataset(config, 1, silent()),
                    ContainsSubstring("data.path: /no/such/folder does not exist"));
  CHECK_THROWS_WITH(open_dataset(folder_config("/"), 1, silent()),
                    ContainsSubstring("must hold a folder train/"));
}

#if HSCONAS_HAVE_JPEG

TEST_CASE("a folder set gives the same images from memory as decoded on the fly", "[data]") {
  const TempFolder folder;
  for (int i = 0; i < 6; ++i) {
    const auto value = static_cast<std::uint8_t>(40 * i);
    const std::string file = encode_jpeg(plain_image(30 + i, 20, {value, 90, 10}));
    for (const char* part : {"train/a/", "train/b/", "val/a/", "val/b/"}) {
      folder.write(part + std::to_string(i) + ".jpg", file);
    }
  }
  DataConfig config = folder_config(folder.path());
  const Dataset kept = open_dataset(config, 1, silent());
  config.memory_mb = 0;
  const Dataset streamed = open_dataset(config, 1, silent());
  REQUIRE(kept.train->size() == 12);
  REQUIRE(kept.test->size() == 12);
  const Preprocessing how{8, 3, Augment::Small, {{0, 0, 0}, {1, 1, 1}}};
  const Transform transform(how);
  std::vector<float> a(transform.values());
  std::vector<float> b(transform.values());
  for (std::int64_t i = 0; i < 12; ++i) {
    Rng rng_a(1, "x");
    Rng rng_b(1, "x");
    transform.train(*kept.train, i, rng_a, a.data());
    transform.train(*streamed.train, i, rng_b, b.data());
    CHECK(a == b);
  }
}

TEST_CASE("test-folder-choice: the test part is the first one with the classes of train/",
          "[data]") {
  const TempFolder folder;
  const std::string file = encode_jpeg(plain_image(9, 9, {1, 2, 3}));
  for (const char* image : {"train/a/1.jpg", "train/b/1.jpg", "val/a/1.jpg", "val/b/1.jpg",
                            "val/b/2.jpg", "test/unlabelled/1.jpg"}) {
    folder.write(image, file);
  }
  const auto messages_of = [&](auto&& open) {
    const auto path = folder.path() / "log.txt";
    std::filesystem::remove(path);
    Log log(Verbosity::Quiet, false);
    log.attach_file(path);
    open(log);
    return read_file(path);
  };
  const DataConfig config = folder_config(folder.path());
  const std::string chosen = messages_of([&](Log& log) {
    CHECK(open_dataset(config, 1, log).test->size() == 3);
    CHECK(open_test_set(config, {"a", "b"}, 1, log).test->size() == 3);
  });
  CHECK_THAT(chosen, ContainsSubstring("val is the test part"));

  // A class without test images is a warning that names it; a part without images is an error.
  folder.write("test/a/1.jpg", file);
  std::filesystem::remove_all(folder.path() / "test/unlabelled");
  std::filesystem::create_directory(folder.path() / "test/b");
  const std::string empty = messages_of([&](Log& log) {
    CHECK(open_dataset(config, 1, log).test->size() == 1);
    CHECK(open_test_set(config, {"a", "b"}, 1, log).test->size() == 1);
  });
  CHECK_THAT(empty, ContainsSubstring("test is the test part") &&
                        ContainsSubstring("test: class 'b' has no JPEG or PNG image"));
  // A folder with only empty class folders is passed over if another has images.
  std::filesystem::remove(folder.path() / "test/a/1.jpg");
  folder.write("test/b/readme.txt", "to be filled");
  const std::string passed_over = messages_of([&](Log& log) {
    CHECK(open_dataset(config, 1, log).test->size() == 3);
    CHECK(open_test_set(config, {"a", "b"}, 1, log).test->size() == 3);
  });
  CHECK_THAT(passed_over, ContainsSubstring("val is the test part") &&
                              ContainsSubstring("test: holds no JPEG or PNG image, so it is not"));
  std::filesystem::remove_all(folder.path() / "val");
  for (const auto& open : {std::function<void()>([&] { open_dataset(config, 1, silent()); }),
                           std::function<void()>([&] {
                             open_test_set(config, {"a", "b"}, 1, silent());
                           })}) {
    CHECK_THROWS_WITH(open(), ContainsSubstring("test: holds no JPEG or PNG image; put images") &&
                                  ContainsSubstring("delete this one"));
  }
}

#if HSCONAS_HAVE_PNG

TEST_CASE("where no image can be read, the error says what is wrong with the first", "[data]") {
  const TempFolder folder;
  const std::string file = encode_jpeg(plain_image(9, 9, {1, 2, 3}));
  const std::vector<std::uint8_t> pixels(27, 100);
  const std::string png = encode_png(3, 3, PNG_FORMAT_RGB, pixels.data());
  const std::string apple = png.substr(0, 8) + word(4) + "CgBI" + word(1) + word(1) + png.substr(8);
  for (const char* image : {"train/a/1.jpg", "train/b/1.jpg"}) folder.write(image, file);
  for (const char* image : {"val/a/1.png", "val/a/2.png", "val/b/1.png"}) {
    folder.write(image, apple);
  }
  DataConfig config = folder_config(folder.path());
  const std::string first = (folder.path() / "val/a/1.png").string() + ": an Apple CgBI file";
  for (const auto& open : {std::function<void()>([&] { open_dataset(config, 1, silent()); }),
                           std::function<void()>([&] {
                             open_test_set(config, {"a", "b"}, 1, silent());
                           })}) {
    CHECK_THROWS_WITH(open(), ContainsSubstring("val: holds no JPEG or PNG image that can be read "
                                                "(the first: " +
                                                first));
  }
  // The same holds for a class of the training part,
  folder.write("val/a/1.png", png);
  folder.write("val/b/1.png", png);
  std::filesystem::remove(folder.path() / "train/b/1.jpg");
  folder.write("train/b/x.png", apple);
  CHECK_THROWS_WITH(open_dataset(config, 1, silent()),
                    ContainsSubstring("class 'b' has no JPEG or PNG image that can be read") &&
                        ContainsSubstring("train/b/x.png: an Apple CgBI file"));
  // and for damage that only decoding finds.
  folder.write("train/b/x.png", png);
  std::filesystem::remove(folder.path() / "val/a/2.png");
  Image noisy;
  noisy.reshape(3, 32, 32);
  for (std::size_t i = 0; i < noisy.pixels.size(); ++i) {
    noisy.pixels[i] = static_cast<std::uint8_t>(i * i * 31 >> 2U);
  }
  const std::string whole = encode_jpeg(noisy);
  const std::string hole = whole.substr(0, whole.size() / 2) + "\xFF\xD9";
  folder.write("val/a/1.png", hole);
  folder.write("val/b/1.png", hole);
  CHECK_THROWS_WITH(open_dataset(config, 1, silent()),
                    ContainsSubstring("val: holds no JPEG or PNG image that can be read") &&
                        ContainsSubstring("val/a/1.png: "));
}

#endif

TEST_CASE("parts with different classes, or a class without images, are errors", "[data]") {
  const TempFolder folder;
  const std::string file = encode_jpeg(plain_image(9, 9, {1, 2, 3}));
  folder.write("train/a/1.jpg", file);
  CHECK_THROWS_WITH(open_dataset(folder_config(folder.path()), 1, silent()),
                    ContainsSubstring("test/ or val/"));
  folder.write("test/a/1.jpg", file);
  folder.write("test/b/1.jpg", file);
  CHECK_THROWS_WITH(open_dataset(folder_config(folder.path()), 1, silent()),
                    ContainsSubstring("'b' is only in the test part"));
  folder.write("train/b/readme.txt", "x");
  CHECK_THROWS_WITH(open_dataset(folder_config(folder.path()), 1, silent()),
                    ContainsSubstring("class 'b' has no JPEG or PNG image"));
}

#endif

#if HSCONAS_HAVE_PNG
TEST_CASE("a folder set's identity depends on classes, file names and bytes, not on its path",
          "[data]") {
  const auto fill = [](const TempFolder& folder, const std::string& root) {
    for (const char* part : {"train", "val"}) {
      for (int c = 0; c < 2; ++c) {
        for (int i = 0; i < 3; ++i) {
          const std::vector<std::uint8_t> pixels(8 * 8 * 3,
                                                 static_cast<std::uint8_t>(40 * c + 7 * i));
          const std::string bytes = encode_png(8, 8, PNG_FORMAT_RGB, pixels.data());
          folder.write(fmt::format("{}/{}/{}/{}.png", root, part, c == 0 ? "ant" : "bee", i),
                       bytes);
        }
      }
    }
  };
  const TempFolder folder;
  fill(folder, "a");
  fill(folder, "b/c");
  const auto open = [&](const std::string& root) {
    return open_dataset(folder_config(folder.path() / root), 1, silent());
  };
  const Dataset before = open("a");
  CHECK(before.train_identity.images == 6);
  CHECK(before.train_identity == before.test_identity);
  CHECK(open("b/../b/c").train_identity == before.train_identity);
  // Other files, file times and data.memory_mb do not change the identity.
  folder.write("a/train/ant/notes.txt", "none");
  std::filesystem::last_write_time(folder.path() / "a/train/ant/0.png", {});
  DataConfig config = folder_config(folder.path() / "a");
  config.memory_mb = 0;
  CHECK(open_dataset(config, 1, silent()).train_identity == before.train_identity);

  const auto bytes_of = [&](const std::string& name) {
    return read_file(folder.path() / "a/train" / name);
  };
  const auto changed = [&] { return open("a").train_identity != before.train_identity; };
  // Two classes exchange their images.
  std::filesystem::rename(folder.path() / "a/train/ant", folder.path() / "a/train/.ant");
  std::filesystem::rename(folder.path() / "a/train/bee", folder.path() / "a/train/ant");
  std::filesystem::rename(folder.path() / "a/train/.ant", folder.path() / "a/train/bee");
  CHECK(changed());
  CHECK(open("a").test_identity == before.test_identity);
  fill(folder, "a");
  CHECK_FALSE(changed());
  // One image is replaced by another of the same name and size.
  std::string other = bytes_of("bee/1.png");
  other[other.size() / 2] = static_cast<char>(other[other.size() / 2] ^ 1);
  folder.write("a/train/bee/1.png", other);
  CHECK(changed());
  fill(folder, "a");
  folder.write("a/train/bee/9.png", bytes_of("bee/1.png"));
  CHECK(changed());
  CHECK(open("a").train_identity.images == 7);
}
#endif

TEST_CASE("the identity of a set in memory depends on its pixels, labels and class names",
          "[data]") {
  const std::vector<std::string> classes{"a", "b"};
  const auto known_as = [](std::vector<std::uint8_t> pixels, std::vector<int> labels,
                           const std::vector<std::string>& names) {
    const MemorySource source("x", {1, 1, 2}, std::move(pixels), std::move(labels));
    return identify(source, names, 2);
  };
  const DataIdentity before = known_as({1, 2, 3, 4}, {0, 1}, classes);
  CHECK(known_as({1, 2, 3, 4}, {0, 1}, classes) == before);
  CHECK(known_as({1, 2, 3, 5}, {0, 1}, classes) != before);
  CHECK(known_as({1, 2, 3, 4}, {1, 0}, classes) != before);
  CHECK(known_as({3, 4, 1, 2}, {0, 1}, classes) != before);
  CHECK(known_as({1, 2, 3, 4}, {0, 1}, {"a", "c"}) != before);
}
