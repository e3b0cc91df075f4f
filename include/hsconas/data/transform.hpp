#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "hsconas/base/rng.hpp"
#include "hsconas/config/words.hpp"
#include "hsconas/data/image_source.hpp"
#include "hsconas/kernels/image_feed.hpp"

namespace hsconas {

/// Mean and standard deviation per channel, of pixels in [0, 1].
struct Pixels {
  std::vector<float> mean;
  std::vector<float> std;
};

/// How an image becomes a network's input.
struct Preprocessing {
  int image_size = 0;  ///< Pixels a side of the square that the network sees.
  int channels = 0;    ///< Of every image of the set; 1 or 3.
  Augment augment = Augment::None;
  Pixels normalisation;  ///< `channels` values each; std > 0.
};

/// Resizes `in` so that its shorter side is `shorter` pixels (bilinear, antialiased when it
/// shrinks; the longer side is rounded down) and cuts a square of `side` <= `shorter` pixels out of
/// the middle. An image that already has that size is copied.
void fit_square(const Image& in, int shorter, int side, Image& out);

/// The part of an image with its upper left corner at (x, y).
struct Rect {
  int x = 0;
  int y = 0;
  int width = 0;
  int height = 0;
};

/// Resizes `part` of `in`, which lies inside it, to width x height pixels: bilinear, antialiased
/// when it shrinks, as PIL does it but rounded to 8 bits only once.
void resize(const Image& in, const Rect& part, int width, int height, Image& out);

/// What chance decides about one training image.
struct Draw {
  int shift_x = 0;  ///< Shift, Small: pixel (x, y) is taken from (x + shift_x, y + shift_y).
  int shift_y = 0;
  Rect crop;      ///< Imagenet: the part of the decoded image that is resized.
  Jitter jitter;  ///< Imagenet.
  bool is_mirrored = false;
};

/// Turns images of a source into input values. Immutable; safe to use from several threads.
///
/// Values are (pixel / 255 - mean) / std, laid out [height, width, channel] with
/// height = width = image_size.
class Transform {
 public:
  explicit Transform(Preprocessing how);

  const Preprocessing& preprocessing() const { return how_; }
  std::size_t values() const;  ///< Floats per image.
  /// Per channel: byte -> input value.
  const std::vector<std::array<float, 256>>& value_of() const { return value_of_; }

  /// Loads image `i`, changes it as `augment` says with draws from `rng`, and writes values().
  void train(const ImageSource& source, std::int64_t i, Rng& rng, float* out) const;

  /// The first half of train(): loads image `i` into `out` and draws what chance decides. For
  /// Imagenet `out` is the image as decoded, otherwise a square of image_size.
  Draw load(const ImageSource& source, std::int64_t i, Rng& rng, Image& out) const;
  /// The draws of load() alone, for an augmentation other than Imagenet.
  Draw draw(Rng& rng) const;

  /// As train(), without any change by chance: for Imagenet the shorter side is first resized to
  /// 256/224 of image_size, otherwise to image_size; the middle is kept.
  void evaluate(const ImageSource& source, std::int64_t i, float* out) const;

 private:
  void write(const Image& square, float* out) const;
  void write_shifted(const Image& square, const Draw& draw, float* out) const;
  void write_crop(const Image& loaded, const Draw& draw, float* out) const;

  Preprocessing how_;
  std::vector<std::array<float, 256>> value_of_;  ///< Per channel: byte -> input value.
};

/// Brightness, contrast and saturation in random order, each by a factor of 0.6 to 1.4.
Jitter draw_jitter(Rng& rng);

/// Changes `pixels`, `count` interleaved pixels in [0, 1], which stay in [0, 1]. Exposed for the
/// tests.
void jitter_colours(float* pixels, std::size_t count, int channels, const Jitter& jitter);

}  // namespace hsconas
