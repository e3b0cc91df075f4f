#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "hsconas/int8/activation_scale.hpp"
#include "hsconas/int8/integer_weights.hpp"
#include "hsconas/space/block.hpp"

namespace hsconas {

/// A network of integers: everything that determines what it computes. The program evaluates and
/// exports this description, so both agree.
struct IntegerNetwork {
  std::vector<Block> blocks;
  ActivationScales scales;
  std::vector<std::vector<IntegerWeights>> weights;  ///< [block][slot], see for_each_weighted().

  /// Bytes of all weights at their number of bits, with scales and biases.
  std::int64_t weight_bytes() const;
};

/// The weights of a network: of primitive p, the slot-th weighted one of its block.
using WeightSource =
    std::function<RealWeights(std::size_t block, std::size_t slot, const Primitive& p)>;
/// The number of bits of these weights, see quantise_weights().
using WeightBits = std::function<int(std::size_t block, std::size_t slot, const Primitive& p)>;

/// 8 bits for all weights.
int eight_bits(std::size_t block, std::size_t slot, const Primitive& p);

/// Rounds the weights of `blocks` to integers. `scales` must have one entry for each point of each
/// block. Throws what quantise_weights() throws.
IntegerNetwork quantise(std::vector<Block> blocks, ActivationScales scales,
                        const WeightSource& weights, const WeightBits& bits = eight_bits);

}  // namespace hsconas
