#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "hsconas/accel/dataflow.hpp"
#include "hsconas/accel/layer.hpp"
#include "hsconas/accel/tables.hpp"

namespace hsconas {

/// The supply voltages, in V, at which a design can run.
struct Supply {
  double nominal = 0.9;     ///< The one at which clock_mhz, energies and leakage hold.
  double threshold = 0.35;  ///< Of a transistor; below it none switches.
  double lowest = 0.6, highest = 1.1;

  bool operator==(const Supply&) const = default;
};

/// Word widths that a design can process beside those of its `bits`, for which it is built.
struct SupportedBits {
  std::vector<std::int64_t> input, weight;

  bool operator==(const SupportedBits&) const = default;
};

/// One accelerator design: an array of PEs with register files, a global buffer, a network between
/// them (NoC) and a connection to off-chip memory. A word is an activation, weight or partial sum,
/// with the width given in `bits`.
struct Accelerator {
  std::string name = "accelerator";
  std::string dataflow = "ws-kc";
  std::int64_t rows = 64, columns = 4;  ///< PEs; a linear dataflow uses rows * columns as one axis.
  std::int64_t lanes = 1;               ///< Multiply-adds a PE can do in a cycle.
  std::array<std::int64_t, kTensors> register_words{16, 64, 16};  ///< Per PE: input, weight, psum.
  std::int64_t buffer_bytes = 131072;
  double noc_words = 64;      ///< Words per cycle from buffer to array, and as many back.
  double noc_hop_cycles = 1;  ///< Latency of the NoC.
  bool multicast = true;      ///< A word for several PEs is read and sent once.
  bool reduction = true;      ///< Partial sums are added on their way out of the array.
  double offchip_bytes = 16;  ///< Bytes per cycle to and from off-chip memory together.
  std::array<std::int64_t, kTensors> bits{8, 8, 32};  ///< Widths: input and result, weight, psum.
  SupportedBits supported_bits;
  double clock_mhz = 200;  ///< At the nominal voltage.
  double voltage = 0.9;    ///< In V; operating_point() says what follows from it.
  Supply supply;
  double leakage_mw_per_mm2 = 0;   ///< Power that flows all the time, at the nominal voltage.
  std::string energy = "eyeriss";  ///< Name of an EnergyTable.
  std::string area = "maestro";    ///< Name of an AreaTable.

  std::int64_t pes() const { return rows * columns; }
  bool operator==(const Accelerator&) const = default;
};

/// Throws Error(Usage) that names a value out of its range (docs/accelerators.md), an unknown
/// dataflow or an unknown table.
void check(const Accelerator& design);

/// Whether the design can process words of the widths `bits`; 0 is the design's own width.
bool supports(const Accelerator& design, const LayerBits& bits);

/// Reads a design (configs/accelerators/*.json) strictly and checks it. The array is given as
/// "rows" and "columns" or as "pes", the total, which the dataflow arranges (Dataflow::cluster).
Accelerator read_accelerator(const nlohmann::json& source, const std::string& path = "accelerator");
/// Keys that designs did not have from the beginning are left out at their default values, so that
/// a design is the same text as before.
nlohmann::json to_json(const Accelerator& design);
/// Reads a design from a file, which errors name.
Accelerator load_accelerator(const std::filesystem::path& path);

/// Sets the rows and columns that suit the design's dataflow for `pes` PEs (Dataflow::cluster).
/// Throws Error(Usage) when `pes` is not a multiple of the cluster.
void set_pes(Accelerator& design, std::int64_t pes);

/// Area in um^2, by the design's AreaTable.
struct Area {
  double multipliers = 0.0;
  double registers = 0.0;
  double buffer = 0.0;
  double interconnect = 0.0;
  double total() const { return multipliers + registers + buffer + interconnect; }
};
Area area_of(const Accelerator& design);

}  // namespace hsconas
