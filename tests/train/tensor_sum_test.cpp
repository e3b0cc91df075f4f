#include "train/tensor_sum.hpp"

#include <vector>

#include <torch/types.h>
#include <torch/utils.h>

#include "catch.hpp"
#include "hsconas/train/gradient_sum.hpp"
#include "supernet/networks.hpp"

using namespace hsconas;

namespace {

/// Random terms, and terms that lie on both sides of where rounding changes and exactly there.
torch::Tensor terms_below(std::int32_t exponent, int count) {
  const auto unit = static_cast<float>(1.0 / scale_of_terms(exponent, count));
  std::vector<float> values{0.0F, -0.0F};
  for (const float steps : {0.25F, 0.5F, 0.75F, 1.0F, 1.5F, 2.5F, 3.5F, 1e6F}) {
    values.push_back(steps * unit);
    values.push_back(-steps * unit);
  }
  const torch::Tensor random = normal_tensor({1000}, 3) * std::ldexp(1.0F, exponent) / 8.0;
  return torch::cat({torch::tensor(values),
                     random.clamp(-std::ldexp(0.99, exponent), std::ldexp(0.99, exponent))});
}

}  // namespace

TEST_CASE("sums of gradients by LibTorch's operations have the bits of those on the host",
          "[train]") {
  for (const int count : {2, 3, 8, 1000}) {
    for (const std::int32_t exponent : {-30, -3, 0, 5}) {
      CAPTURE(count, exponent);
      const torch::Tensor terms = terms_below(exponent, count);
      const torch::Tensor sums = torch::zeros({terms.numel()}, torch::kInt);
      const torch::Tensor on_device = torch::zeros_like(sums);
      for (int i = 0; i < 2; ++i) {
        add_terms(terms, exponent, count, sums);
        add_terms_on_device(terms, exponent, count, on_device);
      }
      CHECK(torch::equal(sums, on_device));
      CHECK(sums.count_nonzero().item<std::int64_t>() > 900);
      CHECK(torch::equal(means_of(sums, exponent, count), means_on_device(sums, exponent, count)));
    }
  }
}
