#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace hsconas {

/// Energy of one event, in `unit`; memory accesses per word of `word_bits`, other widths in
/// proportion. Registers are indexed by Tensor: input, weight, output (partial sums).
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
  /// Buffer accesses cost this much more per KiB beyond 0.5 KiB; 0: whatever the size.
  double buffer_per_kib = 0.0;
  double offchip = 0.0;
};

/// Area in um^2, linear in the parts.
struct AreaTable {
  std::string name;
  std::string source;
  double lane = 0.0;                     ///< One multiply-adder.
  std::array<double, 3> register_bit{};  ///< Per bit of a PE's register files, by Tensor.
  double buffer_bit = 0.0;
  /// MAESTRO's bus and arbiter, functions of the PE count P and the bandwidth B in words:
  ///   bus = bus_word * (bus_pe * P + bus_fixed) * B
  ///   arbiter = max(arbiter_scale * (a2 P^2 + a1 P + a0), arbiter_scale).
  double bus_word = 0.0;
  double arbiter_scale = 0.0;
};

/// - "eyeriss": MAC 1, register 1, array 2, buffer 6, off-chip 200 (Eyeriss, ISCA 2016, 65 nm,
///   16-bit words);
/// - "timeloop-pat": Timeloop v2's built-in model: MAC 1, an access to a memory of KB kilobytes
///   1 + 5 (KB - 0.5) / 99.5 (not below the registers' 1), off-chip 200, wires free;
/// - "accelergy-eyeriss": Accelergy's published table of its 168-PE example, 8-bit words, pJ;
/// - "maestro": registers 1.68, buffer 18.61 multiply-adds of 0.23 pJ; it knows no off-chip energy.
std::span<const EnergyTable> energy_tables();
/// Throws Error(Usage) with the nearest known name.
const EnergyTable& find_energy_table(std::string_view name);

/// - "maestro": MAESTRO's 28 nm constants, bus and arbiter included;
/// - "accelergy-eyeriss": the areas of the parts of Accelergy's 168-PE example, per bit.
std::span<const AreaTable> area_tables();
const AreaTable& find_area_table(std::string_view name);

/// Bus of `pes` PEs with `words` per cycle, and their arbiter, um^2 by `table`.
double interconnect_area(const AreaTable& table, double pes, double words);

}  // namespace hsconas
