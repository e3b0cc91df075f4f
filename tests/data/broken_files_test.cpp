// Image files and binary data sets that are truncated or have one changed byte must either be
// refused with an error that names the file, or decode. A format without checksums cannot detect a
// changed pixel.
#include <fstream>
#include <functional>
#include <string>
#include <zlib.h>

#include "catch.hpp"
#include "data/support.hpp"
#include "hsconas/data/binary_sets.hpp"
#include "hsconas/data/codec.hpp"
#include "support/damage.hpp"
#include "support/errors.hpp"

using namespace hsconas;
using namespace hsconas::test;
namespace fs = std::filesystem;

namespace {

std::string noise(std::size_t count) {
  Rng rng(1, "pixels");
  std::string bytes;
  for (std::size_t i = 0; i < count; ++i) bytes += static_cast<char>(rng.index(256));
  return bytes;
}

std::string idx_images() {
  return word(2051) + word(4) + word(5) + word(6) + noise(120);
}

std::string gzipped(const TempFolder& folder, const std::string& bytes) {
  const std::string path = (folder.path() / "packed").string();
  const gzFile file = gzopen(path.c_str(), "wb");
  gzwrite(file, bytes.data(), static_cast<unsigned>(bytes.size()));
  gzclose(file);
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// The bytes and labels of all images of both parts, one after the other.
std::string pixels_of(const TrainTest& set) {
  std::string all;
  for (const ImageSource* part : {set.train.get(), set.test.get()}) {
    for (std::int64_t i = 0; i < part->size(); ++i) {
      Image image;
      part->load(i, image, 0);
      all += text_of(image.pixels) + std::to_string(part->label(i));
    }
  }
  return all;
}

/// Damages `name` in `folder`; `read` must take the set or throw an error that names the folder.
void check_set(const TempFolder& folder, const std::string& name, const std::string& contents,
               const std::function<std::string()>& read, bool has_checksum) {
  folder.write(name, contents);
  const std::string sound = read();
  for_each_damage(contents, kDamages, [&](const std::string& damaged, const std::string& what) {
    folder.write(name, damaged);
    std::string found;
    const std::string error = error_of([&] { found = read(); });
    CAPTURE(name, what, error);
    if (error == "nothing" && has_checksum && found != sound) FAIL("other images than before");
    if (error != "nothing" && !error.starts_with("data: " + folder.path().string())) {
      FAIL("an error that does not name the file");
    }
  });
  folder.write(name, contents);
}

/// Damages an image file in many ways; it must decode to some image or be refused.
void check_image(const std::string& contents) {
  Image image;
  decode_image(bytes_of(contents), 0, image);
  int refused = 0;
  for_each_damage(contents, kDamages, [&](const std::string& damaged, const std::string& what) {
    CAPTURE(what);
    const std::string error = error_of([&] {
      check_header(bytes_of(damaged), damaged.size());
      decode_image(bytes_of(damaged), 0, image);
    });
    refused += error == "nothing" ? 0 : 1;
    if (error != "nothing" && !error.starts_with("data: ")) FAIL(error);
  });
  CHECK(refused > kDamages / 3);  // Most of the truncated files must be refused.
}

}  // namespace

TEST_CASE("damaged IDX files are refused or read, gzip files never with other contents", "[data]") {
  const TempFolder folder;
  folder.write("train-images-idx3-ubyte", idx_images());
  folder.write("train-labels-idx1-ubyte", word(2049) + word(4) + std::string("\0\1\2\1", 4));
  folder.write("t10k-images-idx3-ubyte", idx_images());
  folder.write("t10k-labels-idx1-ubyte", word(2049) + word(4) + std::string("\0\1\2\1", 4));
  const auto read = [&] { return pixels_of(read_idx(folder.path())); };
  check_set(folder, "train-images-idx3-ubyte", idx_images(), read, false);
  check_set(folder, "train-labels-idx1-ubyte", word(2049) + word(4) + std::string("\0\1\2\1", 4),
            read, false);
  fs::remove(folder.path() / "train-images-idx3-ubyte");
  check_set(folder, "train-images-idx3-ubyte.gz", gzipped(folder, idx_images()), read, true);
}

TEST_CASE("damaged CIFAR files are refused or read", "[data]") {
  const TempFolder folder;
  folder.write("test_batch.bin", std::string("\1").append(noise(3072)));
  check_set(
      folder, "data_batch_1.bin",
      std::string("\2").append(noise(3072)).append("\3").append(noise(3072)),
      [&] { return pixels_of(read_cifar(folder.path(), CifarKind::Cifar10)); }, false);
}

#if HSCONAS_HAVE_JPEG
TEST_CASE("damaged JPEG files are refused or decoded", "[data]") {
  Image image;
  image.reshape(3, 24, 24);
  const std::string pixels = noise(image.pixels.size());
  image.pixels.assign(pixels.begin(), pixels.end());
  check_image(encode_jpeg(image));
}
#endif

#if HSCONAS_HAVE_PNG
TEST_CASE("damaged PNG files are refused or decoded", "[data]") {
  check_image(encode_png(16, 16, PNG_FORMAT_RGB, noise(std::size_t{3} * 16 * 16).data()));
}
#endif
