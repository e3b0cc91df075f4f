#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "hsconas/accel/accelerator.hpp"
#include "hsconas/accel/layer.hpp"

namespace hsconas {

/// What crosses a level of the memory hierarchy, in words by Tensor. Inward is towards the PEs;
/// for the output that is partial sums on their way back.
struct Transfers {
  std::array<double, kTensors> in{};
  std::array<double, kTensors> out{};
  double words() const;
};

/// Energy in the unit of the design's table; every array by Tensor. The total is their sum.
struct EnergyTerms {
  double mac = 0.0;
  std::array<double, kTensors> registers{};
  std::array<double, kTensors> noc{};
  std::array<double, kTensors> buffer{};
  std::array<double, kTensors> offchip{};
  double total() const;
  EnergyTerms& operator+=(const EnergyTerms& other);
};

/// The tile of a layer that the buffer holds at a time.
struct BufferTile {
  double k = 0, c = 0, y = 0, x = 0;  ///< Filters, channels (of `g` groups), output rows, columns.
  double g = 0;
  double bytes = 0;             ///< Held of it: inputs, weights, partial sums.
  bool double_buffered = true;  ///< The next tile loads while this one is computed.
};

/// What one layer costs on one design.
///
/// The model, in the terms of Timeloop (Parashar et al., ISPASS 2019) and MAESTRO (Kwon et al.,
/// MICRO 2019); all counts are exact integers in double:
///
///   Array.     A loop d of n_d iterations is spread over s_d PEs and, within a PE, over r_d values
///              kept in registers (Dataflow). a_d = min(n_d, s_d r_d) is the array tile;
///              f_d = ceil(ceil(n_d / s_d) / r_d) tiles cover the loop.
///   Compute.   n * prod_d ceil(n_d / s_d) * ceil(T / lanes) / T cycles, T = prod_d r_d.
///   NoC.       A tensor's array tile is sent anew whenever a loop it depends on moves: its words
///              times the iterations of the loops outside of the innermost such loop. Inputs slide
///              along the innermost loop, so only new columns are sent; neighbours may pass whole
///              windows (shifts_window). Without multicast every PE's copy is sent; without
///              reduction every PE's partial sum.
///   Off-chip.  The buffer holds tiles of k filters, c channels and y x x output pixels, multiples
///              of the array tile, and walks them so that one tensor stays: inputs (k innermost),
///              outputs (c innermost) or weights (pixels innermost). Of a small fixed family of
///              tiles that fit, with two of them in the buffer (one is loaded while the other is
///              used), the one with the fewest cycles is taken; among equals, the one with the
///              least off-chip bits, then the one with the least NoC words plus words of the tile.
///              Partial sums never leave the chip. Input rows that neighbouring tiles share (halo)
///              are fetched by each, except down a column of strips, which keeps them. Where not
///              even two of the smallest tiles fit, one is loaded, used and written in turn.
///   Cycles.    fill + max(compute, NoC in, NoC out, off-chip) + drain; fill brings the first array
///              tile through the buffer to the array and, in a systolic array, to the last PE; the
///              rest of the buffer's first tile follows while the array works. Drain takes the last
///              array tile's outputs the way back; both are left out of the maximum. One tile at a
///              time: off-chip is added, not overlapped.
///
/// More of a resource never costs cycles: no tile's cycles rise with a bandwidth, and for every
/// tile that a buffer may choose a larger one has the same or one with more filters, which sends
/// less.
struct LayerCost {
  double macs = 0.0;
  double cycles = 0.0;          ///< Rounded up to a whole cycle.
  double compute = 0.0;         ///< Cycles of each resource on its own: the array,
  double noc_in = 0.0;          ///< buffer to array,
  double noc_out = 0.0;         ///< array to buffer,
  double offchip_cycles = 0.0;  ///< off-chip memory, all its traffic.
  double fill = 0.0;
  double drain = 0.0;
  double utilization = 0.0;  ///< macs / (PEs x lanes x cycles), in [0, 1].
  Transfers noc;             ///< As sent: a multicast word once.
  Transfers buffer;          ///< in: reads, out: writes of the buffer.
  Transfers offchip;
  double offchip_bytes = 0.0;
  Transfers registers;  ///< in: writes, out: reads of all PEs' registers.
  EnergyTerms energy_terms;
  double energy = 0.0;
  BufferTile tile;

  const char* bound() const;  ///< "compute", "NoC in", "NoC out" or "off-chip".
};

/// A design made ready: its dataflow and tables are looked up once.
class CostModel {
 public:
  /// `design` has passed check().
  explicit CostModel(Accelerator design);
  ~CostModel();
  CostModel(CostModel&&) noexcept;
  CostModel& operator=(CostModel&&) noexcept;

  const Accelerator& design() const { return design_; }

  /// Throws Error(Infeasible) that names the global buffer and what the smallest tile needs when it
  /// does not fit. Below a microsecond, no allocation.
  LayerCost cost_of(const Layer& layer) const;

 private:
  struct Numbers;
  Accelerator design_;
  std::unique_ptr<Numbers> numbers_;
};

/// One layer on one design; see CostModel for many layers.
LayerCost cost_of(const Layer& layer, const Accelerator& design);

/// Sum over a network's layers, each `count` times, one after the other.
struct NetworkCost {
  std::vector<LayerCost> layers;  ///< Of one execution each, in the network's order.
  double macs = 0.0;
  double cycles = 0.0;
  double energy = 0.0;
  double offchip_bytes = 0.0;
  EnergyTerms energy_terms;
  double milliseconds = 0.0;  ///< cycles / clock.
};
NetworkCost cost_of(const Network& network, const Accelerator& design);

}  // namespace hsconas
