#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "gaussian_process.hpp"
#include "hsconas/search/strategy.hpp"

namespace hsconas {

/// A model of scores that learns from what was scored and judges what was not. It knows the order
/// of the scores only: all its numbers are in normal scores, the normal quantiles of their ranks.
class Surrogate {
 public:
  /// Chooses the kernel and the noise for members with their scores. It gets at most kMostToFit of
  /// them, spread over all.
  using Fit = std::function<GaussianProcess(std::span<const Genes>, std::span<const double>)>;
  static constexpr std::size_t kMostToFit = 128;

  explicit Surrogate(Fit fit) : fit_(std::move(fit)) {}

  /// Adds an individual, whose genes are canonical, so that none is there twice. If there are more
  /// than 400, only the 300 fittest are kept.
  void add(Individual individual);
  std::size_t size() const { return known_.size(); }

  /// Predicted normal score of each of `others`. There must be at least one individual.
  std::vector<double> means(std::span<const Genes> others);
  /// By how much each of `others` is expected to exceed the best known score. Only the
  /// 32 with the highest bound of that, which is cheap, are judged; the others get 0.
  std::vector<double> improvements(std::span<const Genes> others);

 private:
  void learn();

  Fit fit_;
  std::vector<Individual> known_;
  std::vector<double> scores_;  ///< Of known_, as the process sees them.
  std::optional<GaussianProcess> process_;
  bool is_learned_ = false;  ///< Whether the process has all of known_.
  std::size_t fitted_ = 0;   ///< How many were known when kernel and noise were chosen.
};

/// Indices of the `count` largest values, largest first; of equals, the first.
std::vector<std::size_t> largest_of(std::span<const double> values, std::size_t count);

/// The process that `judge` finds best, of those with each kernel and each noise; of equals, the
/// first.
GaussianProcess best_process(std::span<const Kernel> kernels, std::span<const double> noises,
                             std::span<const Genes> genes, std::span<const double> scores,
                             double (*judge)(GaussianProcess& process));

}  // namespace hsconas
