#pragma once

#include <cstddef>

#include "extents.hpp"
#include "hsconas/accel/accelerator.hpp"

namespace hsconas {

/// Eight designs of one dataflow as numbers side by side (engine::each_number's order), and where
/// they stand in the batch; what a block lacks to eight is the last one again.
struct Octet {
  static constexpr std::size_t kDesigns = 8;
  static constexpr std::size_t kNumbers = 10 + 8 * kTensors;

  const Dataflow* dataflow = nullptr;
  std::size_t used = 0;
  std::size_t index[kDesigns]{};
  alignas(64) double numbers[kNumbers][kDesigns]{};
};

/// Sums over layers, by design; infinite where a layer's smallest tile does not fit.
struct OctetCost {
  alignas(64) double cycles[Octet::kDesigns]{};
  alignas(64) double energy[Octet::kDesigns]{};
};

/// Adds `count` times a layer's cost. The same code for different instruction sets; all give the
/// same bits.
using OctetKernel = void (*)(const Extents& layer, double count, const Octet& designs,
                             OctetCost& total);
void add_cost_plain(const Extents& layer, double count, const Octet& designs, OctetCost& total);
void add_cost_avx2(const Extents& layer, double count, const Octet& designs, OctetCost& total);
void add_cost_avx512(const Extents& layer, double count, const Octet& designs, OctetCost& total);

}  // namespace hsconas
