#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "hsconas/base/rng.hpp"
#include "hsconas/config/words.hpp"
#include "hsconas/data/image_source.hpp"
#include "hsconas/kernels/image_feed.hpp"

namespace hsconas {

/// Mean and standard deviation of pixel values in [0, 1], per channel.
struct Pixels {
  std::vector<float> mean;
  std::vector<float> std;
};

/// How an image becomes a network's input.
struct Preprocessing {
  int image_size = 0;  ///< Side of the square input, in pixels.
  int channels = 0;    ///< Channels of every image of the set: 1 or 3.
  Augment augment = Augment::None;
  Pixels normalisation;  ///< `channels` values each; std > 0.
};

/// Resizes `in` so that its shorter side is `shorter` pixels (bilinear, antialiased when it
/// shrinks; the longer side is rounded down) and crops the central square of `side` <= `shorter`
/// pixels. An image that already has the resized size is only cropped.
void fit_square(const Image& in, int shorter, int side, Image& out);

/// A part of an image; (x, y) is its upper left corner.
struct Rect {
  int x = 0;
  int y = 0;
  int width = 0;
  int height = 0;
};

/// Resizes `part`, which lies inside `in`, to width x height pixels: bilinear, antialiased when it
/// shrinks. PIL does the same but rounds to 8 bits after each axis; this rounds once, at the end.
void resize(const Image& in, const Rect& part, int width, int height, Image& out);

/// The random choices for one training image.
struct Draw {
  int shift_x = 0;  ///< Shift, Small: pixel (x, y) is taken from (x + shift_x, y + shift_y).
  int shift_y = 0;
  Rect crop;      ///< Imagenet: the part of the decoded image that is resized.
  Jitter jitter;  ///< Imagenet only.
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
  /// The input value of each byte, per channel.
  const std::vector<std::array<float, 256>>& value_of() const { return value_of_; }

  /// Loads image `i`, augments it with random draws from `rng`, and writes values() floats.
  void train(const ImageSource& source, std::int64_t i, Rng& rng, float* out) const;

  /// The first half of train(): loads image `i` into `out` and makes the random choices. For
  /// Imagenet, `out` is the decoded image, otherwise a square of image_size.
  Draw load(const ImageSource& source, std::int64_t i, Rng& rng, Image& out) const;
  /// The draws of load() alone, for an augmentation other than Imagenet.
  Draw draw(Rng& rng) const;

  /// Writes values() floats without augmentation: resizes the shorter side to image_size (for
  /// Imagenet to 256/224 of it) and crops the central square.
  void evaluate(const ImageSource& source, std::int64_t i, float* out) const;

 private:
  void write(const Image& square, float* out) const;
  void write_shifted(const Image& square, const Draw& draw, float* out) const;
  void write_crop(const Image& loaded, const Draw& draw, float* out) const;

  Preprocessing how_;
  std::vector<std::array<float, 256>> value_of_;
};

/// Brightness, contrast and saturation in random order, each by a factor of 0.6 to 1.4.
Jitter draw_jitter(Rng& rng);

/// Applies `jitter` to `count` interleaved pixels in [0, 1]; the results are clamped to [0, 1].
/// Exposed for the tests.
void jitter_colours(float* pixels, std::size_t count, int channels, const Jitter& jitter);

}  // namespace hsconas
