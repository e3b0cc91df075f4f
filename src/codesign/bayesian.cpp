#include <fmt/format.h>

#include "context.hpp"
#include "hsconas/search/methods.hpp"
#include "learned_costs.hpp"
#include "nested_search.hpp"

namespace hsconas {

namespace {

/// Bayesian optimisation. Where costs are known before a pair is tried, over networks alone: each
/// gets its best design by trying all, because the cost of a pair, the best mapping of its layers
/// included, is a sum of known numbers. Else over pairs.
BestPairs search_bayesian(CodesignContext& context) {
  if (context.config.cost_knowledge == CostKnowledge::Exact) {
    return search_nested(context, find_search_method("bayesian"));
  }
  return search_learned(context, context.config.cost_knowledge == CostKnowledge::Learned);
}

std::string plan_bayesian(const CodesignConfig& config, const SearchConfig& search,
                          const CodesignSize& /*size*/) {
  return fmt::format("pairs: at most {}\ncosts: {}\n", population_evaluations(search),
                     word_of(config.cost_knowledge));
}

}  // namespace

CodesignMethod bayesian_codesign() {
  return {
      .name = "bayesian",
      .meaning = "Gaussian processes propose pairs; codesign.cost_knowledge says what they know",
      .has_proxy = false,
      .run = search_bayesian,
      .plan = plan_bayesian,
      .keys = {"codesign.cost_knowledge"}};
}

}  // namespace hsconas
