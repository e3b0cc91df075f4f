#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "hsconas/base/parallel.hpp"
#include "hsconas/base/rng.hpp"
#include "hsconas/data/codec.hpp"
#include "hsconas/data/image_source.hpp"

#if HSCONAS_HAVE_JPEG
#include <turbojpeg.h>
#endif

namespace hsconas {

/// Draws soft shapes with some noise, which take as many bytes per pixel as a photograph.
inline Image draw_scene(std::uint64_t number) {
  Image image;
  image.reshape(3, 375, 500);
  Rng rng(1, "scene", number);
  double waves[8][4];
  for (auto& wave : waves) {
    wave[0] = rng.uniform(-0.15, 0.15);
    wave[1] = rng.uniform(-0.15, 0.15);
    wave[2] = rng.uniform(0.0, 6.3);
    wave[3] = rng.uniform(5.0, 30.0);
  }
  for (int y = 0; y < image.height; ++y) {
    for (int x = 0; x < image.width; ++x) {
      double sums[3] = {128.0, 128.0, 128.0};
      for (int k = 0; k < 8; ++k) {
        sums[k % 3] += waves[k][3] * std::sin(waves[k][0] * x + waves[k][1] * y + waves[k][2]);
      }
      const double noise = rng.uniform(-22.0, 22.0);
      for (int c = 0; c < 3; ++c) {
        const double value = std::clamp(sums[c] + noise, 0.0, 255.0);
        image.pixels[static_cast<std::size_t>((y * image.width + x) * 3 + c)] =
            static_cast<std::uint8_t>(value);
      }
    }
  }
  return image;
}

/// JPEG files in memory, with labels from 0 to 9.
class Jpegs : public ImageSource {
 public:
  explicit Jpegs(std::vector<std::vector<std::uint8_t>> files) : files_(std::move(files)) {}
  std::int64_t size() const override { return static_cast<std::int64_t>(files_.size()); }
  int label(std::int64_t i) const override { return static_cast<int>(i % 10); }
  void load(std::int64_t i, Image& out, int min_side) const override {
    decode_image(files_[static_cast<std::size_t>(i)], min_side, out);
  }
  std::string describe(std::int64_t i) const override { return fmt::format("JPEG {}", i); }
  double mean_bytes() const {
    double sum = 0.0;
    for (const auto& file : files_) sum += static_cast<double>(file.size());
    return sum / static_cast<double>(files_.size());
  }

 private:
  std::vector<std::vector<std::uint8_t>> files_;
};

inline std::shared_ptr<const Jpegs> make_jpegs([[maybe_unused]] int count,
                                               [[maybe_unused]] int workers) {
#if HSCONAS_HAVE_JPEG
  std::vector<std::vector<std::uint8_t>> files(static_cast<std::size_t>(count));
  in_parallel(workers, files.size(), [&](std::size_t, std::size_t i) {
    const Image scene = draw_scene(i);
    const tjhandle encoder = tjInitCompress();
    unsigned char* out = nullptr;
    unsigned long size = 0;
    constexpr int kQuality = 90;
    tjCompress2(encoder, scene.pixels.data(), scene.width, 0, scene.height, TJPF_RGB, &out, &size,
                TJSAMP_420, kQuality, 0);
    files[i].assign(out, out + size);
    tjFree(out);
    tjDestroy(encoder);
  });
  return std::make_shared<Jpegs>(std::move(files));
#else
  return nullptr;
#endif
}

}  // namespace hsconas
