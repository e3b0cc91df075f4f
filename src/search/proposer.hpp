#pragma once

#include <deque>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "hsconas/search/strategy.hpp"
#include "surrogate.hpp"

namespace hsconas {

/// A member that could be scored next, and what the surrogate says of it.
struct Proposal {
  Genes genes;
  Genes code;  ///< Its canonical form, which the surrogate knows.
  double gain = 0.0;
};

/// What strategies with a surrogate have in common: it learns from all that was scored inside the
/// limits, and looks for new members that promise an improvement.
class Proposer {
 public:
  Proposer(StrategyContext context, Surrogate::Fit fit)
      : context_(std::move(context)), surrogate_(std::move(fit)) {}

  /// Individuals outside the limits teach nothing.
  void tell(std::span<const Individual> scored);
  /// All that it learned from, in the order in which they were scored.
  const std::vector<Individual>& known() const { return known_; }

  /// Different unknown members inside the limits, those with the largest expected improvement
  /// first. There must be known ones. The region is never listed: the pool has random members and
  /// members near the best known ones, then neighbours of those of the pool that promise most.
  std::vector<Proposal> propose();
  /// Sorts proposals by predicted score, the highest first.
  void sort_by_mean(std::vector<Proposal>& proposals);
  /// A mutant of one of the config.parents best or a random member, equally often. There must be
  /// known ones.
  Genes explore() const;

 private:
  /// The members of a pool, all different in effect.
  struct Pool {
    std::vector<Proposal> members;
    std::set<Genes> codes;
    std::size_t judged = 0;  ///< How many of the members have a gain.
  };
  bool add(const Genes& genes, Pool& pool) const;
  void add_random(Pool& pool);
  void add_near(std::span<const Genes> starts, std::size_t wanted, Pool& pool) const;
  void judge(Pool& pool);

  StrategyContext context_;
  Surrogate surrogate_;
  std::vector<Individual> known_;
  std::deque<Genes> random_;  ///< Random members, oldest first; most of them stay between calls.
};

}  // namespace hsconas
