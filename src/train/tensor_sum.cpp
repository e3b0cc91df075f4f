#include "tensor_sum.hpp"

#include <cstddef>
#include <span>
#include <type_traits>

#include <torch/types.h>
#include <torch/utils.h>

#include "hsconas/train/gradient_sum.hpp"

namespace hsconas {

namespace {

template <typename T>
std::span<T> span_of(const torch::Tensor& values) {
  return {values.data_ptr<std::remove_const_t<T>>(), static_cast<std::size_t>(values.numel())};
}

}  // namespace

void add_terms_on_device(const torch::Tensor& terms, std::int32_t exponent, int count,
                         const torch::Tensor& sums) {
  const torch::Tensor scaled = terms.to(torch::kDouble).mul_(scale_of_terms(exponent, count));
  // The conversion to integers drops the fraction.
  const torch::Tensor half = torch::copysign(torch::full({}, 0.5, scaled.options()), scaled);
  torch::Tensor(sums).add_((scaled + half).to(torch::kInt));
}

torch::Tensor means_on_device(const torch::Tensor& sums, std::int32_t exponent, int count) {
  return sums.to(torch::kDouble).mul_(scale_of_means(exponent, count)).to(torch::kFloat);
}

void add_terms(const torch::Tensor& terms, std::int32_t exponent, int count,
               const torch::Tensor& sums) {
  if (!terms.device().is_cpu()) return add_terms_on_device(terms, exponent, count, sums);
  add_terms(span_of<const float>(terms), exponent, count, span_of<std::int32_t>(sums));
}

torch::Tensor means_of(const torch::Tensor& sums, std::int32_t exponent, int count) {
  if (!sums.device().is_cpu()) return means_on_device(sums, exponent, count);
  torch::Tensor means = torch::empty(sums.sizes(), torch::kFloat);
  take_means(span_of<const std::int32_t>(sums), exponent, count, span_of<float>(means));
  return means;
}

}  // namespace hsconas
