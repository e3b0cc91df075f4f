#pragma once

#include <string_view>

namespace hsconas {

/// The parts of a pair, in the order in which a controller decides them, so that each part may
/// depend on those before it.
enum class DesignPhase {
  Network,   ///< Operators and widths.
  Array,     ///< PEs, registers, buffers, bandwidths, numbers of bits.
  Dataflow,  ///< How layers are laid out on the array.
  Supply     ///< Clock, network on the chip, energy and area tables.
};
inline constexpr int kDesignPhases = 4;

/// The phase that decides the axis `key` of a design space, see DesignAxis. An axis that the table
/// in design_phases.cpp does not name is decided last.
DesignPhase phase_of_axis(std::string_view key);

}  // namespace hsconas
