#pragma once

#include "context.hpp"

namespace hsconas {

/// Bayesian optimisation of pairs whose cost is known only once they are tried, so that pairs
/// outside the limits are tried, too; the area alone is known before. No pair is tried twice, and a
/// pair outside the limits costs no accuracy evaluation.
///
/// Gaussian processes learn: accuracies (as normal scores) over the genes of networks, the
/// logarithm of energy x delay over those of pairs and, with `models_limits`, the slack
/// (Limits::slack()) and whether the cost is finite at all over those of pairs. What is tried next
/// has the highest expected improvement of accuracy less a small weight x that logarithm, times the
/// probability of a finite cost and a slack above 0. Pairs that this makes unlikely count a
/// ten-thousandth. Without `models_limits`, there is no such factor. Source: Gardner et al.,
/// Bayesian Optimization with Inequality Constraints, ICML 2014; for designs Shi et al., arXiv
/// 2010.02075.
///
/// Tries population_evaluations() pairs. Processes see at most 1,000 of them.
BestPairs search_learned(CodesignContext& context, bool models_limits);

}  // namespace hsconas
