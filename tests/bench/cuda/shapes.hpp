#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace hsconas::cuda::bench {

/// A stage of the space hsconas-a in training: activations of size x size pixels, blocks whose
/// halves have `half` channels.
struct Stage {
  std::string name;
  int images;
  int size;
  int channels;

  int half() const { return channels / 2; }
  std::int64_t pixels() const { return std::int64_t{images} * size * size; }
};

/// The stages at 32x32 with batches of 64 and 512, and at 224x224 with batches of 512.
inline std::vector<Stage> training_stages() {
  const int channels[] = {48, 128, 256, 512};
  struct Case {
    const char* name;
    int images;
    int first_size;
  };
  const Case cases[] = {{"32 b64", 64, 32}, {"32 b512", 512, 32}, {"224 b512", 512, 56}};
  std::vector<Stage> stages;
  for (const Case& one : cases) {
    for (int i = 0; i < 4; ++i) {
      stages.push_back({one.name + std::string(" stage ") + std::to_string(i + 1), one.images,
                        one.first_size >> i, channels[i]});
    }
  }
  return stages;
}

/// Three inner widths of a block: the narrowest, about half, and the widest.
inline std::vector<int> inner_widths(int half) {
  std::vector<int> widths{8};
  const int middle = (half / 2 + 7) / 8 * 8;
  if (middle > 8 && middle < half) widths.push_back(middle);
  if (half > 8) widths.push_back(half);
  return widths;
}

}  // namespace hsconas::cuda::bench
