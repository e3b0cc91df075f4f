#include "hsconas/data/binary_sets.hpp"

#include <zlib.h>

#include "catch.hpp"
#include "data/support.hpp"
#include "hsconas/base/error.hpp"
#include "hsconas/base/files.hpp"
#include "support/reference_data.hpp"

using namespace hsconas;
using namespace hsconas::test;
using Catch::Matchers::ContainsSubstring;

namespace {

/// A stored CIFAR image: `labels`, then a red, a green and a blue plane of one value each.
std::string cifar_record(const std::string& labels, char red, char green, char blue) {
  return labels + std::string(1024, red) + std::string(1024, green) + std::string(1024, blue);
}

std::string idx_images(std::uint32_t count, std::uint32_t height, std::uint32_t width) {
  return word(2051) + word(count) + word(height) + word(width) +
         std::string(std::size_t{count} * height * width, '\x07');
}

std::string idx_labels(const std::string& labels) {
  return word(2049) + word(static_cast<std::uint32_t>(labels.size())) + labels;
}

void write_gz(const std::filesystem::path& path, const std::string& bytes) {
  const gzFile file = gzopen(path.c_str(), "wb");
  gzwrite(file, bytes.data(), static_cast<unsigned>(bytes.size()));
  gzclose(file);
}

/// A sound set of four training images and one test image, to be broken by the tests.
void write_idx(const TempFolder& folder) {
  folder.write("train-images-idx3-ubyte", idx_images(4, 5, 6));
  folder.write("train-labels-idx1-ubyte", idx_labels(std::string("\0\1\2\1", 4)));
  folder.write("t10k-images.idx3-ubyte", idx_images(1, 5, 6));
  folder.write("t10k-labels.idx1-ubyte", idx_labels("\2"));
}

}  // namespace

TEST_CASE("CIFAR-10 is read plane by plane from every data_batch file", "[data]") {
  const TempFolder folder;
  folder.write("data_batch_1.bin", cifar_record("\3", 1, 2, 3) + cifar_record("\4", 4, 5, 6));
  folder.write("data_batch_2.bin", cifar_record("\5", 7, 8, 9));
  folder.write("test_batch.bin", cifar_record("\6", 1, 1, 1));
  const TrainTest set = read_cifar(folder.path(), CifarKind::Cifar10);
  REQUIRE(set.train->size() == 3);
  CHECK(set.train->label(2) == 5);
  CHECK(set.test->label(0) == 6);
  CHECK(set.classes.at(3) == "3");
  Image image;
  set.train->load(1, image, 0);
  CHECK(image.width == 32);
  CHECK(std::vector<int>(image.pixels.begin(), image.pixels.begin() + 3) ==
        std::vector<int>{4, 5, 6});
}

TEST_CASE("CIFAR-100 uses the fine label", "[data]") {
  const TempFolder folder;
  folder.write("train.bin", cifar_record("\x02\x63", 0, 0, 0));
  folder.write("test.bin", cifar_record("\x01\x07", 0, 0, 0));
  const TrainTest set = read_cifar(folder.path(), CifarKind::Cifar100);
  CHECK(set.train->label(0) == 99);
  CHECK(set.test->label(0) == 7);
  CHECK(set.classes.size() == 100);
}

TEST_CASE("a truncated CIFAR file is an error that names it and the expected size", "[data]") {
  const TempFolder folder;
  folder.write("data_batch_1.bin", cifar_record("\3", 1, 2, 3).substr(0, 3000));
  folder.write("test_batch.bin", cifar_record("\3", 1, 2, 3));
  CHECK_THROWS_WITH(read_cifar(folder.path(), CifarKind::Cifar10),
                    ContainsSubstring("data_batch_1.bin") && ContainsSubstring("3000 bytes") &&
                        ContainsSubstring("3073"));
}

TEST_CASE("a CIFAR label out of range is an error that names the image", "[data]") {
  const TempFolder folder;
  folder.write("data_batch_1.bin", cifar_record("\3", 1, 2, 3) + cifar_record("\x0A", 1, 2, 3));
  folder.write("test_batch.bin", cifar_record("\3", 1, 2, 3));
  CHECK_THROWS_WITH(read_cifar(folder.path(), CifarKind::Cifar10),
                    ContainsSubstring("label 10 of image 1") && ContainsSubstring("[0, 9]"));
}

