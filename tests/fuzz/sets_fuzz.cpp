// Fuzzes the readers of binary data sets. The first byte selects one: 'i' IDX, 'c' CIFAR-10, 'f'
// CIFAR-100. The second byte gives the place where the rest is split into the files of labels and
// images of IDX; CIFAR has one file.
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <string>
#include <unistd.h>

#include "fuzz/fuzz.hpp"
#include "hsconas/data/binary_sets.hpp"

using namespace hsconas;
namespace fs = std::filesystem;

namespace {

/// Makes a folder, in memory if possible.
fs::path scratch() {
  std::string name = (fs::exists("/dev/shm") ? "/dev/shm" : "/tmp") + std::string("/fuzz-XXXXXX");
  if (::mkdtemp(name.data()) == nullptr) std::abort();
  return name;
}

void write(const fs::path& path, std::string_view bytes) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  if (file < 0 || ::write(file, bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size())) {
    std::abort();
  }
  ::close(file);
}

struct Folders {
  fs::path root = scratch();
  fs::path idx = root / "idx";
  fs::path cifar = root / "cifar";

  Folders() {
    fs::create_directories(idx);
    fs::create_directories(cifar);
  }
  ~Folders() {
    std::error_code ignored;
    fs::remove_all(root, ignored);
  }
};

void use(const TrainTest& set) {
  Image image;
  for (std::int64_t i = 0; i < set.train->size(); ++i) set.train->load(i, image, 0);
}

void read_as_idx(const Folders& folders, std::string_view bytes, std::size_t labels) {
  const std::size_t cut = labels % (bytes.size() + 1);
  for (const char* part : {"train", "t10k"}) {
    write(folders.idx / (std::string(part) + "-images-idx3-ubyte"), bytes.substr(cut));
    write(folders.idx / (std::string(part) + "-labels-idx1-ubyte"), bytes.substr(0, cut));
  }
  use(read_idx(folders.idx));
}

void read_as_cifar(const Folders& folders, std::string_view bytes, CifarKind kind) {
  write(folders.cifar / "train_test.bin", bytes);
  use(read_cifar(folders.cifar, kind));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Folders folders;
  if (size < 2) return 0;
  const std::string_view bytes = fuzz::text_of(data + 2, size - 2);
  fuzz::read_must_not_break([&] {
    if (data[0] == 'i') read_as_idx(folders, bytes, data[1]);
    if (data[0] == 'c') read_as_cifar(folders, bytes, CifarKind::Cifar10);
    if (data[0] == 'f') read_as_cifar(folders, bytes, CifarKind::Cifar100);
  });
  return 0;
}
