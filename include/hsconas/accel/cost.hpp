#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "hsconas/accel/accelerator.hpp"
#include "hsconas/accel/layer.hpp"

namespace hsconas {

/// Words that cross a level of the memory hierarchy, by Tensor.
struct Transfers {
  std::array<double, kTensors> in{};   ///< Towards the PEs; for the output, returning partial sums.
  std::array<double, kTensors> out{};  ///< Away from the PEs.
  double words() const;
};

/// Energy in the unit of the design's table; every array by Tensor. The total is their sum.
struct EnergyTerms {
  double mac = 0.0;
  std::array<double, kTensors> registers{};
  std::array<double, kTensors> noc{};
  std::array<double, kTensors> buffer{};
  std::array<double, kTensors> offchip{};
  double leakage = 0.0;  ///< Of the whole design, while the layer runs.
  double total() const;
  EnergyTerms& operator+=(const EnergyTerms& other);
};

/// The part of a layer that the buffer holds at a time.
struct BufferTile {
  double k = 0, c = 0, y = 0, x = 0;  ///< Filters, channels (of `g` groups), output rows, columns.
  double g = 0;
  double bytes = 0;             ///< Size of its inputs, weights and partial sums.
  bool double_buffered = true;  ///< The next tile loads while this one is computed.
};

/// Cost of one layer on one design.
///
/// The model, in the terms of Timeloop (Parashar et al., ISPASS 2019) and MAESTRO (Kwon et al.,
/// MICRO 2019); all counts are exact integers in double:
///
///   Array.     A loop d of n_d iterations is spread over s_d PEs and, within a PE, over r_d values
///              kept in registers (Dataflow). a_d = min(n_d, s_d r_d) is the array tile;
///              f_d = ceil(ceil(n_d / s_d) / r_d) tiles cover the loop.
///   Compute.   n * prod_d ceil(n_d / s_d) * ceil(T / lanes) / T cycles, T = prod_d r_d.
///   NoC.       A tensor's array tile is sent anew whenever a loop that it depends on advances. So
///              the whole tensor is sent once per iteration of the other loops that lie outside of
///              the innermost such loop. If the innermost loop runs along output columns, only new
///              input columns are sent; with shifts_window neighbours pass whole windows. Without
///              multicast every PE's copy is sent; without reduction every PE's partial sum.
///   Off-chip.  The buffer holds tiles of k filters, c channels and y x x output pixels, multiples
///              of the array tile, in an order that keeps one tensor in place: inputs (k
///              innermost), outputs (c innermost) or weights (pixels innermost). The tile is chosen
///              from a small fixed family; two must fit, since one is loaded while the other is
///              used. Fewest cycles win, then fewest off-chip bits, then fewest NoC words plus tile
///              words. Partial sums never leave the chip. Input rows that neighbouring tiles share
///              (halo) are fetched by each, except by strips that follow each other downwards,
///              which keep them. If not even two of the smallest tiles fit, one is loaded, used and
///              written in turn.
///   Cycles.    fill + max(compute, NoC in, NoC out, off-chip) + drain. Fill brings the first array
///              tile through the buffer to the array and, in a systolic array, to the last PE; the
///              rest of the buffer's first tile follows while the array works. Drain takes the last
///              array tile's outputs back. The maximum leaves out the transfers of fill and drain.
///              With a single tile in the buffer, off-chip cycles are added, not overlapped.
///
///   Widths.    A layer with word widths of its own (LayerBits) has smaller words in the buffer and
///              off-chip, and its accesses and transfers cost energy in proportion. The array, its
///              registers and the NoC are built for the design's words, so that a narrow word takes
///              the place and the time of a wide one there, and a multiply-add costs what it costs.
///   Voltage.   The bytes per cycle from off-chip memory, the energies on the chip and the leakage
///              are those of operating_point(). Leakage costs energy in each of `cycles`.
///
/// More of a resource never costs cycles: the cycles of a tile never rise with a bandwidth, and for
/// every tile that fits a buffer, a larger buffer offers the same tile or one with more filters,
/// which has less traffic.
struct LayerCost {
  double macs = 0.0;
  double cycles = 0.0;          ///< Rounded up to a whole cycle.
  double compute = 0.0;         ///< Cycles that the array alone would take.
  double noc_in = 0.0;          ///< Cycles of the transfers from buffer to array.
  double noc_out = 0.0;         ///< Cycles of the transfers from array to buffer.
  double offchip_cycles = 0.0;  ///< Cycles of all off-chip transfers.
  double fill = 0.0;
  double drain = 0.0;
  double utilization = 0.0;  ///< macs / (PEs x lanes x cycles), in [0, 1].
  Transfers noc;             ///< A multicast word counts once.
  Transfers buffer;          ///< in: reads, out: writes of the buffer.
  Transfers offchip;
  double offchip_bytes = 0.0;
  Transfers registers;  ///< in: writes, out: reads of all PEs' registers.
  EnergyTerms energy_terms;
  double energy = 0.0;
  BufferTile tile;

  const char* bound() const;  ///< "compute", "NoC in", "NoC out" or "off-chip".
};

/// The cost model of one design, whose dataflow and tables are looked up once.
class CostModel {
 public:
  /// `design` has passed check().
  explicit CostModel(Accelerator design);
  ~CostModel();
  CostModel(CostModel&&) noexcept;
  CostModel& operator=(CostModel&&) noexcept;

  const Accelerator& design() const { return design_; }

  /// Throws Error(Infeasible) with the sizes of the global buffer and of the smallest tile when the
  /// tile does not fit, and when the design does not support the layer's word widths. Takes less
  /// than a microsecond and does not allocate.
  LayerCost cost_of(const Layer& layer) const;

 private:
  struct Numbers;
  Accelerator design_;
  std::unique_ptr<Numbers> numbers_;
};

/// One layer on one design; see CostModel for many layers.
LayerCost cost_of(const Layer& layer, const Accelerator& design);

/// Sum over a network's layers, which run one after the other, each `count` times.
struct NetworkCost {
  std::vector<LayerCost> layers;  ///< Cost of running each layer once, in the network's order.
  double macs = 0.0;
  double cycles = 0.0;
  double energy = 0.0;
  double offchip_bytes = 0.0;
  EnergyTerms energy_terms;
  double milliseconds = 0.0;  ///< cycles / clock of the operating point.
};
NetworkCost cost_of(const Network& network, const Accelerator& design);

}  // namespace hsconas
