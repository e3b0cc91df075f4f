#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace hsconas {

/// Energy of one event, in `unit`. Accesses and transfers are per word of `word_bits`; other widths
/// cost in proportion. Registers are indexed by Tensor: input, weight, output (partial sums).
struct EnergyTable {
  std::string name;
  std::string source;
  std::string unit;  ///< "pJ", or "mac" where the source only gives ratios to a multiply-add.
  double word_bits = 16.0;
  double mac = 1.0;
  std::array<double, 3> register_read{};
  std::array<double, 3> register_write{};
  double noc = 0.0;  ///< One word delivered to, or collected from, one PE.
  double buffer_read = 0.0;
  double buffer_write = 0.0;
  /// Extra energy of a buffer access per KiB beyond 0.5 KiB; 0: independent of the size.
  double buffer_per_kib = 0.0;
  double offchip = 0.0;
};

/// Areas of the parts of a design, in um^2.
struct AreaTable {
  std::string name;
  std::string source;
  double lane = 0.0;                     ///< One multiply-adder.
  std::array<double, 3> register_bit{};  ///< Per bit of a PE's register files, by Tensor.
  double buffer_bit = 0.0;
  /// MAESTRO's bus and arbiter, for P PEs and a bandwidth of B words per cycle:
  ///   bus = bus_word * (14.662 P + 28.895) * B
  ///   arbiter = arbiter_scale * max(1.2886 P^2 + 5.5814 P - 23.711, 1).
  double bus_word = 0.0;
  double arbiter_scale = 0.0;
};

/// All energy tables:
/// - "eyeriss": multiply-add 1, register 1, NoC 2, buffer 6, off-chip 200 (Eyeriss, ISCA 2016,
///   65 nm, 16-bit words);
/// - "timeloop-pat": Timeloop v2's built-in model: multiply-add 1, register 1, buffer of KB KiB
///   1 + 5 (KB - 0.5) / 99.5 but at least 1, off-chip 200, NoC 0;
/// - "accelergy-eyeriss": Accelergy's published table of its 168-PE example, 8-bit words, pJ;
/// - "maestro": multiply-add 0.23 pJ, register 1.68 and buffer 18.61 times it, NoC and off-chip 0.
std::span<const EnergyTable> energy_tables();
/// Throws Error(Usage) with the nearest known name.
const EnergyTable& find_energy_table(std::string_view name);

/// All area tables:
/// - "maestro": MAESTRO's 28 nm constants, bus and arbiter included;
/// - "accelergy-eyeriss": the areas of the parts of Accelergy's 168-PE example, per bit.
std::span<const AreaTable> area_tables();
const AreaTable& find_area_table(std::string_view name);

/// Area of bus and arbiter in um^2, for `pes` PEs and `words` per cycle.
double interconnect_area(const AreaTable& table, double pes, double words);

}  // namespace hsconas
