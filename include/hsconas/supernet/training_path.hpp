#pragma once

#include <vector>

#include <torch/types.h>

#include "hsconas/supernet/conv_block.hpp"
#include "hsconas/supernet/supernet.hpp"

namespace hsconas {

/// One architecture of a supernet in training: slices of the shared weights as leaves of their own,
/// so that the gradient has the slice's size and the optimiser touches nothing else.
class TrainingPath {
 public:
  struct Slice {
    torch::Tensor value;     ///< View into the shared weight.
    torch::Tensor momentum;  ///< View into the shared momentum.
    torch::Tensor leaf;      ///< Dense copy that autograd sees.
    bool decays = true;
  };

  /// `precision`, fp32 or bf16, is that of activations; the leaves stay fp32.
  TrainingPath(Supernet& supernet, const Architecture& arch,
               torch::ScalarType precision = torch::kFloat);

  /// Logits [N, classes], fp32, of images [N, C, H, W]: batch norm by batch statistics, dropout as
  /// the space says, drawn from torch's default generator. On the CPU blocks run through our own
  /// kernels where these know them, else, and elsewhere, as torch's operations. Any number of
  /// forward passes may precede a backward one.
  torch::Tensor forward(const torch::Tensor& images);

  /// One block of it, at `position` (stem 0, layers from 1, head last), likewise.
  torch::Tensor forward_block(std::size_t position, const torch::Tensor& x);

  std::vector<Slice>& slices() { return slices_; }

 private:
  friend struct TrainingRunner;

  /// `block` with the weights of `position` from `first_slot` on.
  torch::Tensor run(ConvBlock block, std::size_t position, std::size_t first_slot,
                    const torch::Tensor& x) const;

  std::vector<Block> blocks_;
  std::vector<std::vector<std::size_t>> first_slice_;  ///< [position][weight slot] -> slice.
  std::vector<Slice> slices_;
  torch::ScalarType precision_;
  bool has_kernels_;  ///< Ours can run it.
  double dropout_;
};

}  // namespace hsconas
