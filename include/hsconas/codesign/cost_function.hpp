#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "hsconas/codesign/pair_cost.hpp"
#include "hsconas/config/config.hpp"

namespace hsconas {

/// The three things that a network on a design costs.
struct Metrics {
  double ms = 0.0;
  double energy = 0.0;
  double area_mm2 = 0.0;
};

/// What a pair costs in one number, 1 where all metrics are those of `reference`: their product
/// (EDAP), or their weighted mean; each relative to the reference.
class CostFunction {
 public:
  CostFunction(const DanceConfig& config, Metrics reference)
      : is_product_(config.cost == CostKind::Edap),
        weights_{config.latency_weight, config.energy_weight, config.area_weight},
        reference_(reference) {}

  double operator()(const PairCost& cost, double area_mm2) const {
    return combine(cost.ms / reference_.ms, cost.energy / reference_.energy,
                   area_mm2 / reference_.area_mm2);
  }
  /// The same of metrics that are relative already; any type that multiplies and adds.
  template <typename Number>
  Number combine(const Number& ms, const Number& energy, const Number& area) const {
    if (is_product_) return ms * energy * area;
    const double sum = weights_.ms + weights_.energy + weights_.area_mm2;
    return (ms * weights_.ms + energy * weights_.energy + area * weights_.area_mm2) / sum;
  }
  const Metrics& reference() const { return reference_; }

 private:
  bool is_product_;
  Metrics weights_;
  Metrics reference_;
};

/// Area of each design, mm^2.
std::vector<double> areas_of(std::span<const Accelerator> designs);

/// The design on which `arch` costs least, found by trying all; of equals the first. `row` is
/// scratch of costs.designs() entries and holds all its costs afterwards.
std::size_t best_design(const PairCostModel& costs, std::span<const double> areas,
                        const Architecture& arch, const CostFunction& cost,
                        std::span<PairCost> row);

}  // namespace hsconas
