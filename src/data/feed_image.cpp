#include "hsconas/data/feed_image.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "hsconas/kernels/triangle_filter.hpp"

namespace hsconas {

namespace {

bool is_taken(const FeedImage& image, int side, std::int64_t most_bytes) {
  return image.bytes() <= most_bytes &&
         TriangleFilter(image.part.width, side).taps <= kMostCropWeights &&
         TriangleFilter(image.part.height, side).taps <= kMostCropWeights;
}

}  // namespace

ImageRecord record_of(const Draw& draw, int label) {
  ImageRecord record;
  record.label = label;
  record.shift_x = draw.shift_x;
  record.shift_y = draw.shift_y;
  record.jitter = draw.jitter;
  record.is_mirrored = draw.is_mirrored;
  return record;
}

std::int64_t FeedImage::bytes() const {
  return std::int64_t{part.width} * part.height * image.channels;
}

void FeedImage::copy_to(std::uint8_t* out) const {
  const auto channels = static_cast<std::size_t>(image.channels);
  const std::size_t stride = static_cast<std::size_t>(image.width) * channels;
  const std::size_t row = static_cast<std::size_t>(part.width) * channels;
  const std::uint8_t* from = image.pixels.data() + static_cast<std::size_t>(part.y) * stride +
                             static_cast<std::size_t>(part.x) * channels;
  for (int y = 0; y < part.height; ++y, from += stride) out = std::copy_n(from, row, out);
}

void load_feed_image(const Transform& transform, const ImageSource& source, std::int64_t i,
                     Rng& rng, std::int64_t most_bytes, FeedImage& out) {
  const int side = transform.preprocessing().image_size;
  const Draw draw = transform.load(source, i, rng, out.image);
  out.record = record_of(draw, source.label(i));
  const bool has_crop = transform.preprocessing().augment == Augment::Imagenet;
  out.part = has_crop ? draw.crop : Rect{0, 0, side, side};
  if (!is_taken(out, side, most_bytes)) {
    thread_local Image square;
    resize(out.image, out.part, side, side, square);
    std::swap(out.image, square);
    out.part = {0, 0, side, side};
  }
  out.record.width = out.part.width;
  out.record.height = out.part.height;
}

}  // namespace hsconas
