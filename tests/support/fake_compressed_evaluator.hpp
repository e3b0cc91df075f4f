#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "hsconas/base/error.hpp"
#include "hsconas/base/rng.hpp"
#include "hsconas/codesign/compressed_network.hpp"
#include "hsconas/space/search_space.hpp"

namespace hsconas {

/// Accuracies of compressed networks that are easy to know: each block loses a share of its own
/// when its weights have fewer than 8 bits, and each layer when it has fewer inner channels.
class FakeCompressedEvaluator : public CompressedEvaluator {
 public:
  /// `starts` with the accuracies that they have before they are compressed.
  FakeCompressedEvaluator(const SearchSpace& space, std::vector<Architecture> starts,
                          std::vector<double> accuracies, std::uint64_t seed = 1)
      : space_(space), starts_(std::move(starts)), accuracies_(std::move(accuracies)) {
    Rng rng(seed, "fake-compressed-evaluator");
    for (int block = 0; block < space.layers() + 2; ++block) {
      bits_loss_.push_back(rng.uniform(0.0, 0.02));
      width_loss_.push_back(rng.uniform(0.0, 0.1));
    }
  }

  double accuracy_of(const CompressedNetwork& network) const {
    double accuracy = accuracies_[network.start];
    for (std::size_t block = 0; block < network.bits.size(); ++block) {
      accuracy -= bits_loss_[block] * (8 - network.bits[block]);
    }
    const Architecture& start = starts_[network.start];
    for (int layer = 0; layer < space_.layers(); ++layer) {
      const auto l = static_cast<std::size_t>(layer);
      const int full = space_.mid_channels(layer, start[l]);
      if (full == 0) continue;
      const int kept = space_.mid_channels(layer, network.arch[l]);
      accuracy -= width_loss_[l] * (1.0 - static_cast<double>(kept) / full);
    }
    return std::clamp(accuracy, 0.0, 1.0);
  }

  std::vector<double> accuracy(std::span<const CompressedNetwork> networks) override {
    std::vector<double> result;
    for (const CompressedNetwork& network : networks) {
      if (asked.size() >= interrupt_at) {
        throw Error(ErrorKind::Interrupted, "stopped by the test");
      }
      asked.push_back(network);
      result.push_back(accuracy_of(network));
    }
    return result;
  }

  std::vector<CompressedNetwork> asked;  ///< All networks evaluated so far, in order.
  std::size_t interrupt_at = std::numeric_limits<std::size_t>::max();

 private:
  const SearchSpace& space_;
  std::vector<Architecture> starts_;
  std::vector<double> accuracies_;
  std::vector<double> bits_loss_;   ///< Per block and bit.
  std::vector<double> width_loss_;  ///< Per layer, of all its inner channels.
};

}  // namespace hsconas
