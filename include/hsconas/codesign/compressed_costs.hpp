#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "hsconas/accel/accelerator.hpp"
#include "hsconas/accel/layer.hpp"
#include "hsconas/codesign/compressed_network.hpp"
#include "hsconas/codesign/pair_cost.hpp"
#include "hsconas/space/search_space.hpp"

namespace hsconas {

class BlockCosts;

/// Bits of activations wherever weights are rounded.
inline constexpr int kActivationBits = 8;

/// The words of a block whose weights have `weight_bits`; 0: those of the design.
LayerBits words_with(int weight_bits);

/// Costs of compressed networks by the accelerator model. A pair of a block and its bits is costed
/// on all designs when it is met first, so that a network only adds up. Not for use from two
/// threads at once.
class CompressedCosts {
 public:
  /// Numbers kept at most, in bytes: 256 MiB. When the table is full it starts anew, since costing
  /// a block again takes microseconds per design.
  static constexpr std::size_t kMostBytes = std::size_t{1} << 28U;

  /// `batch` images at a time. The space must outlive this object.
  CompressedCosts(const SearchSpace& space, std::span<const Accelerator> designs, int batch = 1,
                  std::size_t most_bytes = kMostBytes);
  ~CompressedCosts();
  CompressedCosts(const CompressedCosts&) = delete;
  CompressedCosts& operator=(const CompressedCosts&) = delete;

  std::size_t designs() const;
  /// Writes the costs of `network` on every design, per batch, into `out`, which has designs()
  /// entries. A cost is infinite if the network does not fit the buffer of the design, or if the
  /// design does not support its words.
  void costs(const CompressedNetwork& network, std::span<PairCost> out);
  PairCost cost(const CompressedNetwork& network, std::size_t design);

 private:
  using Row = std::vector<PairCost>;  ///< One entry per design.

  /// A block of a network. Position 0 is the stem, and the last position is the head; `choice`
  /// matters for the layers between them only.
  struct BlockChoice {
    std::size_t position = 0;
    LayerChoice choice;
    // NOLINTNEXTLINE(modernize-use-nullptr): clang-tidy 14 misreads what <=> compares with
    auto operator<=>(const BlockChoice&) const = default;
  };

  Block block_at(const BlockChoice& at) const;
  /// The number that all choices with equal blocks share.
  std::size_t block_number(const BlockChoice& at);
  const Row& row(const BlockChoice& at, int bits);
  /// Calls `use` with the row of every block of `network`.
  template <typename Use>
  void for_each_row(const CompressedNetwork& network, const Use& use);

  const SearchSpace& space_;
  std::unique_ptr<BlockCosts> blocks_;
  std::size_t most_rows_;
  std::map<BlockChoice, std::size_t> numbers_;
  std::map<std::string, std::size_t> keys_;          ///< Block::key(); which number it has.
  std::map<std::pair<std::size_t, int>, Row> rows_;  ///< By block number and bits; 0: the design's.
};

}  // namespace hsconas
