#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <torch/types.h>

#include "hsconas/loader/loader.hpp"
#include "hsconas/supernet/supernet.hpp"
#include "hsconas/supernet/training_path.hpp"
#include "hsconas/train/optimizer.hpp"

namespace hsconas {

/// The column of `choice` in tensors over choices, which have the shape [layers, operators *
/// widths]: operator * widths + width.
std::int64_t column_of(const SearchSpace& space, LayerChoice choice);
/// The choice whose column is `column`.
LayerChoice choice_at(const SearchSpace& space, std::int64_t column);

/// The architecture parameters of a search by gradient: for every layer, one logit per choice
/// (operator and width). The softmax of a layer's logits gives the probabilities of its choices.
/// Tensors over choices have the shape [layers, operators * widths], see column_of().
///
/// To get gradients of the parameters, several choices of each layer run, and their outputs are
/// added with given weights. A choice that is the same network as another one (SearchSpace::
/// canonical()) has probability 0 and never runs.
class ChoiceMixture {
 public:
  /// All logits are 0. `stream` begins the names of the random streams. `precision` is the type of
  /// activations in error(), fp32 or bf16. The supernet must outlive this object.
  ChoiceMixture(Supernet& supernet, std::uint64_t seed, std::string_view stream,
                torch::ScalarType precision);

  /// Every choice with its probability, at random. Depends only on the seed, the stream, `step` and
  /// the logits.
  Architecture draw(std::int64_t step) const;
  /// Every layer's most probable choice.
  Architecture best() const;
  /// Probabilities [layer][column_of(choice)], which sum to 1 in every layer.
  std::vector<std::vector<double>> probabilities() const;

  /// Gumbel noise of `shape` in the random stream `use`.
  torch::Tensor gumbel(std::string_view use, std::int64_t step,
                       const std::vector<std::int64_t>& shape) const;
  /// 1 at the choices of `arch`, 0 elsewhere.
  torch::Tensor one_hot(const Architecture& arch) const;
  /// Whether a choice is no duplicate of another one, bool.
  const torch::Tensor& exists() const { return exists_; }

  /// Every operator at every width as an architecture that has it in all layers.
  std::vector<Architecture> all_choices() const;
  /// One network per element of `archs`, with the supernet's weights, which get no gradients.
  std::deque<TrainingPath> open(std::span<const Architecture> archs) const;
  /// The cross entropy of the mixture: in each layer the choices of all `archs` that exist run, and
  /// their outputs are added, each multiplied by its element of `weights`. Stem and head are those
  /// of all networks. `paths` are open(archs) and must live until the end of the backward pass.
  torch::Tensor error(std::span<const Architecture> archs, std::deque<TrainingPath>& paths,
                      const Batch& batch, const torch::Tensor& weights) const;

  /// One step of Adam on the logits, with the momentum of DARTS (Liu et al., 2019); `step` counts
  /// from 0. Logits of choices that do not exist stay.
  void step(const torch::Tensor& gradient, double lr, std::int64_t step);

  /// The logits; shares memory.
  const torch::Tensor& logits() const { return logits_; }
  /// Logits and moments by name, for checkpoints; shares memory with this object.
  std::map<std::string, torch::Tensor> tensors() const;

  const Supernet& supernet() const { return supernet_; }
  std::uint64_t seed() const { return seed_; }

 private:
  Architecture decode(const torch::Tensor& scores) const;

  Supernet& supernet_;
  std::uint64_t seed_;
  std::string stream_;
  torch::ScalarType precision_;
  torch::Tensor exists_;
  torch::Tensor logits_;
  AdamMoments moments_;
};

}  // namespace hsconas
