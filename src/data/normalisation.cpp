#include "hsconas/data/normalisation.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "hsconas/base/error.hpp"
#include "hsconas/base/rng.hpp"

namespace hsconas {

namespace {

/// Draws up to `count` of `indices` by `seed`; the result is ascending.
std::vector<std::int64_t> draw_sample(std::span<const std::int64_t> indices, std::size_t count,
                                      std::uint64_t seed) {
  std::vector<std::int64_t> sample(indices.begin(), indices.end());
  Rng rng(seed, "normalisation");
  count = std::min(count, sample.size());
  for (std::size_t i = 0; i < count; ++i) {
    std::swap(sample[i], sample[i + rng.index(sample.size() - i)]);
  }
  sample.resize(count);
  std::sort(sample.begin(), sample.end());
  return sample;
}

/// Integer sums, so that the result does not depend on the order of the additions.
struct Sums {
  std::uint64_t count = 0;
  std::array<std::uint64_t, 3> values{};
  std::array<std::uint64_t, 3> squares{};
};

Sums sum_pixels(const ImageSource& source, const std::vector<std::int64_t>& sample, int min_side,
                std::size_t channels) {
  Sums sums;
  Image image;
  for (const std::int64_t i : sample) {
    source.load(i, image, min_side);
    for (std::size_t at = 0; at < image.pixels.size(); at += channels) {
      for (std::size_t c = 0; c < channels; ++c) {
        const std::uint64_t value = image.pixels[at + c];
        sums.values.at(c) += value;
        sums.squares.at(c) += value * value;
      }
    }
    sums.count += image.pixels.size() / channels;
  }
  return sums;
}

Pixels measure(const DataConfig& config, const ImageSource& source,
               std::span<const std::int64_t> indices, std::size_t channels, std::uint64_t seed) {
  constexpr std::size_t kSample = 1000;
  const Sums sums =
      sum_pixels(source, draw_sample(indices, kSample, seed), config.image_size, channels);
  Pixels pixels;
  const double count = static_cast<double>(std::max<std::uint64_t>(sums.count, 1)) * 255.0;
  for (std::size_t c = 0; c < channels; ++c) {
    const double mean = static_cast<double>(sums.values.at(c)) / count;
    const double mean_square = static_cast<double>(sums.squares.at(c)) / (count * 255.0);
    const double deviation = std::sqrt(std::max(mean_square - mean * mean, 0.0));
    pixels.mean.push_back(static_cast<float>(mean));
    pixels.std.push_back(deviation > 1.0 / 255.0 ? static_cast<float>(deviation) : 1.0F);
  }
  return pixels;
}

void take_given(std::string_view key, const std::vector<double>& given, std::size_t channels,
                std::vector<float>& values) {
  if (given.empty()) return;
  if (given.size() != channels) {
    throw Error(ErrorKind::Usage, fmt::format("{} must have {} values, one per channel, got {}",
                                              key, channels, given.size()));
  }
  values.assign(channels, 0.0F);
  std::transform(given.begin(), given.end(), values.begin(),
                 [](double value) { return static_cast<float>(value); });
}

}  // namespace

Pixels measure_normalisation(const DataConfig& config, const ImageSource& source,
                             std::span<const std::int64_t> indices, int channels,
                             std::uint64_t seed) {
  const auto count = static_cast<std::size_t>(channels);
  Pixels pixels;
  take_given("data.mean", config.mean, count, pixels.mean);
  take_given("data.std", config.std, count, pixels.std);
  for (const float value : pixels.std) {
    if (!(value > 0.0F)) throw Error(ErrorKind::Usage, "data.std must be above 0");
  }
  if (!pixels.mean.empty() && !pixels.std.empty()) return pixels;
  Pixels measured = measure(config, source, indices, count, seed);
  if (pixels.mean.empty()) pixels.mean = std::move(measured.mean);
  if (pixels.std.empty()) pixels.std = std::move(measured.std);
  return pixels;
}

}  // namespace hsconas
