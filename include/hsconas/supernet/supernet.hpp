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

/// One shared weight tensor and its optimiser state.
struct Parameter {
  torch::Tensor value;     ///< Full width: conv [out, in / groups, k, k], linear [out, in].
  torch::Tensor momentum;  ///< Same shape.
  bool decays = true;      ///< Whether weight decay applies; false for biases.
};

struct DeviceEngines;

/// The weight-sharing network. It holds the weights of every operator of every layer at full width;
/// an architecture uses the first channels of each. Batch norm has neither weights nor running
/// statistics here (SPOS): architectures share weights but not statistics, so statistics are
/// measured per architecture.
///
/// Initial weights follow SPOS's released code: N(0, 1 / (in / groups)^2) for convolutions,
/// N(0, 0.01^2) for the stem and the classifier, 0 for biases.
class Supernet {
 public:
  Supernet(const SearchSpace& space, torch::Device device, std::uint64_t seed);

  const SearchSpace& space() const { return space_; }
  torch::Device device() const { return device_; }

  /// Parameters of the block at `position` (stem 0, layers from 1, head last) for operator `op` (0
  /// for stem and head), in the order of its weighted primitives; a linear layer's bias follows its
  /// weight.
  std::vector<Parameter>& parameters(int position, int op);
  const std::vector<Parameter>& parameters(int position, int op) const;

  /// All tensors by name, for checkpoints: "layer3.shuffle_k5.0" for values and
  /// "layer3.shuffle_k5.0.momentum" for momentum. They share memory with the supernet.
  std::map<std::string, torch::Tensor> tensors() const;
  /// The tensors that `arch` uses, sliced to its widths, by block and slot: "layer3.0" and
  /// "layer3.0.momentum". They share memory with the supernet.
  std::map<std::string, torch::Tensor> tensors_of(const Architecture& arch);
  /// Copies `tensors`, named as by tensors(), into the supernet. Throws Error(Data) that names a
  /// tensor that is missing or has another shape or type, before anything is changed.
  void load(const std::map<std::string, torch::Tensor>& tensors);

  /// Sets all momentum to zero, for the start of a tuning stage.
  void reset_momentum();

  std::int64_t parameter_count() const;

  /// All values, and all momentum, in one flat tensor each. Parameters are views into them, at the
  /// same offset in both.
  const torch::Tensor& flat_values() const { return values_; }
  const torch::Tensor& flat_momentum() const { return momentum_; }

  /// The engines that device_engine() has made.
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

/// The part of a weight that `p` uses, as a view: the first out_channels rows and in_channels /
/// groups columns.
torch::Tensor sliced(const torch::Tensor& value, const Primitive& p);

}  // namespace hsconas
