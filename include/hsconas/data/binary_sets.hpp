#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "hsconas/data/image_source.hpp"

namespace hsconas {

/// The training and test parts of a data set that is read into memory completely.
struct TrainTest {
  std::shared_ptr<const ImageSource> train;
  std::shared_ptr<const ImageSource> test;
  std::vector<std::string> classes;
};

enum class CifarKind { Cifar10, Cifar100 };

/// Reads CIFAR's binary version from `folder`: every *.bin file whose name contains "data_batch" or
/// "train" is training data, every one with "test" is test data. An image is stored as a label byte
/// (CIFAR-100: the coarse label, which is ignored, then the fine label) followed by 3,072 bytes:
/// the red, green and blue planes. Class names are read from batches.meta.txt or
/// fine_label_names.txt; without that file they are numbers.
/// Throws Error(Data) that names the file when one is missing, truncated or holds a wrong label.
/// Source: https://www.cs.toronto.edu/~kriz/cifar.html
TrainTest read_cifar(const std::filesystem::path& folder, CifarKind kind);

/// Reads grey images in the IDX format of MNIST and Fashion-MNIST from `folder`: train-images,
/// train-labels, t10k-images and t10k-labels, each followed by "-idx3-ubyte" or ".idx3-ubyte"
/// (labels: idx1), plain or with .gz. Class names are the numbers from 0 to the largest label.
/// Throws Error(Data) that names the file when one is missing or contradicts its header.
/// Source: http://yann.lecun.com/exdb/mnist
TrainTest read_idx(const std::filesystem::path& folder);

}  // namespace hsconas
