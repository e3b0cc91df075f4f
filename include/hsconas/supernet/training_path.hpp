#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include <torch/types.h>

#include "hsconas/supernet/conv_block.hpp"
#include "hsconas/supernet/supernet.hpp"

namespace hsconas {

/// One architecture of a supernet in training. Autograd sees copies of the slices that it uses, so
/// gradients have the size of the slices and the optimiser changes nothing else.
class TrainingPath {
 public:
  struct Slice {
    torch::Tensor value;     ///< View into the shared weight.
    torch::Tensor momentum;  ///< View into the shared momentum.
    torch::Tensor leaf;      ///< Dense copy that autograd sees.
    bool decays = true;
  };

  /// `precision` is the type of activations, fp32 or bf16; the leaves stay fp32.
  TrainingPath(Supernet& supernet, const Architecture& arch,
               torch::ScalarType precision = torch::kFloat);

  /// Draws dropout from a generator of this path from now on, instead of torch's default one.
  void seed_dropout(std::uint64_t seed);
  /// Drops nothing from now on.
  void stop_dropout() { dropout_ = 0.0; }

  /// Logits [N, classes], fp32, of images [N, C, H, W], with batch statistics and the space's
  /// dropout. On the CPU, convolutions run in our own kernels
  /// where these support them; everything else runs as torch operations. Any number of forward
  /// passes may precede a backward pass.
  torch::Tensor forward(const torch::Tensor& images);

  /// Runs one block, at `position` (stem 0, layers from 1, head last), in the same way.
  torch::Tensor forward_block(std::size_t position, const torch::Tensor& x);

  std::vector<Slice>& slices() { return slices_; }

 private:
  friend struct TrainingRunner;

  torch::Tensor drop(const torch::Tensor& x) const;

  /// Runs `block` with the weights of `position` from `first_slot` on.
  torch::Tensor run(ConvBlock block, std::size_t position, std::size_t first_slot,
                    const torch::Tensor& x) const;

  std::vector<Block> blocks_;
  std::vector<std::vector<std::size_t>>
      first_slice_;  ///< Index of [position][weight slot]'s slice.
  std::vector<Slice> slices_;
  torch::ScalarType precision_;
  bool has_kernels_;  ///< Our kernels support this device and precision.
  double dropout_;
  std::optional<at::Generator> generator_;  ///< Draws dropout; absent: torch's default one does.
};

}  // namespace hsconas
