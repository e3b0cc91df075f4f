#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "hsconas/accel/accelerator.hpp"
#include "hsconas/space/search_space.hpp"

namespace hsconas {

/// What a network costs on a design, per batch. Infinite where it does not fit the buffer.
struct PairCost {
  double ms = 0.0;
  double energy = 0.0;  ///< In the unit of the design's energy table.

  double product() const { return ms * energy; }  ///< Energy x delay.
};

/// Costs of networks on designs. A seam: the accelerator model's is CostTable; tests have a fake
/// whose rankings are known.
class PairCostModel {
 public:
  virtual ~PairCostModel() = default;
  virtual std::size_t designs() const = 0;
  virtual PairCost cost(const Architecture& arch, std::size_t design) const = 0;
  /// On every design: `out` has designs() entries. The same numbers as cost().
  virtual void costs(const Architecture& arch, std::span<PairCost> out) const;
};

/// The accelerator model for all architectures of a space on many designs: every distinct block is
/// costed once on every design (DesignBatch), so that a pair only adds up.
class CostTable : public PairCostModel {
 public:
  /// `batch` images at a time. Cost: distinct blocks x designs; their product x 16 bytes.
  CostTable(const SearchSpace& space, std::span<const Accelerator> designs, int batch = 1);

  std::size_t designs() const override { return designs_; }
  PairCost cost(const Architecture& arch, std::size_t design) const override;
  void costs(const Architecture& arch, std::span<PairCost> out) const override;

 private:
  const PairCost* row(std::size_t layer, LayerChoice choice) const;

  std::size_t designs_ = 0;
  std::size_t ops_ = 0;
  std::size_t widths_ = 0;
  std::vector<std::size_t> rows_;  ///< [layer][op][width]: which row of values_.
  std::vector<PairCost> fixed_;    ///< [design]: stem and head.
  std::vector<PairCost> values_;   ///< [distinct block][design].
};

}  // namespace hsconas
