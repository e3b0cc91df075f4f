#include "hsconas/score/target_sampler.hpp"
#include "hsconas/search/search.hpp"

namespace hsconas {

Architecture sample_near_target(const NetworkRegion& region, const Scorer& scorer, double tolerance,
                                Rng& rng) {
  return TargetSampler(region, scorer, tolerance).sample(rng);
}

}  // namespace hsconas
