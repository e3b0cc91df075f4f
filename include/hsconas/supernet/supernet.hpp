#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <torch/types.h>

#include "hsconas/space/search_space.hpp"

namespace hsconas {

/// One shared weight tensor with what the optimiser keeps beside it.
struct Parameter {
  torch::Tensor value;     ///< Full width: conv [out, in / groups, k, k], linear [out, in].
  torch::Tensor momentum;  ///< Same shape.
  bool decays = true;      ///< Weight decay applies: to everything but biases.
};

struct DeviceEngines;

/// The weight-sharing network: for every layer and operator the weights at full width, of which an
/// architecture uses prefixes. Batch norm has neither weights nor running statistics here (SPOS):
/// paths that share weights do not share statistics, so those are taken per candidate.
///
/// Weights start as SPOS's released code has them: convolutions at N(0, 1 / (in / groups)^2), the
/// stem and the classifier at N(0, 0.01^2), biases at 0.
class Supernet {
 public:
  Supernet(const SearchSpace& space, torch::Device device, std::uint64_t seed);

  const SearchSpace& space() const { return space_; }
  torch::Device device() const { return device_; }

  /// Block `position` counts the stem as 0, layers from 1, and the head last; `op` is 0 for stem
  /// and head. Weighted primitives in order; a linear layer's bias follows its weight.
  std::vector<Parameter>& parameters(int position, int op);
  const std::vector<Parameter>& parameters(int position, int op) const;

  /// Every tensor by name ("layer3.shuffle_k5.0", with ".momentum" behind for the optimiser's), for
  /// checkpoints. They alias the supernet's own.
  std::map<std::string, torch::Tensor> tensors() const;
  /// Those that `arch` uses, cut to its widths, by block and slot ("layer3.0", with ".momentum"
  /// behind for the optimiser's). They alias the supernet's own.
  std::map<std::string, torch::Tensor> tensors_of(const Architecture& arch);
  /// Copies values back; throws Error(Data) that names a tensor that is missing or does not fit,
  /// before anything is changed.
  void load(const std::map<std::string, torch::Tensor>& tensors);

  /// Sets all momentum to zero: a tuning stage starts afresh.
  void reset_momentum();

  std::int64_t parameter_count() const;

  /// All values and all momentum, each in one flat tensor; Parameters are views into them, at the
  /// same offset in both.
  const torch::Tensor& flat_values() const { return values_; }
  const torch::Tensor& flat_momentum() const { return momentum_; }

  /// Where device_engine() keeps what it made.
  std::shared_ptr<DeviceEngines>& engines() const { return engines_; }

 private:
  void flatten();

  SearchSpace space_;
  torch::Device device_;
  std::vector<std::vector<std::vector<Parameter>>> blocks_;  ///< [position][op][slot]
  torch::Tensor values_;
  torch::Tensor momentum_;
  mutable std::shared_ptr<DeviceEngines> engines_;
};

/// The operator of the block at `position` (stem 0, layers from 1, head last) of `arch`.
inline int op_at(std::size_t position, const Architecture& arch) {
  return position == 0 || position > arch.size() ? 0 : arch[position - 1].op;
}

/// The part of a weight that `p` uses: its first out_channels rows and in_channels / groups
/// columns. A view into `value`.
torch::Tensor sliced(const torch::Tensor& value, const Primitive& p);

}  // namespace hsconas
