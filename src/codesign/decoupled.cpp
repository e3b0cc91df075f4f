#include <fmt/format.h>

#include "context.hpp"

namespace hsconas {

namespace {

/// The best network inside the limits on the proxy, then the best design for it.
BestPairs search_decoupled(CodesignContext& context) {
  const std::size_t proxy[] = {context.proxy};
  const Limits& limits = context.problem.limits;
  Rng rng = context.rng();
  const BestPairs first = context.has_networks()
                              ? context.sweep_networks(proxy, limits)
                              : context.search(proxy, limits, rng, "decoupled, networks");
  // Where no network meets the limits on the proxy, another design may still help the nearest one.
  if (!first.best) {
    context.log.warn(fmt::format(
        "decoupled: no network that was tried meets the limits on the proxy {}, so the nearest one "
        "goes on to the other designs; another codesign.proxy or method may find a better pair",
        context.problem.designs.designs()[context.proxy].name));
  }
  const std::size_t network = (first.best ? *first.best : *first.nearest).network;
  context.archive.evaluate({&network, 1});
  return sweep(context.archive, {network}, context.designs, limits, context.stop);
}

std::string plan_decoupled(const CodesignConfig& /*config*/, const SearchConfig& search,
                           const CodesignSize& size) {
  return fmt::format("pairs: at most {} + {}\n",
                     size.networks > 0 ? size.networks : searched_pairs(search), size.designs);
}

}  // namespace

CodesignMethod decoupled_codesign() {
  return {.name = "decoupled",
          .meaning = "the best network on the proxy, then the best design for it",
          .has_proxy = true,
          .run = search_decoupled,
          .plan = plan_decoupled};
}

}  // namespace hsconas
