#include <fmt/format.h>

#include "context.hpp"

namespace hsconas {

namespace {

bool is_exhaustive(const CodesignConfig& config, std::size_t networks, std::size_t designs) {
  return networks > 0 && static_cast<double>(networks) * static_cast<double>(designs) <=
                             static_cast<double>(config.exhaustive_pairs);
}

/// Tries every network on every design where networks are given and the pairs are few enough, else
/// searches over both: an individual is a network and a design.
BestPairs search_coupled(CodesignContext& context) {
  const std::size_t networks = context.problem.networks.size();
  const std::size_t designs = context.designs.size();
  const Limits& limits = context.problem.limits;
  if (is_exhaustive(context.config, networks, designs)) {
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
  return is_exhaustive(config, size.networks, size.designs)
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
