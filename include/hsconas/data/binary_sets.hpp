#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "hsconas/data/image_source.hpp"

namespace hsconas {

/// Both parts of a data set that is read into memory whole.
struct TrainTest {
  std::shared_ptr<const ImageSource> train;
  std::shared_ptr<const ImageSource> test;
  std::vector<std::string> classes;
};

enum class CifarKind { Cifar10, Cifar100 };

/// Reads CIFAR's binary version from `folder`: every *.bin file whose name contains "data_batch" or
/// "train" is training data, every one with "test" is test data. One image is its label (CIFAR-100:
/// the coarse label, which is not used, and the fine one) and 3,072 bytes, colour plane by plane.
/// Class names come from batches.meta.txt or fine_label_names.txt when there, else are numbers.
/// Throws Error(Data) that names the file when one is missing, truncated or holds a wrong label.
/// Source: https://www.cs.toronto.edu/~kriz/cifar.html
TrainTest read_cifar(const std::filesystem::path& folder, CifarKind kind);

/// Reads grey images in the IDX format of MNIST and Fashion-MNIST from `folder`: train-images,
/// train-labels, t10k-images and t10k-labels, each followed by "-idx3-ubyte" or ".idx3-ubyte"
/// (labels: idx1), as they are or with .gz. Classes are the numbers from 0 to the largest label.
/// Throws Error(Data) that names the file when one is missing or is not what its header says.
/// Source: http://yann.lecun.com/exdb/mnist
TrainTest read_idx(const std::filesystem::path& folder);

}  // namespace hsconas
