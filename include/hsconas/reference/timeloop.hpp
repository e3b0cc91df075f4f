#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "hsconas/accel/dataflow.hpp"
#include "hsconas/accel/layer.hpp"

namespace hsconas {

/// A loop of a mapping. `dim` is one of Timeloop's N, K, C, R, S, P, Q (M is read as K).
struct MappingLoop {
  char dim = 'N';
  std::int64_t bound = 1;
  bool is_spatial = false;
};

/// A Timeloop mapping: storage levels from the outermost, each with the loops directly below it,
/// outermost first.
struct Mapping {
  struct Level {
    std::string name;
    std::vector<MappingLoop> loops;
  };
  std::vector<Level> levels;
};

/// Reads a mapping as Timeloop prints it: "DRAM [ ... ]", "| for Q in [0:14) (Spatial-X)", one per
/// line or separated by ";". Rules ("---"), blank lines and "<< Compute >>" are skipped. Throws
/// Error(Data) that quotes a line that it cannot read.
Mapping parse_mapping(std::string_view text);

/// A storage level of a Timeloop architecture. Energies are per word.
struct TimeloopLevel {
  std::string name;
  std::array<bool, kTensors> keeps{};  ///< By Tensor; one that is not kept bypasses the level.
  double capacity = 0.0;               ///< Words of one instance; 0: unlimited.
  double read_energy = 0.0;
  double write_energy = 0.0;
  double read_words = 0.0;   ///< Words that one instance can read per cycle; 0: unlimited.
  double write_words = 0.0;  ///< Words that one instance can write per cycle; 0: unlimited.
};

struct TimeloopArchitecture {
  std::vector<TimeloopLevel> levels;  ///< Outermost first, with the names that mappings use.
  double mac_energy = 1.0;
  std::int64_t pes = 256;
  /// Whether a partial sum that moves up is read from the level it leaves, as in Timeloop v2; later
  /// versions do not count that.
  bool charges_drains = true;
};

/// Timeloop's configs/mapper/eyeriss-256 with its built-in energies: 256 PEs, 16-bit words,
/// energies in multiply-adds.
TimeloopArchitecture timeloop_eyeriss_256();
/// Accelergy's eyeriss_like example: 168 PEs, 8-bit data, pJ.
TimeloopArchitecture timeloop_eyeriss_like();

/// Accesses of all instances of a level, in words by Tensor.
struct TimeloopAccesses {
  std::array<double, kTensors> reads{}, fills{}, updates{};
  double energy = 0.0;
  double total() const;
};

struct TimeloopCost {
  double macs = 0.0;
  double cycles = 0.0;
  double utilization = 0.0;  ///< macs / (pes x cycles)
  std::vector<TimeloopAccesses> levels;
  double energy = 0.0;
};

/// Cost of a mapping as Timeloop counts it (Parashar et al., ISPASS 2019), for layers with g = 1:
/// - cycles: the product of the temporal loops, or those of the level with the least bandwidth if
///   they are more;
/// - a tile is fetched when a loop that its tensor depends on advances; if that is the innermost
///   loop, only the part that the previous tile did not hold is fetched;
/// - instances that need identical tiles share one read; overlapping ones do not;
/// - every multiply-add reads its operands from the innermost level that keeps them; its partial
///   sum is updated there, and read before unless it is the first.
///
/// Throws Error(Usage) when the mapping does not cover the layer exactly or has other levels than
/// the architecture, Error(Infeasible) that names the level when a tile exceeds its capacity.
TimeloopCost timeloop_cost(const Layer& layer, const Mapping& mapping,
                           const TimeloopArchitecture& architecture);

}  // namespace hsconas
