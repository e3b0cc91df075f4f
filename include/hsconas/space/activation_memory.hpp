#pragma once

#include <cstdint>
#include <span>

#include "hsconas/space/block.hpp"

namespace hsconas {

/// The largest number of activation values that are in memory at once while `block` runs on one
/// image, primitive by primitive and path by path, under these rules:
/// - A convolution, pooling, linear layer or channel shuffle writes a new array while its input is
///   there; batch norm and ReLU work in place.
/// - The block's input is there until the last path has read it and, where the merge adds it, until
///   the end. A path that takes half of the channels reads them from there.
/// - The results of finished paths are parts of the block's output, so joining them takes no
///   further array; neither does the addition. Several paths copy what a path without primitives
///   passes on; a block that only passes its input on takes no array besides the input.
/// No array of one block is there while another block runs, except for that between them. Weights
/// are not counted.
/// Cost: one walk over the primitives.
std::int64_t peak_activations(const Block& block);

/// The largest peak_activations() of a network's blocks.
std::int64_t peak_activations(std::span<const Block> network);

}  // namespace hsconas
