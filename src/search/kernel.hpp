#pragma once

#include <functional>
#include <span>

#include <Eigen/Dense>

#include "hsconas/embed/embeddings.hpp"
#include "hsconas/space/region.hpp"

namespace hsconas {

/// How alike members of a region are before any score is known: entry (i, j) is the correlation of
/// the scores of a[i] and b[j]. A member is 1 with itself, and the matrix of any members is
/// positive semidefinite.
using Kernel = std::function<Eigen::MatrixXd(std::span<const Genes> a, std::span<const Genes> b)>;

/// exp(-d / length) with the Hamming distance d, the number of genes that differ. `length` > 0.
Kernel hamming_kernel(std::size_t axes, double length);

/// exp(-d / length) with the Euclidean distance d of the embeddings. Genes must be canonical, and
/// `embeddings` must outlive the kernel.
Kernel embedding_kernel(const Embeddings& embeddings, double length);
/// The mean of d over all pairs of `genes`; 1 if all are equal.
double mean_distance(const Embeddings& embeddings, std::span<const Genes> genes);

/// 1 only for members that both kernels take for equal.
Kernel product_kernel(Kernel first, Kernel second);

/// The inner product of two codes, scaled to 1 for equal members. A code has a constant and is
/// one-hot for every gene and every pair of genes, so a ridge regression with this kernel is the
/// one on these columns; but the product depends only on how many genes are equal, so the columns,
/// of which a large space has thousands, are never written down.
Kernel pairs_kernel(std::size_t axes);

}  // namespace hsconas
