#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "hsconas/accel/dataflow.hpp"
#include "hsconas/accel/tables.hpp"

namespace hsconas {

/// One accelerator design: an array of PEs with register files, a global buffer, a network between
/// them (NoC) and a connection to off-chip memory. Words are activations, weights or partial sums
/// of `bits`; bandwidths are per cycle.
struct Accelerator {
  std::string name = "accelerator";
  std::string dataflow = "ws-kc";
  std::int64_t rows = 64, columns = 4;  ///< PEs; a linear dataflow uses rows * columns as one axis.
  std::int64_t lanes = 1;               ///< Multiply-adds a PE can do in a cycle.
  std::array<std::int64_t, kTensors> register_words{16, 64, 16};  ///< Per PE: input, weight, psum.
  std::int64_t buffer_bytes = 131072;
  double noc_words = 64;      ///< Buffer to array, and as many back, in a cycle.
  double noc_hop_cycles = 1;  ///< Latency of the NoC.
  bool multicast = true;      ///< A word for several PEs is read and sent once.
  bool reduction = true;      ///< Partial sums are added on their way out of the array.
  double offchip_bytes = 16;  ///< Off-chip memory, both directions together, in a cycle.
  std::array<std::int64_t, kTensors> bits{8, 8, 32};  ///< Widths: input and result, weight, psum.
  double clock_mhz = 200;
  std::string energy = "eyeriss";  ///< EnergyTable
  std::string area = "maestro";    ///< AreaTable

  std::int64_t pes() const { return rows * columns; }
  bool operator==(const Accelerator&) const = default;
};

/// Throws Error(Usage) that names the value: zero PEs, registers or bandwidth, an unknown dataflow
/// or table, fewer PEs than a cluster of the dataflow holds. Ranges are in README "Accelerators".
void check(const Accelerator& design);

/// Reads a design (configs/accelerators/*.json) strictly and checks it. The array is given as
/// "rows" and "columns" or as "pes", the total, which the dataflow arranges (Dataflow::cluster).
Accelerator read_accelerator(const nlohmann::json& source, const std::string& path = "accelerator");
nlohmann::json to_json(const Accelerator& design);
/// The same from a file; errors name it.
Accelerator load_accelerator(const std::filesystem::path& path);

/// `pes` PEs arranged as `dataflow` wants them. Throws Error(Usage) when they are fewer than its
/// cluster or no multiple of it.
void set_pes(Accelerator& design, std::int64_t pes);

/// Area in um^2 by the design's table: multiply-adders, registers, buffer, interconnect.
struct Area {
  double multipliers = 0.0;
  double registers = 0.0;
  double buffer = 0.0;
  double interconnect = 0.0;
  double total() const { return multipliers + registers + buffer + interconnect; }
};
Area area_of(const Accelerator& design);

}  // namespace hsconas
