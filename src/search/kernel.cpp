#include "kernel.hpp"

#include <algorithm>
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

/// The embeddings of `genes` as columns.
Eigen::MatrixXd columns_of(const Embeddings& embeddings, std::span<const Genes> genes) {
  Eigen::MatrixXd columns(static_cast<Eigen::Index>(embeddings.dimensions()), std::ssize(genes));
  for (std::size_t i = 0; i < genes.size(); ++i) {
    const std::span<const double> values = embeddings.of(genes[i]);
    std::copy(values.begin(), values.end(), columns.col(static_cast<Eigen::Index>(i)).data());
  }
  return columns;
}

/// Euclidean distances of columns. The differences are written out, because equal networks must
/// have the distance 0.
Eigen::MatrixXd distances(const Eigen::MatrixXd& a, const Eigen::MatrixXd& b) {
  Eigen::MatrixXd result(a.cols(), b.cols());
  for (Eigen::Index j = 0; j < b.cols(); ++j) {
    for (Eigen::Index i = 0; i < a.cols(); ++i) result(i, j) = (a.col(i) - b.col(j)).norm();
  }
  return result;
}

}  // namespace

Kernel hamming_kernel(std::size_t axes, double length) {
  std::vector<double> by_distance;
  for (std::size_t distance = 0; distance <= axes; ++distance) {
    by_distance.push_back(std::exp(-static_cast<double>(distance) / length));
  }
  return kernel_of(std::move(by_distance));
}

Kernel embedding_kernel(const Embeddings& embeddings, double length) {
  return [&embeddings, length](std::span<const Genes> a,
                               std::span<const Genes> b) -> Eigen::MatrixXd {
    const Eigen::MatrixXd apart = distances(columns_of(embeddings, a), columns_of(embeddings, b));
    return (apart.array() / -length).exp();
  };
}

Kernel product_kernel(Kernel first, Kernel second) {
  return [first = std::move(first), second = std::move(second)](
             std::span<const Genes> a, std::span<const Genes> b) -> Eigen::MatrixXd {
    return first(a, b).cwiseProduct(second(a, b));
  };
}

double mean_distance(const Embeddings& embeddings, std::span<const Genes> genes) {
  const Eigen::MatrixXd columns = columns_of(embeddings, genes);
  const auto count = static_cast<double>(genes.size());
  const double sum = distances(columns, columns).sum();
  return sum > 0.0 ? sum / (count * (count - 1.0)) : 1.0;
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
