#include "hsconas/latency/model.hpp"

#include <cmath>
#include <iterator>
#include <utility>

namespace hsconas {

LatencyRange LatencyModel::range(const NetworkRegion& region) const {
  NetworkRegion::Extremes extremes =
      region.extremes([this](const Architecture& arch) { return sum_ms(arch); });
  LatencyRange range{.fastest = std::move(extremes.least), .slowest = std::move(extremes.greatest)};
  range.fastest_ms = predict_ms(range.fastest);
  range.slowest_ms = predict_ms(range.slowest);
  return range;
}

LatencyRange latency_range(const LatencyModel& model, const NetworkRegion& region) {
  return model.range(region);
}

Architecture walk_to_latency(const Architecture& arch, const LatencyModel& model,
                             const NetworkRegion& region, double goal_ms, double tolerance,
                             int changes_per_layer, Rng& rng) {
  const auto gap_of = [&](const Architecture& a) {
    return std::abs(model.predict_ms(a) / goal_ms - 1.0);
  };
  Genes genes = genes_of(arch);
  Architecture reached = arch;
  double gap = gap_of(reached);
  for (int i = 0; i < changes_per_layer * std::ssize(arch) && gap > tolerance; ++i) {
    Genes changed_genes = region.step(genes, rng);
    Architecture changed = architecture_of(changed_genes);
    const double changed_gap = gap_of(changed);
    if (changed_gap >= gap) continue;
    genes = std::move(changed_genes);
    reached = std::move(changed);
    gap = changed_gap;
  }
  return reached;
}

}  // namespace hsconas
