#pragma once

#include <cstdint>
#include <span>

namespace hsconas {

// Sums of floats whose bits depend neither on the order of the terms nor on who adds which of them.
// The sum of floats would: a training would end with other weights for every number of processes.
// All terms x of a sum have the same exponent e, with |x| < 2^e. They are rounded to multiples of
// 2^(e - b) and added as integers, which is exact. With n terms, b = 30 - ceil(log2 n), so that
// 32 bits hold the sum. The error of a mean, before it is rounded to float, is at most
// 2^(e - b - 1): for a few terms, less than the rounding of the largest terms to float.

/// The smallest e with |x| < 2^e; a very small number for 0. `x` must be finite.
std::int32_t exponent_of(double x);

/// Adds each of `terms` to the sum at its place. `count` is the number of terms of each sum.
void add_terms(std::span<const float> terms, std::int32_t exponent, int count,
               std::span<std::int32_t> sums);

/// The means of the terms, from their sums.
void take_means(std::span<const std::int32_t> sums, std::int32_t exponent, int count,
                std::span<float> means);

}  // namespace hsconas
