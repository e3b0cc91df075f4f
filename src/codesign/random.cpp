#include <fmt/format.h>

#include "context.hpp"
#include "hsconas/search/methods.hpp"
#include "pair_search.hpp"

namespace hsconas {

namespace {

/// Random pairs inside the limits, as many as a search over both would try.
BestPairs search_random(CodesignContext& context) {
  Rng rng = context.rng();
  return search_pairs(context.archive, context.designs, context.problem.limits,
                      find_search_method("random"), context.search_config, rng, "random",
                      context.log, context.stop);
}

std::string plan_random(const CodesignConfig& /*config*/, const SearchConfig& search,
                        const CodesignSize& /*size*/) {
  return fmt::format("pairs: at most {}\n", find_search_method("random").evaluations(search));
}

}  // namespace

CodesignMethod random_codesign() {
  return {.name = "random",
          .meaning = "random pairs, the baseline",
          .has_proxy = false,
          .run = search_random,
          .plan = plan_random};
}

}  // namespace hsconas
