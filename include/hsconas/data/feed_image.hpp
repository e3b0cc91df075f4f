#pragma once

#include <cstdint>

#include "hsconas/data/image_source.hpp"
#include "hsconas/data/transform.hpp"
#include "hsconas/kernels/image_feed.hpp"

namespace hsconas {

/// How an ImageFeed makes an image with this label out of its bytes; the place of the bytes and the
/// size of a crop are left open.
ImageRecord record_of(const Draw& draw, int label);

/// A training image on its way to an ImageFeed.
struct FeedImage {
  ImageRecord record;  ///< The place of the bytes is left open.
  Image image;
  Rect part;  ///< The part of `image` that is wanted.

  std::int64_t bytes() const;
  /// Writes bytes() bytes.
  void copy_to(std::uint8_t* out) const;
};

/// Loads image `i` and draws what Transform::train() draws. A crop of more than `most_bytes`, which
/// is at least a square's bytes, or with too many pixels for the feed's filter is resized here.
void load_feed_image(const Transform& transform, const ImageSource& source, std::int64_t i,
                     Rng& rng, std::int64_t most_bytes, FeedImage& out);

}  // namespace hsconas
