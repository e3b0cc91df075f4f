#pragma once

#include <cstdint>
#include <string_view>

#include "hsconas/accel/layer.hpp"

namespace hsconas {

/// MAESTRO's published mappings. KC-P maps depthwise layers with its channel-parallel variant
/// (dpt).
enum class MaestroMapping : std::uint8_t { KcP, XP, YxP, YrP, YkP };
/// "KC-P", "X-P", "YX-P", "YR-P" or "YK-P"; throws Error(Usage) for another name.
MaestroMapping read_maestro_mapping(std::string_view name);

/// What MAESTRO's cost model looks at; capacities change nothing in it.
struct MaestroHardware {
  std::int64_t pes = 256;
  std::int64_t noc_words = 1 << 30;      ///< Elements per cycle, on every level of clusters.
  std::int64_t offchip_words = 1 << 30;  ///< Elements per cycle.
  std::int64_t lanes = 1;
};

/// In elements and cycles of one group of a dense layer, or of a whole depthwise one.
struct MaestroCost {
  std::int64_t cycles = 0;
  std::int64_t l1_words = 0;  ///< Double-buffered requirement of a PE,
  std::int64_t l2_words = 0;  ///< and of the shared buffer.
  std::int64_t input_l2_reads = 0;
  std::int64_t weight_l2_reads = 0;
  std::int64_t output_l2_writes = 0;
  double energy_macs = 0.0;  ///< Multiply-adds of 0.00023 nJ; neither off-chip nor NoC.
  double area_um2 = 0.0;     ///< 28 nm, of the requirements, not of given capacities.
  double power_mw = 0.0;
};

/// MAESTRO's cycles, buffer requirements, L2 traffic, area and power (Kwon et al., MICRO 2019;
/// facts from its code, 4eb08d1), its data-centric recursion replayed: on each level of clusters
/// every combination of first, steady and last chunks of its maps, weighted by how often it occurs,
/// costs
///   inner cycles + ingress for the very first, max(inner cycles, ingress, egress) for the others,
/// and on the top level not less than half the off-chip transfer of two first tiles. What the code
/// does to edges is kept: an inner level takes its volumes from full chunks, idle clusters of the
/// last chunk included. That its per-layer energy column holds the previous layer's L1 accesses is
/// not: the energy is the formula it prints.
/// Throws Error(Usage) when the PEs are fewer than a cluster of the mapping, for grouped layers
/// other than depthwise ones, and for n other than 1.
MaestroCost maestro_cost(const Layer& layer, MaestroMapping mapping,
                         const MaestroHardware& hardware);

/// The same cycles with unlimited bandwidth in closed form; exact for strides of 1, 2 and 4 but for
/// YX-P, which counts wrong multiply-adds on strided layers.
std::int64_t maestro_unlimited_cycles(const Layer& layer, MaestroMapping mapping, std::int64_t pes);

}  // namespace hsconas
