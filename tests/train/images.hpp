#pragma once

#include <cstdint>
#include <memory>
#include <numeric>
#include <vector>

#include "hsconas/base/rng.hpp"
#include "hsconas/loader/loader.hpp"
#include "hsconas/space/search_space.hpp"

namespace hsconas {

/// 64 noisy images of 8 x 8 colour pixels in two classes: bright left half, or bright upper half.
inline std::shared_ptr<const MemorySource> bright_sides() {
  const MemorySource::Shape shape{3, 8, 8};
  std::vector<std::uint8_t> pixels;
  std::vector<int> labels;
  Rng rng(1, "bright sides");
  for (int image = 0; image < 64; ++image) {
    labels.push_back(image % 2);
    for (int y = 0; y < 8; ++y) {
      for (int x = 0; x < 8; ++x) {
        const bool is_bright = (image % 2 == 0 ? x : y) < 4;
        for (int channel = 0; channel < 3; ++channel) {
          pixels.push_back(static_cast<std::uint8_t>(rng.below(120) + (is_bright ? 120 : 0)));
        }
      }
    }
  }
  return std::make_shared<MemorySource>("bright sides", shape, std::move(pixels),
                                        std::move(labels));
}

inline std::vector<std::int64_t> all_indices(const ImageSource& source) {
  std::vector<std::int64_t> indices(static_cast<std::size_t>(source.size()));
  std::iota(indices.begin(), indices.end(), 0);
  return indices;
}

inline Preprocessing plain_images(Augment augment = Augment::None) {
  return {8, 3, augment, {{0.5F, 0.5F, 0.5F}, {0.25F, 0.25F, 0.25F}}};
}

/// A space for these images.
inline SpaceDescription bright_description() {
  SpaceDescription space;
  space.name = "bright";
  space.image_size = 8;
  space.classes = 2;
  space.stem = {.channels = 8, .kernel = 3, .stride = 1};
  space.stages = {{.layers = 2, .channels = 16, .stride = 2}};
  space.head = {.channels = 16, .bias = true};
  space.operators = {"shuffle_k3", "mbconv_e3_k3", "skip"};
  space.widths = {0.5, 1.0};
  return space;
}

}  // namespace hsconas
