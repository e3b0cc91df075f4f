#include "softmax.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace hsconas {

std::vector<double> softmax(std::span<const double> logits) {
  const double highest = *std::max_element(logits.begin(), logits.end());
  std::vector<double> result;
  result.reserve(logits.size());
  double sum = 0.0;
  for (const double logit : logits) {
    result.push_back(std::exp(logit - highest));
    sum += result.back();
  }
  for (double& probability : result) probability /= sum;
  return result;
}

int draw_from(std::span<const double> probabilities, Rng& rng) {
  double left = rng.uniform();
  for (std::size_t i = 0; i + 1 < probabilities.size(); ++i) {
    left -= probabilities[i];
    if (left < 0.0) return static_cast<int>(i);
  }
  return static_cast<int>(probabilities.size()) - 1;
}

double entropy_of(std::span<const double> probabilities) {
  double entropy = 0.0;
  for (const double probability : probabilities) {
    if (probability > 0.0) entropy -= probability * std::log(probability);
  }
  return entropy;
}

std::vector<double> logit_gradient(std::span<const double> probabilities, int choice,
                                   double advantage, double entropy_weight) {
  std::vector<double> gradient(probabilities.size());
  const double entropy = entropy_weight > 0.0 ? entropy_of(probabilities) : 0.0;
  for (std::size_t i = 0; i < probabilities.size(); ++i) {
    const double probability = probabilities[i];
    gradient[i] = advantage * ((static_cast<int>(i) == choice ? 1.0 : 0.0) - probability);
    if (entropy_weight > 0.0 && probability > 0.0) {
      gradient[i] -= entropy_weight * probability * (std::log(probability) + entropy);
    }
  }
  return gradient;
}

}  // namespace hsconas