TEST_CASE("a missing CIFAR part or a wrong list of names is an error", "[data]") {
  const TempFolder folder;
  folder.write("data_batch_1.bin", cifar_record("\3", 1, 2, 3));
  CHECK_THROWS_WITH(read_cifar(folder.path(), CifarKind::Cifar10),
                    ContainsSubstring("*.bin file with test"));
  folder.write("test_batch.bin", cifar_record("\3", 1, 2, 3));
  folder.write("batches.meta.txt", "cat\ndog\n\n");
  CHECK_THROWS_WITH(read_cifar(folder.path(), CifarKind::Cifar10), ContainsSubstring("names 2"));
}

TEST_CASE("IDX files are read with or without gzip, in both spellings of their names", "[data]") {
  const TempFolder folder;
  write_idx(folder);
  write_gz(folder.path() / "train-images-idx3-ubyte.gz", idx_images(4, 5, 6));
  std::filesystem::remove(folder.path() / "train-images-idx3-ubyte");
  const TrainTest set = read_idx(folder.path());
  CHECK(set.train->size() == 4);
  CHECK(set.test->label(0) == 2);
  CHECK(set.classes == std::vector<std::string>{"0", "1", "2"});
  Image image;
  set.train->load(3, image, 0);
  CHECK(image.channels == 1);
  CHECK(image.height == 5);
  CHECK(image.width == 6);
  CHECK(image.pixels.back() == 7);
}

TEST_CASE("a broken IDX file is an error that names it", "[data]") {
  const TempFolder folder;
  write_idx(folder);
  const auto message_with = [&](const std::string& name, const std::string& bytes) {
    write_idx(folder);
    folder.write(name, bytes);
    try {
      read_idx(folder.path());
    } catch (const Error& error) {
      CHECK(error.kind() == ErrorKind::Data);
      return std::string(error.what());
    }
    return std::string("no error");
  };
  const std::string images = "train-images-idx3-ubyte";
  const std::string labels = "train-labels-idx1-ubyte";
  CHECK_THAT(message_with(images, idx_labels("\1")),
             ContainsSubstring(images) && ContainsSubstring("2051"));
  CHECK_THAT(message_with(images, ""), ContainsSubstring(images));
  CHECK_THAT(message_with(images, idx_images(4, 5, 6).substr(0, 100)),
             ContainsSubstring("only 84 bytes"));
  CHECK_THAT(message_with(images, idx_images(4, 5, 6) + "x"),
             ContainsSubstring("more than 120 bytes"));
  CHECK_THAT(message_with(labels, idx_labels("\1\1")),
             ContainsSubstring("2 labels") && ContainsSubstring("4 images"));
  CHECK_THAT(message_with(images, word(2051) + word(0xFFFFFFFF) + word(4000) + word(4000)),
             ContainsSubstring("only 0 bytes"));
  CHECK_THAT(message_with("t10k-labels.idx1-ubyte", idx_labels("\7")),
             ContainsSubstring("up to 7"));
}

TEST_CASE("a truncated gzip file is an error that names it", "[data]") {
  const TempFolder folder;
  write_idx(folder);
  const auto path = folder.path() / "train-images-idx3-ubyte.gz";
  write_gz(path, idx_images(4, 5, 6));
  const std::string packed = read_file(path);
  std::filesystem::remove(folder.path() / "train-images-idx3-ubyte");
  folder.write("train-images-idx3-ubyte.gz", packed.substr(0, packed.size() - 10));
  CHECK_THROWS_WITH(read_idx(folder.path()), ContainsSubstring("train-images-idx3-ubyte.gz"));
}

TEST_CASE("a missing IDX file is an error that names it", "[data]") {
  const TempFolder folder;
  write_idx(folder);
  std::filesystem::remove(folder.path() / "t10k-labels.idx1-ubyte");
  CHECK_THROWS_WITH(read_idx(folder.path()), ContainsSubstring("t10k-labels-idx1-ubyte"));
}

TEST_CASE("Fashion-MNIST is read with its published sizes and labels", "[data]") {
  const auto folder = reference_data("images/fashion_mnist");
  if (!folder) return skip_test(no_reference_data("images/fashion_mnist"));
  const TrainTest set = read_idx(*folder);
  CHECK(set.train->size() == 60000);
  CHECK(set.test->size() == 10000);
  CHECK(set.classes.size() == 10);
  CHECK(set.train->label(0) == 9);  // an ankle boot
}
