#pragma once

#include <cstdint>
#include <span>

namespace hsconas {

// Sums of gradients that have the same bits in whatever order the terms are added, and whichever
// process adds which of them. Sums of floats do not: a training would end with other weights for
// every number of processes. Here all terms x of a sum share an exponent e with |x| < 2^e. They are
// rounded to multiples of 2^(e - b) and added as 32-bit integers, which is exact. For n terms,
// b = 30 - ceil(log2 n), so that the sum fits. The error of a mean, before it is rounded to float,
// is at most 2^(e - b - 1): for a few terms, less than the rounding of the largest terms to float.

/// The smallest e with |x| < 2^e; a very small number for 0. `x` must be finite.
std::int32_t exponent_of(double x);

/// A term is multiplied by this, 2^(b - e), before it is rounded to an integer, half away from
/// zero.
double scale_of_terms(std::int32_t exponent, int count);
/// A sum of integers is multiplied by this to become the mean of the terms.
double scale_of_means(std::int32_t exponent, int count);

/// Adds each of `terms` to the sum at its place. `count` is the number of terms of each sum.
void add_terms(std::span<const float> terms, std::int32_t exponent, int count,
               std::span<std::int32_t> sums);

/// The means of the terms, from their sums.
void take_means(std::span<const std::int32_t> sums, std::int32_t exponent, int count,
                std::span<float> means);

}  // namespace hsconas
