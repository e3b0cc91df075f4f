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

/// Hardware parameters of MAESTRO's cost model, which does not depend on buffer capacities.
struct MaestroHardware {
  std::int64_t pes = 256;
  std::int64_t noc_words = 1 << 30;      ///< Elements per cycle, on every level of clusters.
  std::int64_t offchip_words = 1 << 30;  ///< Elements per cycle.
  std::int64_t lanes = 1;
};

/// Cost of a dense layer, or of all groups of a depthwise one, in elements and cycles.
struct MaestroCost {
  std::int64_t cycles = 0;
  std::int64_t l1_words = 0;  ///< Required size of a PE's buffer, double-buffered.
  std::int64_t l2_words = 0;  ///< Required size of the shared buffer, double-buffered.
  std::int64_t input_l2_reads = 0;
  std::int64_t weight_l2_reads = 0;
  std::int64_t output_l2_writes = 0;
  double energy_macs = 0.0;  ///< In multiply-adds of 0.00023 nJ, without off-chip memory and NoC.
  double area_um2 = 0.0;     ///< 28 nm, with buffers of the required sizes.
  double power_mw = 0.0;
};

/// MAESTRO's cycles, buffer requirements, L2 traffic, area and power (Kwon et al., MICRO 2019;
/// facts from its code, 4eb08d1). Its data-centric recursion is replayed: on each level of clusters
/// every combination of first, steady and last chunks of the maps, weighted by its number of
/// occurrences, costs
///   inner cycles + ingress for the very first, max(inner cycles, ingress, egress) for the others,
/// and on the top level at least half the off-chip transfer of two first tiles. MAESTRO's treatment
/// of edges is kept: an inner level takes its volumes from full chunks, and idle clusters of the
/// last chunk count. One of its errors is not: its energy column uses the previous layer's L1
/// accesses, whereas energy_macs follows the formula that it prints.
///
/// Throws Error(Usage) when the PEs are fewer than a cluster of the mapping, for grouped layers
/// other than depthwise ones, and for n other than 1.
MaestroCost maestro_cost(const Layer& layer, MaestroMapping mapping,
                         const MaestroHardware& hardware);

/// MAESTRO's cycles with unlimited bandwidth, in closed form. Exact for strides of 1, 2 and 4,
/// except that MAESTRO's YX-P counts wrong multiply-adds on strided layers.
std::int64_t maestro_unlimited_cycles(const Layer& layer, MaestroMapping mapping, std::int64_t pes);

}  // namespace hsconas
