#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "hsconas/accel/accelerator.hpp"
#include "hsconas/accel/layer.hpp"

namespace hsconas {

/// Many designs at once: the model of cost.hpp for eight of them side by side, bit for bit the
/// same numbers. Immutable, so one object serves any number of threads.
class DesignBatch {
 public:
  /// Designs have passed check(); any mixture of dataflows, best many of each.
  explicit DesignBatch(std::span<const Accelerator> designs);
  ~DesignBatch();
  DesignBatch(DesignBatch&&) noexcept;
  DesignBatch& operator=(DesignBatch&&) noexcept;

  std::size_t size() const;

  /// Cycles and energy of one layer on every design, in their order; infinite where its smallest
  /// tile does not fit the buffer. Spans of size() values. No allocation.
  void cost_of(const Layer& layer, std::span<double> cycles, std::span<double> energy) const;

  /// The same for a network, every layer `count` times. Each design's sum runs in the layers'
  /// order on one thread, so any number of threads gives the same bits. No allocation on one.
  void cost_of(const Network& network, std::span<double> cycles, std::span<double> energy,
               int threads = 1) const;

 private:
  struct Blocks;
  std::unique_ptr<Blocks> blocks_;
};

}  // namespace hsconas
