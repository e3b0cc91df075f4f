#pragma once

#include <span>
#include <vector>

#include "hsconas/base/rng.hpp"

namespace hsconas {

/// exp(logit), scaled so that the sum is 1. At least one logit.
std::vector<double> softmax(std::span<const double> logits);

/// An index drawn with these probabilities, whose sum is 1.
int draw_from(std::span<const double> probabilities, Rng& rng);

/// Entropy in nats.
double entropy_of(std::span<const double> probabilities);

/// The gradient of advantage x log(probability of `choice`) + entropy_weight x entropy with respect
/// to the logits of these probabilities.
std::vector<double> logit_gradient(std::span<const double> probabilities, int choice,
                                   double advantage, double entropy_weight);

}  // namespace hsconas
