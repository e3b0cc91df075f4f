#pragma once

#include <cstddef>
#include <limits>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "hsconas/codesign/pair_cost.hpp"

namespace hsconas {

/// A network on a design, by their indices in the lists of whoever holds the pair.
struct Pair {
  std::size_t network = 0;
  std::size_t design = 0;
  double accuracy = 0.0;  ///< Of the network, in [0, 1].
  PairCost cost;
};

/// The most a pair may cost; infinite where there is no limit.
struct Limits {
  double ms = std::numeric_limits<double>::infinity();
  double energy = std::numeric_limits<double>::infinity();
  double area_mm2 = std::numeric_limits<double>::infinity();
  double power_mw = std::numeric_limits<double>::infinity();  ///< Energies are then in pJ.

  /// How far the limit missed most is exceeded, as a fraction of it; 0 when all are met. The area
  /// is not looked at: it is the design's alone.
  double violation(const PairCost& cost) const;
  bool meets(const PairCost& cost) const { return violation(cost) == 0.0; }
  /// "latency <= 3 ms, energy <= 2e+09"; "none".
  std::string str() const;
};

/// Mean power in mW of a cost in ms and pJ.
double power_mw(const PairCost& cost);

/// Whether `a` is to be preferred among pairs that meet the limits: the higher accuracy, of equals
/// the lower energy-delay product.
bool is_better(const Pair& a, const Pair& b);

/// Pairs that no other one beats or equals in accuracy, latency and energy at once. Built from high
/// accuracy to low, so that only costs are left to compare. Cost: O(log size) per pair.
class ParetoFront {
 public:
  /// Pairs of one accuracy; from call to call accuracies fall. Of pairs that equal each other in
  /// everything the first stays.
  void add_level(std::span<const Pair> pairs);
  const std::vector<Pair>& pairs() const { return pairs_; }

 private:
  bool is_covered(const PairCost& cost) const;

  std::map<double, double> stairs_;  ///< Latency -> least energy so far; both strictly monotone.
  std::vector<Pair> pairs_;
};

/// The front of any pairs, highest accuracy first.
std::vector<Pair> pareto_front(std::vector<Pair> pairs);

}  // namespace hsconas
