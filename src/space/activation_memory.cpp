#include "hsconas/space/activation_memory.hpp"

#include <algorithm>

namespace hsconas {

namespace {

std::int64_t values(int channels, int size) {
  return std::int64_t{channels} * size * size;
}

bool works_in_place(const Primitive& primitive) {
  return primitive.kind == PrimitiveKind::BatchNorm || primitive.kind == PrimitiveKind::Relu;
}

/// What is in memory while the paths of a block run one after the other.
class Arrays {
 public:
  explicit Arrays(const Block& block)
      : block_(block),
        input_(values(block.in_channels, block.in_size)),
        input_is_there_(true),
        peak_(input_) {}

  void run(const Block::Path& path, bool is_last) {
    current_ = 0;  // The path still reads the block's input.
    for (const Primitive& primitive : path.primitives) {
      if (works_in_place(primitive) && current_ > 0) continue;
      const std::int64_t written = values(primitive.out_channels, primitive.out_size);
      note(current_ + written);
      current_ = written;
      if (is_last && block_.merge == Merge::Concat) input_is_there_ = false;
    }
    if (path.primitives.empty() && block_.paths.size() > 1) {
      const bool is_half = path.source != Source::All;
      current_ = is_half ? input_ / 2 : input_;
      note(current_);
    }
    finished_ += current_;
  }

  std::int64_t peak() const { return peak_; }

 private:
  void note(std::int64_t in_path) {
    peak_ = std::max(peak_, (input_is_there_ ? input_ : 0) + finished_ + in_path);
  }

  const Block& block_;
  std::int64_t input_;
  bool input_is_there_;
  std::int64_t peak_;
  std::int64_t finished_ = 0;  ///< Results of the paths that have run.
  std::int64_t current_ = 0;   ///< The array that the running path has written last; 0: none.
};

}  // namespace

std::int64_t peak_activations(const Block& block) {
  Arrays arrays(block);
  for (const Block::Path& path : block.paths) arrays.run(path, &path == &block.paths.back());
  return arrays.peak();
}

std::int64_t peak_activations(std::span<const Block> network) {
  std::int64_t peak = 0;
  for (const Block& block : network) peak = std::max(peak, peak_activations(block));
  return peak;
}

}  // namespace hsconas
