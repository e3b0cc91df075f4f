#pragma once

#include "context.hpp"
#include "hsconas/search/methods.hpp"

namespace hsconas {

/// Searches networks by `method`; each stands for the pair with its best design: inside the limits
/// and of those with the least energy x delay. That inner problem is solved by trying all designs,
/// which is exact and costs no accuracy. A network that no design brings inside the limits costs no
/// evaluation either. Cost per network: one cost per design.
BestPairs search_nested(CodesignContext& context, const SearchMethod& method);

}  // namespace hsconas
