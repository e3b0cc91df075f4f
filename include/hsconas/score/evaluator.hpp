#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "hsconas/score/racing.hpp"
#include "hsconas/space/architecture.hpp"

namespace hsconas {

/// The accuracy of a candidate. If a race gave the candidate up, it is only an estimate.
struct Judgement {
  double accuracy = 0.0;    ///< Fraction in [0, 1].
  double at_most = 0.0;     ///< Equal to `accuracy`; if given up, a bound, see Racer::at_most().
  std::int64_t images = 0;  ///< The number of images that were classified; 0: all.
  /// The geometric mean, over all images, of the probability that the network gives to the right
  /// class: exp(-cross entropy). 0 if it is unknown.
  double likelihood = 0.0;

  bool operator==(const Judgement&) const = default;
};

/// The rule by which candidates are given up early.
struct Race {
  std::vector<double> floors;        ///< For each architecture, the accuracy that it must reach.
  double confidence = 1.0;           ///< With which it does not reach it; 1: none is given up.
  std::vector<Architecture> rivals;  ///< Good architectures to compare with, see Racer.
};

using AnswersByArchitecture = std::map<Architecture, Answers>;

/// Measures the accuracy of architectures. `train` implements it with a supernet, TableEvaluator
/// with known accuracies, and tests with a fake. In a group of processes, each rank has an
/// evaluator; ShardedEvaluator makes them share the architectures.
class Evaluator {
 public:
  virtual ~Evaluator() = default;

  /// The accuracy of each architecture, in [0, 1]. It is deterministic, and does not depend on the
  /// other architectures. Throws Error(Interrupted) when a stop is requested.
  virtual std::vector<double> accuracy(std::span<const Architecture> archs) = 0;

  /// Like accuracy(), but an architecture that will not reach its floor may be given up after a
  /// part of the images. Deterministic for a given race. The default gives none up.
  virtual std::vector<Judgement> judge(std::span<const Architecture> archs, const Race& race);

  /// The number of images on which an accuracy is measured; 0 if it is not measured on images.
  virtual std::int64_t images() const { return 0; }

  /// The answers that judge() has kept of architectures judged on all images, because it needs
  /// those of a race's rivals. The caller may add answers that the evaluator of another process has
  /// found. Null if this evaluator keeps none.
  virtual AnswersByArchitecture* known_answers() { return nullptr; }

  /// Drops everything that was kept about architectures, because the weights have changed.
  virtual void forget() {}
};

}  // namespace hsconas
