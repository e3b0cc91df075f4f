#include "hsconas/data/builtin.hpp"

#include <array>
#include <cstddef>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "hsconas/base/parallel.hpp"
#include "hsconas/base/rng.hpp"

namespace hsconas {

namespace {

constexpr int kSide = 32;
constexpr std::int64_t kTrainImages = 10000;
constexpr std::int64_t kTestImages = 2000;
constexpr std::uint64_t kSeed = 2021;  // The set does not depend on the run's seed.

constexpr std::array<std::string_view, 10> kClasses{"disc",     "ring",  "square",  "frame",
                                                    "triangle", "cross", "stripes", "checks",
                                                    "crescent", "pair"};

using Colour = std::array<int, 3>;

int draw(Rng& rng, int low, int high) {
  const int count = high - low + 1;
  return low + static_cast<int>(rng.below(static_cast<std::uint64_t>(count)));
}

Colour draw_colour(Rng& rng, int low, int high) {
  return {draw(rng, low, high), draw(rng, low, high), draw(rng, low, high)};
}

Colour draw_dark(Rng& rng) {
  return draw_colour(rng, 0, 90);
}

int distance(const Colour& a, const Colour& b) {
  return std::abs(a[0] - b[0]) + std::abs(a[1] - b[1]) + std::abs(a[2] - b[2]);
}

/// A colour with all channels in [low, 255] that is clearly different from `a` and `b`.
Colour draw_contrast(Rng& rng, int low, const Colour& a, const Colour& b) {
  constexpr int kVisible = 150;
  Colour colour = draw_colour(rng, low, 255);
  while (distance(colour, a) < kVisible || distance(colour, b) < kVisible) {
    colour = draw_colour(rng, low, 255);
  }
  return colour;
}

struct Vector {
  int x = 0;
  int y = 0;
};

/// A vector of random direction with a length in [low, high]; rejection avoids trigonometry.
Vector draw_vector(Rng& rng, int low, int high) {
  for (;;) {
    const Vector v{draw(rng, -high, high), draw(rng, -high, high)};
    const int square = v.x * v.x + v.y * v.y;
    if (square >= low * low && square <= high * high) return v;
  }
}

/// A vector as by draw_vector(), at most 27 degrees off the positive x axis.
Vector draw_upright(Rng& rng, int low, int high) {
  Vector v = draw_vector(rng, low, high);
  while (v.x < 2 * std::abs(v.y)) v = draw_vector(rng, low, high);
  return v;
}

enum class Paint { None, First, Second };

bool in_disc(int u, int v, int radius) {
  return u * u + v * v < radius * radius;
}

/// The paint of class `label`'s shape at (u, v), in units of 1/256 of the shape's radius.
Paint paint_at(int label, int u, int v) {
  const auto when = [](bool inside) { return inside ? Paint::First : Paint::None; };
  const int au = std::abs(u);
  const int av = std::abs(v);
  const int reach = std::max(au, av);
  constexpr int kOffset = 4096;  // Makes the dividends positive.
  switch (label) {
    case 0:
      return when(in_disc(u, v, 240));
    case 1:
      return when(in_disc(u, v, 256) && !in_disc(u, v, 135));
    case 2:
      return when(reach < 215);
    case 3:
      return when(reach < 225 && reach > 120);
    case 4:
      return when(v < 150 && au * 406 < (v + 256) * 234);
    case 5:
      return when(reach < 250 && std::min(au, av) < 80);
    case 6:
      if (!in_disc(u, v, 256)) return Paint::None;
      return (u + kOffset) / 96 % 2 == 0 ? Paint::First : Paint::Second;
    case 7:
      if (!in_disc(u, v, 256)) return Paint::None;
      return ((u + kOffset) / 128 + (v + kOffset) / 128) % 2 == 0 ? Paint::First : Paint::Second;
    case 8:
      return when(in_disc(u, v, 256) && !in_disc(u - 130, v, 215));
    default:
      return when(in_disc(au - 135, v, 118));
  }
}

/// An image that is being drawn; its integer colours are clamped to bytes after noise is added.
class Canvas {
 public:
  /// Paints a linear gradient between two colours, in a random direction.
  void paint_background(const Colour& from, const Colour& to, Rng& rng) {
    const Vector direction = draw_vector(rng, 8, 16);
    for (int y = 0; y < kSide; ++y) {
      for (int x = 0; x < kSide; ++x) {
        const int along = (x - kSide / 2) * direction.x + (y - kSide / 2) * direction.y;
        const int t = std::min(std::max(along + 256, 0), 512);
        for (std::size_t c = 0; c < 3; ++c) at(x, y)[c] = from[c] + (to[c] - from[c]) * t / 512;
      }
    }
  }

