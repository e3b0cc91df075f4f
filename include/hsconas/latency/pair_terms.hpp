#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "hsconas/latency/latency_space.hpp"

namespace hsconas {

/// Milliseconds that two choices of a network add together, beside what each adds by itself. Only
/// cells have them: a search over a chain of layers relies on a sum over its layers.
class PairTerms {
 public:
  PairTerms() = default;  ///< No pair adds anything.
  /// For networks with the terms 0 ... `terms` - 1, see LatencySpace::index().
  explicit PairTerms(std::size_t terms) : terms_(terms), ms_(terms * terms) {}

  bool empty() const { return ms_.empty(); }
  /// The milliseconds that two terms add together. `first` is the term of the earlier position.
  double& at(std::size_t first, std::size_t second) { return ms_[first * terms_ + second]; }
  double at(std::size_t first, std::size_t second) const { return ms_[first * terms_ + second]; }
  /// The sum over the pairs of one network. `terms` are its terms in the order of positions.
  double sum(std::span<const std::size_t> terms) const;
  /// Returns what each term adds on average over the choices at the other positions, each of which
  /// has so many `choices`, and leaves the rest, whose mean is 0 for every term.
  std::vector<double> take_main_effects(std::size_t choices);
  void scale(double factor);
  /// Adds `factor` times the terms of `other`, which belong to the same space.
  void add(double factor, const PairTerms& other);

 private:
  std::size_t terms_ = 0;
  std::vector<double> ms_;  ///< [first][second]
};

/// The pairs that add something, by the position keys of both: "0/nor_conv_3x3 4/skip_connect".
std::map<std::string, double> named_pairs(const PairTerms& pairs, const LatencySpace& space);
/// The reverse. Throws Error(Data) that names a key which is no pair of `space`.
PairTerms pairs_by_name(const std::map<std::string, double>& named, const LatencySpace& space);

}  // namespace hsconas
