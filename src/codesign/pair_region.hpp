#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <utility>

#include "design_region.hpp"
#include "hsconas/codesign/codesign.hpp"
#include "hsconas/space/network_region.hpp"

namespace hsconas {

/// The networks of `problem` as a region: those that it gives, or all of the space.
std::unique_ptr<NetworkRegion> networks_of(const CodesignProblem& problem);

/// The pairs of a network of a problem and one of some designs as a region: the genes of a design
/// follow those of a network. Knows which pair genes stand for, and what it costs.
class PairRegion {
 public:
  /// `problem` must outlive the region; `designs`: at least one, ascending.
  PairRegion(const CodesignProblem& problem, std::span<const std::size_t> designs)
      : problem_(problem),
        networks_(networks_of(problem)),
        designs_(problem.designs, designs),
        pairs_(*networks_, designs_) {}

  const JoinedRegion& pairs() const { return pairs_; }
  const NetworkRegion& networks() const { return *networks_; }

  /// Equal for pairs that are the same in effect.
  Genes canonical(const Genes& genes) const;
  /// The network of a member, in canonical form.
  Architecture network_of(const Genes& genes) const {
    return problem_.accuracies.space().canonical(architecture_of(pairs_.first_of(genes)));
  }
  /// The design of a member.
  std::size_t design_of(const Genes& genes) const {
    return designs_.design_of(pairs_.second_of(genes));
  }
  PairCost cost_of(const Genes& genes) const {
    return problem_.costs.cost(network_of(genes), design_of(genes));
  }
  /// A random member inside `limits` or, where a bounded number of draws finds none, the nearest of
  /// them.
  Genes random_inside(const Limits& limits, Rng& rng) const;

 private:
  const CodesignProblem& problem_;
  std::unique_ptr<NetworkRegion> networks_;
  DesignRegion designs_;
  JoinedRegion pairs_;
};

/// A random member of `region` whose violation of limits is 0 or, where a bounded number of draws
/// finds none, the one with the least violation.
template <typename Violation>
Genes random_member_inside(const Region& region, const Violation& violation, Rng& rng) {
  constexpr int kDraws = 200;
  Genes nearest;
  double least = 0.0;
  for (int attempt = 0; attempt < kDraws; ++attempt) {
    Genes genes = region.sample(rng);
    const double exceeds = violation(genes);
    if (exceeds == 0.0) return genes;
    if (!nearest.empty() && exceeds >= least) continue;
    nearest = std::move(genes);
    least = exceeds;
  }
  return nearest;
}

}  // namespace hsconas