  /// Paints a short straight stroke, one or two pixels wide.
  void paint_stroke(const Colour& colour, Rng& rng) {
    const Vector start{draw(rng, 0, 16 * kSide), draw(rng, 0, 16 * kSide)};
    const Vector step = draw_vector(rng, 6, 16);
    const int length = draw(rng, 4, 12);
    const int width = draw(rng, 1, 2);
    for (int i = 0; i < length; ++i) {
      const int x = (start.x + i * step.x) / 16;
      const int y = (start.y + i * step.y) / 16;
      for (int k = 0; k < width * width; ++k) set(x + k % 2, y + k / 2, colour);
    }
  }

  void paint_shape(int label, const Colour& first, const Colour& second, Rng& rng) {
    // Positions are in quarter pixels. `turn` rotates and scales at once: the shape's radius, 256
    // units, is 4096 / |turn| pixels, which is 8 to 13.
    const Vector centre{draw(rng, 54, 74), draw(rng, 54, 74)};
    const Vector turn = draw_upright(rng, 315, 480);
    const int stretch = draw(rng, 205, 256);
    for (int y = 0; y < kSide; ++y) {
      for (int x = 0; x < kSide; ++x) {
        Colour sum{};
        for (int sample = 0; sample < 4; ++sample) {
          const int dx = 4 * x + 1 + 2 * (sample % 2) - centre.x;
          const int dy = 4 * y + 1 + 2 * (sample / 2) - centre.y;
          const int u = (turn.x * dx + turn.y * dy) / 64;
          const int v = (turn.x * dy - turn.y * dx) / 64 * 256 / stretch;
          const Paint paint = paint_at(label, u, v);
          const int* colour = paint == Paint::First    ? first.data()
                              : paint == Paint::Second ? second.data()
                                                       : at(x, y);
          for (std::size_t c = 0; c < 3; ++c) sum[c] += colour[c];
        }
        for (std::size_t c = 0; c < 3; ++c) at(x, y)[c] = sum[c] / 4;
      }
    }
  }

  /// Adds noise of up to +-`amplitude` and writes the image's bytes.
  void finish(int amplitude, Rng& rng, std::uint8_t* out) const {
    std::uint64_t bits = 0;
    for (std::size_t i = 0; i < values_.size(); ++i) {
      if (i % 8 == 0) bits = rng.next();
      const int noise = (static_cast<int>(bits & 0xFFU) - 128) * amplitude / 128;
      bits >>= 8U;
      out[i] = static_cast<std::uint8_t>(std::min(std::max(values_[i] + noise, 0), 255));
    }
  }

 private:
  int* at(int x, int y) {
    return &values_.at(static_cast<unsigned>(y) * 3U * kSide + static_cast<unsigned>(x) * 3U);
  }
  void set(int x, int y, const Colour& colour) {
    if (x < 0 || x >= kSide || y < 0 || y >= kSide) return;
    std::copy(colour.begin(), colour.end(), at(x, y));
  }

  std::array<int, std::size_t{kSide} * kSide * 3> values_{};
};

void draw_image(int label, Rng rng, std::uint8_t* out) {
  const Colour back = draw_dark(rng);
  const Colour back_too = draw_dark(rng);
  const Colour middle{(back[0] + back_too[0]) / 2, (back[1] + back_too[1]) / 2,
                      (back[2] + back_too[2]) / 2};
  const Colour first = draw_contrast(rng, 130, middle, middle);
  const Colour second = draw_contrast(rng, 0, first, middle);
  Canvas canvas;
  canvas.paint_background(back, back_too, rng);
  for (int i = draw(rng, 0, 2); i > 0; --i) canvas.paint_stroke(draw_colour(rng, 0, 255), rng);
  canvas.paint_shape(label, first, second, rng);
  if (rng.below(2) == 0) canvas.paint_stroke(draw_colour(rng, 0, 255), rng);
  canvas.finish(draw(rng, 4, 24), rng, out);
}

std::shared_ptr<const ImageSource> make_part(std::string_view name, std::int64_t count,
                                             int workers) {
  const MemorySource::Shape shape{3, kSide, kSide};
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(count) * shape.bytes());
  std::vector<int> labels(static_cast<std::size_t>(count));
  in_parallel(workers, labels.size(), [&](std::size_t, std::size_t at) {
    labels[at] = static_cast<int>(at % kClasses.size());
    draw_image(labels[at], Rng(kSeed, name, at), &pixels[at * shape.bytes()]);
  });
  return std::make_shared<MemorySource>(std::string(name), shape, std::move(pixels),
                                        std::move(labels));
}

}  // namespace

TrainTest make_builtin(int workers) {
  return {make_part("builtin train", kTrainImages, workers),
          make_part("builtin test", kTestImages, workers),
          std::vector<std::string>(kClasses.begin(), kClasses.end())};
}

}  // namespace hsconas
