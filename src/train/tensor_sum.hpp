#pragma once

#include <cstdint>

#include <torch/types.h>

namespace hsconas {

// The sums of gradient_sum.hpp for tensors on any device, where they have the same bits as on the
// host.

/// Adds each of `terms` (fp32) to the sum (int32) at its place.
void add_terms(const torch::Tensor& terms, std::int32_t exponent, int count,
               const torch::Tensor& sums);

/// The means (fp32) of the terms, from their sums.
torch::Tensor means_of(const torch::Tensor& sums, std::int32_t exponent, int count);

/// add_terms() and means_of() by LibTorch's operations, for memory that the host cannot read.
void add_terms_on_device(const torch::Tensor& terms, std::int32_t exponent, int count,
                         const torch::Tensor& sums);
torch::Tensor means_on_device(const torch::Tensor& sums, std::int32_t exponent, int count);

}  // namespace hsconas
