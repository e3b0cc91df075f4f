#pragma once

#include <cstddef>
#include <limits>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "hsconas/codesign/pair_cost.hpp"

namespace hsconas {

/// A network that runs on a design. Both are given by their indices in the caller's lists.
struct Pair {
  std::size_t network = 0;
  std::size_t design = 0;
  double accuracy = 0.0;  ///< Of the network, in [0, 1].
  PairCost cost;
};

/// The largest cost that a pair may have; infinity means no limit.
struct Limits {
  double ms = std::numeric_limits<double>::infinity();
  double energy = std::numeric_limits<double>::infinity();
  double area_mm2 = std::numeric_limits<double>::infinity();
  double power_mw = std::numeric_limits<double>::infinity();  ///< Energies are then in pJ.

  /// The largest relative excess over a limit: 0.1 if a limit is exceeded by 10 %, 0 if all limits
  /// are met. It ignores the area, which depends on the design alone.
  double violation(const PairCost& cost) const;
  bool meets(const PairCost& cost) const { return violation(cost) == 0.0; }
  /// How far `cost` is from the limit that it is nearest to, or exceeds most: the least (limit -
  /// value) / limit, at least -1, so in [-1, 1]. 0 if there are no limits. Like violation(), it
  /// ignores the area.
  double slack(const PairCost& cost) const;
  /// The limits as text, such as "latency <= 3 ms, energy <= 2e+09", or "none".
  std::string str() const;
};

/// Mean power in mW of a cost in ms and pJ.
double power_mw(const PairCost& cost);

/// A finite cost outside `limits` for an error: "5 ms, energy 2e+09: feasible with limits 1.2 times
/// as high".
std::string describe_excess(const PairCost& cost, const Limits& limits);

/// Whether `a` is better than `b`, if both meet the limits: it has the higher accuracy or, with
/// equal accuracies, the lower energy-delay product.
bool is_better(const Pair& a, const Pair& b);

/// The Pareto front: the pairs for which no other pair is at least as good in accuracy, latency and
/// energy. Pairs are added from high to low accuracy, so that only their costs must be compared.
/// Cost: O(log size) per pair.
class ParetoFront {
 public:
  /// Adds pairs that have the same accuracy, which is lower than in the call before. If pairs are
  /// equal in everything, the first one stays.
  void add_level(std::span<const Pair> pairs);
  const std::vector<Pair>& pairs() const { return pairs_; }

 private:
  bool is_covered(const PairCost& cost) const;

  /// The lowest energy so far, by latency; it falls strictly as the latency grows.
  std::map<double, double> stairs_;
  std::vector<Pair> pairs_;
};

/// The Pareto front of pairs in any order, with the highest accuracy first.
std::vector<Pair> pareto_front(std::vector<Pair> pairs);

}  // namespace hsconas
