#pragma once

#include <cstddef>
#include <cstdint>

#include "extents.hpp"
#include "hsconas/accel/accelerator.hpp"

namespace hsconas {

/// Eight designs of one dataflow: their numbers side by side in the order of engine::each_number(),
/// and their indices in the batch. If only `used` are needed, the last of them fills the rest.
struct Octet {
  static constexpr std::size_t kDesigns = 8;
  static constexpr std::size_t kNumbers = 12 + 8 * kTensors;

  const Dataflow* dataflow = nullptr;
  std::size_t used = 0;
  std::size_t index[kDesigns]{};
  /// Bit w - 1 is set for every width of w bits that a design supports.
  std::uint64_t input_widths[kDesigns]{}, weight_widths[kDesigns]{};
  alignas(64) double numbers[kNumbers][kDesigns]{};
};

/// Sums over layers, by design; infinite if the smallest tile of a layer does not fit.
struct OctetCost {
  alignas(64) double cycles[Octet::kDesigns]{};
  alignas(64) double energy[Octet::kDesigns]{};
};

/// Adds `count` times a layer's cost to `total`. The kernels are the same code for different
/// instruction sets and give the same bits.
using OctetKernel = void (*)(const Extents& layer, double count, const Octet& designs,
                             OctetCost& total);
void add_cost_plain(const Extents& layer, double count, const Octet& designs, OctetCost& total);
void add_cost_avx2(const Extents& layer, double count, const Octet& designs, OctetCost& total);
void add_cost_avx512(const Extents& layer, double count, const Octet& designs, OctetCost& total);

}  // namespace hsconas
