#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "hsconas/space/architecture.hpp"

namespace hsconas {

/// An accuracy, or what was known of it when its candidate was given up.
struct Judgement {
  double accuracy = 0.0;    ///< Fraction in [0, 1]; of one given up, an estimate.
  double at_most = 0.0;     ///< The same; of one given up, a bound at the confidence of the race.
  std::int64_t images = 0;  ///< It was taken on; 0: all there are.

  bool operator==(const Judgement&) const = default;
};

/// When to judge a candidate on no further images.
struct Race {
  std::vector<double> floors;        ///< Per architecture, the accuracy that it has to reach.
  double confidence = 1.0;           ///< That it will not: see Racer. 1: judge all in full.
  std::vector<Architecture> rivals;  ///< Good ones, judged in full, to hold the others against.
};

/// Tells how accurate architectures are. One of the three seams: the supernet's is in `train`;
/// a table of known accuracies and a fake are in the tests. Ranks of a group each ask theirs for
/// the same architectures; one that shares a call out among them is an Evaluator around another.
class Evaluator {
 public:
  virtual ~Evaluator() = default;

  /// Accuracy in [0, 1] of each architecture, in order. Deterministic: the same architecture gets
  /// the same value whatever else is in the batch. Throws Error(Interrupted) on a stop request.
  virtual std::vector<double> accuracy(std::span<const Architecture> archs) = 0;

  /// Like accuracy(), but architectures that will not reach their floor may be judged on a part of
  /// the images. Deterministic in the same way, given the race. This one judges all in full.
  virtual std::vector<Judgement> judge(std::span<const Architecture> archs, const Race& race);

  /// Images an accuracy is taken on; 0 where it is not counted on images.
  virtual std::int64_t images() const { return 0; }

  /// What was kept of architectures judged so far no longer holds: the weights have changed.
  virtual void forget() {}
};

}  // namespace hsconas
