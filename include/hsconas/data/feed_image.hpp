#pragma once

#include <cstdint>

#include "hsconas/data/image_source.hpp"
#include "hsconas/data/transform.hpp"
#include "hsconas/kernels/image_feed.hpp"

namespace hsconas {

/// The record of a training image for an ImageFeed. The caller sets `at`, and `width` and `height`
/// for a crop.
ImageRecord record_of(const Draw& draw, int label);

/// A training image to be copied to an ImageFeed.
struct FeedImage {
  ImageRecord record;  ///< The caller sets `at`.
  Image image;
  Rect part;  ///< The part of `image` that is copied.

  std::int64_t bytes() const;
  /// Writes bytes() bytes.
  void copy_to(std::uint8_t* out) const;
};

/// Loads image `i` with the same random draws as Transform::train(). A crop is resized here, on the
/// host, when it has more than `most_bytes` bytes or needs more filter weights than the feed allows
/// (kMostCropWeights). `most_bytes` must be at least the bytes of a square of image_size.
void load_feed_image(const Transform& transform, const ImageSource& source, std::int64_t i,
                     Rng& rng, std::int64_t most_bytes, FeedImage& out);

}  // namespace hsconas
