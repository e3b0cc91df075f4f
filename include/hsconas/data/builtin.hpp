#pragma once

#include "hsconas/data/binary_sets.hpp"

namespace hsconas {

/// Generates a data set, so that everything runs without a download: 10,000 training and 2,000 test
/// images, 32 x 32, colour, ten balanced classes.
///
/// A class is a shape or a pattern: disc, ring, square, frame, triangle, cross, stripes, checks,
/// crescent, pair of discs. Place, size, rotation, stretch, colours, background, noise and
/// distracting strokes are random, so that no single pixel is informative and a linear classifier
/// does far worse than a small convolutional network. The bytes are the same on every platform,
/// because drawing uses integers only.
TrainTest make_builtin(int workers);

}  // namespace hsconas
