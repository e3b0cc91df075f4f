#pragma once

namespace hsconas {

/// Files with longer times, in ms, are refused: it is 30 years, and sums and squares of what is
/// accepted stay finite.
inline constexpr double kLargestMs = 1e12;

}  // namespace hsconas
