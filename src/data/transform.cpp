#include "hsconas/data/transform.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstddef>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "hsconas/base/error.hpp"
#include "hsconas/base/text.hpp"

namespace hsconas {

namespace {

/// The length that the shorter side is resized to before the central square is cropped.
int evaluation_shorter_side(const Preprocessing& how) {
  constexpr int kResized = 256;
  constexpr int kCropped = 224;
  if (how.augment != Augment::Imagenet) return how.image_size;
  return (how.image_size * kResized + kCropped / 2) / kCropped;
}

/// A random crop's area as a fraction of the image's, and its ratio of width to height.
struct CropShape {
  double area = 1.0;
  double ratio = 1.0;
};

CropShape draw_crop_shape(Rng& rng) {
  constexpr double kMinArea = 0.08;
  const double limit = std::log(4.0 / 3.0);
  const double area = rng.uniform(kMinArea, 1.0);
  return {area, std::exp(rng.uniform(-limit, limit))};
}

/// The shorter side to which the image may be reduced so that a crop of this shape need not be
/// enlarged to `side` pixels.
int sufficient_side(const CropShape& shape, int side) {
  const double elongation = std::max(shape.ratio, 1.0 / shape.ratio);
  return static_cast<int>(std::ceil(side / std::sqrt(shape.area / elongation)));
}

int draw_below(int bound, Rng& rng) {
  return static_cast<int>(rng.below(static_cast<std::uint64_t>(bound)));
}

/// The largest central part with a ratio of width to height in [3/4, 4/3].
Rect central_part(int width, int height) {
  const double ratio = static_cast<double>(width) / height;
  Rect part{0, 0, width, height};
  if (ratio > 4.0 / 3.0) part.width = static_cast<int>(std::lround(height * 4.0 / 3.0));
  if (ratio < 3.0 / 4.0) part.height = static_cast<int>(std::lround(width * 4.0 / 3.0));
  part.x = (width - part.width) / 2;
  part.y = (height - part.height) / 2;
  return part;
}

/// Places a crop of `shape` at random. A shape that does not fit is drawn again; after 10 tries the
/// crop is central_part().
Rect place_crop(CropShape shape, int width, int height, Rng& rng) {
  constexpr int kTries = 10;
  for (int i = 0; i < kTries; ++i) {
    const double area = shape.area * width * height;
    const auto w = static_cast<int>(std::lround(std::sqrt(area * shape.ratio)));
    const auto h = static_cast<int>(std::lround(std::sqrt(area / shape.ratio)));
    if (w > 0 && w <= width && h > 0 && h <= height) {
      const int x = draw_below(width - w + 1, rng);
      const int y = draw_below(height - h + 1, rng);
      return {x, y, w, h};
    }
    shape = draw_crop_shape(rng);
  }
  return central_part(width, height);
}

float grey_of(const float* pixel) {
  return 0.299F * pixel[0] + 0.587F * pixel[1] + 0.114F * pixel[2];
}

/// Sets every value to `base` + factor * (value - base), clamped to [0, 1].
void blend(float* values, std::size_t count, float base, float factor) {
  for (std::size_t i = 0; i < count; ++i) {
    values[i] = std::clamp(base + factor * (values[i] - base), 0.0F, 1.0F);
  }
}

float mean_grey(const float* pixels, std::size_t count, int channels) {
  double sum = 0.0;
  for (std::size_t i = 0; i < count; ++i) {
    sum += channels == 3 ? grey_of(&pixels[i * 3]) : pixels[i];
  }
  return static_cast<float>(sum / static_cast<double>(count));
}

}  // namespace

Jitter draw_jitter(Rng& rng) {
  constexpr double kStrength = 0.4;
  Jitter jitter;
  rng.shuffle(std::span<ColourStep>(jitter.steps));
  for (float& factor : jitter.factors) {
    factor = static_cast<float>(rng.uniform(1.0 - kStrength, 1.0 + kStrength));
  }
  return jitter;
}

void jitter_colours(float* pixels, std::size_t count, int channels, const Jitter& jitter) {
  const std::size_t values = count * static_cast<std::size_t>(channels);
  for (std::size_t k = 0; k < std::size(jitter.steps); ++k) {
    const float factor = jitter.factors[k];
    switch (jitter.steps[k]) {
      case ColourStep::Brightness:
        blend(pixels, values, 0.0F, factor);
        break;
      case ColourStep::Contrast:
        blend(pixels, values, mean_grey(pixels, count, channels), factor);
        break;
      case ColourStep::Saturation:
        if (channels != 3) break;
        for (std::size_t i = 0; i < count; ++i) {
          blend(&pixels[i * 3], 3, grey_of(&pixels[i * 3]), factor);
        }
        break;
    }
  }
}

Transform::Transform(Preprocessing how) : how_(std::move(how)) {
  const auto channels = static_cast<std::size_t>(how_.channels);
  if (how_.image_size <= 0 || how_.normalisation.mean.size() != channels ||
      how_.normalisation.std.size() != channels) {
    throw Error(ErrorKind::Internal,
                "preprocessing needs an image size, and a mean and a standard "
                "deviation per channel");
  }
  value_of_.resize(channels);
  for (std::size_t c = 0; c < channels; ++c) {
    for (std::size_t byte = 0; byte < 256; ++byte) {
      value_of_[c][byte] = (static_cast<float>(byte) / 255.0F - how_.normalisation.mean[c]) /
                           how_.normalisation.std[c];
    }
  }
}

std::size_t Transform::values() const {
  const auto side = static_cast<std::size_t>(how_.image_size);
  return side * side * static_cast<std::size_t>(how_.channels);
}

void Transform::write(const Image& square, float* out) const {
  assert(square.pixels.size() == values());
  const std::size_t channels = value_of_.size();
  for (std::size_t i = 0; i < square.pixels.size(); i += channels) {
    for (std::size_t c = 0; c < channels; ++c) out[i + c] = value_of_[c][square.pixels[i + c]];
  }
}

void Transform::evaluate(const ImageSource& source, std::int64_t i, float* out) const {
  thread_local Image loaded;
  thread_local Image square;
  const int shorter = evaluation_shorter_side(how_);
  source.load(i, loaded, shorter);
  fit_square(loaded, shorter, how_.image_size, square);
  write(square, out);
}

Draw Transform::draw(Rng& rng) const {
  assert(how_.augment != Augment::Imagenet);
  Draw draw;
  if (how_.augment == Augment::None) return draw;
  const int pad = how_.image_size / 8;
  draw.shift_x = draw_below(2 * pad + 1, rng) - pad;
  draw.shift_y = draw_below(2 * pad + 1, rng) - pad;
  draw.is_mirrored = how_.augment == Augment::Small && rng.chance(0.5);
  return draw;
}

Draw Transform::load(const ImageSource& source, std::int64_t i, Rng& rng, Image& out) const {
  const int side = how_.image_size;
  if (how_.augment != Augment::Imagenet) {
    thread_local Image loaded;
    source.load(i, loaded, side);
    fit_square(loaded, side, side, out);
    return draw(rng);
  }
  // The crop's size is drawn before the image is decoded, so that a large crop can be decoded at a
  // reduced scale.
  const CropShape shape = draw_crop_shape(rng);
  source.load(i, out, sufficient_side(shape, side));
  Draw draw;
  draw.crop = place_crop(shape, out.width, out.height, rng);
  draw.jitter = draw_jitter(rng);
  draw.is_mirrored = rng.chance(0.5);
  return draw;
}

void Transform::train(const ImageSource& source, std::int64_t i, Rng& rng, float* out) const {
  thread_local Image loaded;
  const Draw draw = load(source, i, rng, loaded);
  if (how_.augment == Augment::Imagenet) return write_crop(loaded, draw, out);
  write_shifted(loaded, draw, out);
}

void Transform::write_shifted(const Image& square, const Draw& draw, float* out) const {
  const int side = how_.image_size;
  const std::size_t channels = value_of_.size();
  for (int y = 0; y < side; ++y) {
    for (int x = 0; x < side; ++x, out += channels) {
      const int from_y = y + draw.shift_y;
      const int from_x = (draw.is_mirrored ? side - 1 - x : x) + draw.shift_x;
      const bool is_inside = from_y >= 0 && from_y < side && from_x >= 0 && from_x < side;
      const int from = from_y * side + from_x;
      const std::size_t at = is_inside ? static_cast<std::size_t>(from) * channels : 0;
      for (std::size_t c = 0; c < channels; ++c) {
        out[c] = value_of_[c][is_inside ? square.pixels[at + c] : 0];
      }
    }
  }
}

void Transform::write_crop(const Image& loaded, const Draw& draw, float* out) const {
  thread_local Image square;
  thread_local std::vector<float> colours;
  const int side = how_.image_size;
  resize(loaded, draw.crop, side, side, square);
  colours.resize(square.pixels.size());
  std::transform(square.pixels.begin(), square.pixels.end(), colours.begin(),
                 [](std::uint8_t byte) { return static_cast<float>(byte) / 255.0F; });
  const std::size_t count = static_cast<std::size_t>(side) * static_cast<std::size_t>(side);
  jitter_colours(colours.data(), count, how_.channels, draw.jitter);

  const std::size_t channels = value_of_.size();
  for (int y = 0; y < side; ++y) {
    for (int x = 0; x < side; ++x, out += channels) {
      const int from = y * side + (draw.is_mirrored ? side - 1 - x : x);
      const auto at = static_cast<std::size_t>(from);
      for (std::size_t c = 0; c < channels; ++c) {
        out[c] =
            (colours[at * channels + c] - how_.normalisation.mean[c]) / how_.normalisation.std[c];
      }
    }
  }
}

}  // namespace hsconas
