#include <fmt/format.h>

#include "context.hpp"
#include "hsconas/codesign/optimum.hpp"

namespace hsconas {

namespace {

/// Tries every network on every design where networks are given and the pairs are few enough, else
/// searches over both: an individual is a network and a design.
BestPairs search_coupled(CodesignContext& context) {
  const std::size_t networks = context.problem.networks.size();
  const std::size_t designs = context.designs.size();
  const Limits& limits = context.problem.limits;
  if (may_try_all(context.config, networks, designs)) {
    context.log.info(fmt::format("coupled: all {} networks on all {} designs", networks, designs));
    return context.sweep_networks(context.designs, limits);
  }
  context.log.info(fmt::format("coupled: {} over networks and {} designs",
                               context.search_config.method, designs));
  Rng rng = context.rng();
  return context.search(context.designs, limits, rng, "coupled");
}

std::string plan_coupled(const CodesignConfig& config, const SearchConfig& search,
                         const CodesignSize& size) {
  return may_try_all(config, size.networks, size.designs)
             ? fmt::format("pairs: {} x {}\n", size.networks, size.designs)
             : fmt::format("pairs: at most {}\n", searched_pairs(search));
}

}  // namespace

CodesignMethod coupled_codesign() {
  return {.name = "coupled",
          .meaning = "tries all pairs, or searches networks and designs by search.method",
          .has_proxy = false,
          .run = search_coupled,
          .plan = plan_coupled};
}

}  // namespace hsconas
