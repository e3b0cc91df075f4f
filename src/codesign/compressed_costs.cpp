#include "hsconas/codesign/compressed_costs.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "block_costs.hpp"
#include "hsconas/base/error.hpp"

namespace hsconas {

LayerBits words_with(int weight_bits) {
  if (weight_bits == 0) return {};
  return {.input = kActivationBits, .weight = weight_bits, .output = kActivationBits};
}

CompressedCosts::CompressedCosts(const SearchSpace& space, std::span<const Accelerator> designs,
                                 int batch, std::size_t most_bytes)
    : space_(space),
      blocks_(std::make_unique<BlockCosts>(designs, batch)),
      most_rows_(std::max<std::size_t>(1, most_bytes / (designs.size() * sizeof(PairCost)))) {}

CompressedCosts::~CompressedCosts() = default;

std::size_t CompressedCosts::designs() const {
  return blocks_->designs();
}

Block CompressedCosts::block_at(const BlockChoice& at) const {
  const int layer = static_cast<int>(at.position) - 1;
  if (layer < 0) return space_.stem();
  return layer < space_.layers() ? space_.block(layer, at.choice) : space_.head();
}

std::size_t CompressedCosts::block_number(const BlockChoice& at) {
  const auto known = numbers_.find(at);
  if (known != numbers_.end()) return known->second;
  const std::size_t number = keys_.emplace(block_at(at).key(), keys_.size()).first->second;
  numbers_.emplace(at, number);
  return number;
}

const CompressedCosts::Row& CompressedCosts::row(const BlockChoice& at, int bits) {
  const std::pair key{block_number(at), bits};
  const auto known = rows_.find(key);
  if (known != rows_.end()) return known->second;
  if (rows_.size() >= most_rows_) rows_.clear();
  Row& row = rows_[key];
  row.resize(designs());
  blocks_->add(block_at(at), words_with(bits), row);
  return row;
}

template <typename Use>
void CompressedCosts::for_each_row(const CompressedNetwork& network, const Use& use) {
  const std::size_t blocks = network.arch.size() + 2;
  if (!network.bits.empty() && network.bits.size() != blocks) {
    throw Error(ErrorKind::Internal, fmt::format("a compressed network of {} blocks has bits for "
                                                 "{}",
                                                 blocks, network.bits.size()));
  }
  for (std::size_t position = 0; position < blocks; ++position) {
    const bool is_layer = position > 0 && position + 1 < blocks;
    use(row({position, is_layer ? network.arch[position - 1] : LayerChoice{}},
            network.bits.empty() ? 0 : network.bits[position]));
  }
}

void CompressedCosts::costs(const CompressedNetwork& network, std::span<PairCost> out) {
  std::fill(out.begin(), out.end(), PairCost{});
  for_each_row(network, [&](const Row& row) {
    for (std::size_t i = 0; i < out.size(); ++i) {
      out[i].ms += row[i].ms;
      out[i].energy += row[i].energy;
    }
  });
}

PairCost CompressedCosts::cost(const CompressedNetwork& network, std::size_t design) {
  PairCost total;
  for_each_row(network, [&](const Row& row) {
    total.ms += row[design].ms;
    total.energy += row[design].energy;
  });
  return total;
}

}  // namespace hsconas
