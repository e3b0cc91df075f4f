#include "kernel.hpp"

#include <cmath>
#include <utility>
#include <vector>

namespace hsconas {

namespace {

std::size_t hamming_distance(const Genes& a, const Genes& b) {
  const int* left = a.data();
  const int* right = b.data();
  int different = 0;  // An int, like the genes, so that compilers vectorise the loop.
  for (std::size_t i = 0; i < a.size(); ++i) different += left[i] != right[i] ? 1 : 0;
  return static_cast<std::size_t>(different);
}

/// A kernel that depends on the Hamming distance only; `by_distance` has a value for each.
Kernel kernel_of(std::vector<double> by_distance) {
  return
      [by_distance = std::move(by_distance)](std::span<const Genes> a, std::span<const Genes> b) {
        Eigen::MatrixXd result(std::ssize(a), std::ssize(b));
        for (std::size_t j = 0; j < b.size(); ++j) {
          for (std::size_t i = 0; i < a.size(); ++i) {
            result(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(j)) =
                by_distance[hamming_distance(a[i], b[j])];
          }
        }
        return result;
      };
}

}  // namespace

Kernel hamming_kernel(std::size_t axes, double length) {
  std::vector<double> by_distance;
  for (std::size_t distance = 0; distance <= axes; ++distance) {
    by_distance.push_back(std::exp(-static_cast<double>(distance) / length));
  }
  return kernel_of(std::move(by_distance));
}

Kernel pairs_kernel(std::size_t axes) {
  const auto product = [](std::size_t equal) {
    const auto genes = static_cast<double>(equal);
    return 1.0 + genes + genes * (genes - 1.0) / 2.0;
  };
  std::vector<double> by_distance;
  for (std::size_t distance = 0; distance <= axes; ++distance) {
    by_distance.push_back(product(axes - distance) / product(axes));
  }
  return kernel_of(std::move(by_distance));
}

}  // namespace hsconas
