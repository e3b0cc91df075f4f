#include "design_phases.hpp"

namespace hsconas {

namespace {

struct AxisPhase {
  std::string_view key;  ///< Without the part after a dot: "register_words.weight" has this one.
  DesignPhase phase;
};

// To add an axis, add a line: which phase decides it?
constexpr AxisPhase kAxisPhases[] = {
    {"pes", DesignPhase::Array},
    {"rows", DesignPhase::Array},
    {"columns", DesignPhase::Array},
    {"lanes", DesignPhase::Array},
    {"register_words", DesignPhase::Array},
    {"buffer_bytes", DesignPhase::Array},
    {"offchip_bytes", DesignPhase::Array},
    {"bits", DesignPhase::Array},
    {"dataflow", DesignPhase::Dataflow},
    {"noc_words", DesignPhase::Supply},
    {"noc_hop_cycles", DesignPhase::Supply},
    {"multicast", DesignPhase::Supply},
    {"reduction", DesignPhase::Supply},
    {"clock_mhz", DesignPhase::Supply},
    {"voltage", DesignPhase::Supply},
    {"energy", DesignPhase::Supply},
    {"area", DesignPhase::Supply},
};

}  // namespace

DesignPhase phase_of_axis(std::string_view key) {
  const std::string_view whole = key.substr(0, key.find('.'));
  for (const AxisPhase& axis : kAxisPhases) {
    if (axis.key == whole) return axis.phase;
  }
  return DesignPhase::Supply;
}

}  // namespace hsconas
