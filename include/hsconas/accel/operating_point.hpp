#pragma once

#include "hsconas/accel/accelerator.hpp"

namespace hsconas {

/// Clock, energies and bandwidth of a design at its supply voltage V:
///
///   clock    f(V) = k (V - Vt)^1.3 / V, with k such that f(nominal) is Accelerator::clock_mhz: the
///            alpha-power law of Sakurai and Newton (IEEE J. Solid-State Circuits 25(2), 1990),
///            with the alpha of short channels.
///   energy   of a switched capacitance: (V / nominal)^2.
///   leakage  of a constant current: V / nominal.
///
/// Off-chip memory has a supply and a clock of its own: its energy per word and its bytes per
/// second stay, so that the bytes per cycle of the design fall as its clock rises.
///
/// At the nominal voltage, every number is exactly that of the design.
struct OperatingPoint {
  double clock_mhz = 0.0;
  double energy = 1.0;         ///< Of an operation on the chip, relative to the nominal voltage.
  double offchip_bytes = 0.0;  ///< Per cycle of clock_mhz.
  double leakage_mw = 0.0;     ///< Of the whole design, by its area.

  /// In pJ.
  double leakage_per_cycle() const { return leakage_mw / clock_mhz * 1e3; }
};

/// `design` has passed check().
OperatingPoint operating_point(const Accelerator& design);

}  // namespace hsconas
