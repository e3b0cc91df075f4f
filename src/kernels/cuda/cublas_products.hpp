#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cublasLt.h>
#include <cuda_runtime.h>
#include <unordered_map>
#include <vector>

#include "product.hpp"

namespace hsconas::cuda {

/// cuBLASLt's description of a product of one shape, and the algorithm for it.
struct ProductPlan {
  cublasLtMatmulDescOpaque_t operation;
  cublasLtMatrixLayoutOpaque_t left;
  cublasLtMatrixLayoutOpaque_t right;
  cublasLtMatrixLayoutOpaque_t out;
  cublasLtMatmulAlgo_t algorithm;
};

/// Matrix products by cuBLASLt on one stream, summed in fp32: 16-bit inputs give 16-bit outputs of
/// the same type or fp32, and fp32 inputs give fp32, never by way of TF32. cuBLASLt's heuristic
/// chooses an algorithm once per shape, for one fixed workspace. The choice depends only on the
/// shape, the kind of card and cuBLASLt's version, so results repeat bit by bit.
///
/// To be used by one thread at a time, with the device that was current at construction.
class CublasProducts {
 public:
  explicit CublasProducts(cudaStream_t stream);
  ~CublasProducts();
  CublasProducts(const CublasProducts&) = delete;
  CublasProducts& operator=(const CublasProducts&) = delete;

  /// Launches a product. The first product of a shape also asks the heuristic for an algorithm.
  void multiply(const Product& product);

  /// Up to `count` plans; the first one is the fastest by the heuristic's estimate.
  /// Throws Error(Device) if there is none.
  std::vector<ProductPlan> plans(const Product& product, int count) const;
  void run(const ProductPlan& plan, const Product& product) const;

  std::size_t cached() const { return cache_.size(); }

 private:
  /// Everything that a plan depends on.
  using Key = std::array<std::int64_t, 11>;
  struct HashOfKey {
    std::size_t operator()(const Key& key) const;
  };

  static Key key_of(const Product& product);

  cudaStream_t stream_;
  cublasLtHandle_t handle_ = nullptr;
  void* workspace_ = nullptr;
  std::size_t workspace_bytes_ = 0;
  std::unordered_map<Key, ProductPlan, HashOfKey> cache_;
};

}  // namespace hsconas::cuda
