#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "hsconas/accel/accelerator.hpp"
#include "hsconas/accel/layer.hpp"

namespace hsconas {

/// The cost model for many designs at once. It computes eight designs side by side and gives the
/// numbers of CostModel bit for bit. Immutable, so one object serves any number of threads.
class DesignBatch {
 public:
  /// `designs` have passed check(). Dataflows may be mixed; many designs of each are fastest.
  explicit DesignBatch(std::span<const Accelerator> designs);
  ~DesignBatch();
  DesignBatch(DesignBatch&&) noexcept;
  DesignBatch& operator=(DesignBatch&&) noexcept;

  std::size_t size() const;

  /// Writes cycles and energy of one layer on every design, in their order, to spans of size()
  /// values; infinite where the smallest tile does not fit the buffer, and where the design does
  /// not support the layer's word widths. Does not allocate.
  void cost_of(const Layer& layer, std::span<double> cycles, std::span<double> energy) const;

  /// The same for a network, with every layer `count` times. Each design is summed in the order of
  /// the layers by one thread, so any number of threads gives the same bits. Does not allocate if
  /// `threads` is 1.
  void cost_of(const Network& network, std::span<double> cycles, std::span<double> energy,
               int threads = 1) const;

 private:
  struct Blocks;
  std::unique_ptr<Blocks> blocks_;
};

}  // namespace hsconas
