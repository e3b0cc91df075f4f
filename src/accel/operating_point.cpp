#include "hsconas/accel/operating_point.hpp"

#include <cmath>

namespace hsconas {

namespace {

constexpr double kAlpha = 1.3;

/// Proportional to the clock that transistors allow at `voltage`.
double speed(const Supply& supply, double voltage) {
  return std::pow(voltage - supply.threshold, kAlpha) / voltage;
}

}  // namespace

OperatingPoint operating_point(const Accelerator& design) {
  OperatingPoint point{.clock_mhz = design.clock_mhz, .offchip_bytes = design.offchip_bytes};
  if (design.leakage_mw_per_mm2 > 0.0) {
    point.leakage_mw = design.leakage_mw_per_mm2 * area_of(design).total() / 1e6;
  }
  const Supply& supply = design.supply;
  if (design.voltage == supply.nominal) return point;
  const double faster = speed(supply, design.voltage) / speed(supply, supply.nominal);
  const double higher = design.voltage / supply.nominal;
  point.clock_mhz *= faster;
  point.offchip_bytes /= faster;
  point.energy = higher * higher;
  point.leakage_mw *= higher;
  return point;
}

}  // namespace hsconas
