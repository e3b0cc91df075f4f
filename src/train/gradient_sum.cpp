#include "hsconas/train/gradient_sum.hpp"

#include <bit>
#include <cmath>
#include <cstddef>

namespace hsconas {

namespace {

/// 2^-kLowest is the smallest float, so no other exponent is needed for 0.
constexpr std::int32_t kLowest = -149;

/// b, see the header.
int bits_for(int count) {
  return 30 - static_cast<int>(std::bit_width(static_cast<unsigned>(count) - 1U));
}

}  // namespace

std::int32_t exponent_of(double x) {
  if (x == 0.0) return kLowest;
  int exponent = 0;
  std::frexp(x, &exponent);
  return exponent;
}

double scale_of_terms(std::int32_t exponent, int count) {
  return std::ldexp(1.0, bits_for(count) - exponent);
}

double scale_of_means(std::int32_t exponent, int count) {
  return std::ldexp(1.0, exponent - bits_for(count)) / count;
}

void add_terms(std::span<const float> terms, std::int32_t exponent, int count,
               std::span<std::int32_t> sums) {
  const double scale = scale_of_terms(exponent, count);
  for (std::size_t i = 0; i < terms.size(); ++i) {
    // Exact up to the cast, which drops the fraction.
    const double scaled = static_cast<double>(terms[i]) * scale;
    sums[i] += static_cast<std::int32_t>(scaled + (scaled < 0.0 ? -0.5 : 0.5));
  }
}

void take_means(std::span<const std::int32_t> sums, std::int32_t exponent, int count,
                std::span<float> means) {
  const double scale = scale_of_means(exponent, count);
  for (std::size_t i = 0; i < sums.size(); ++i) {
    means[i] = static_cast<float>(sums[i] * scale);
  }
}

}  // namespace hsconas
