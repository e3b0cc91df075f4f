#pragma once

#include <cstdint>
#include <vector>

#include "hsconas/base/log.hpp"
#include "hsconas/base/stop_token.hpp"
#include "hsconas/score/scorer.hpp"
#include "hsconas/space/subspace.hpp"

namespace hsconas {

/// What was found out about one operator at one layer.
struct OperatorQuality {
  int op = 0;
  double q = 0.0;       ///< Mean F over the samples.
  double spread = 0.0;  ///< Standard deviation of F over the samples.
  /// Mean of (F with this operator - F with the kept one) on the same samples and the standard
  /// error of that mean: a difference of few standard errors is a close call.
  double difference = 0.0;
  double standard_error = 0.0;
  bool within_budget = true;  ///< Some architecture with it meets the target and the limits.
};

/// The decision for one layer.
struct LayerDecision {
  int layer = 0;
  /// Of the operators within the budget the one with the largest q; the first of equals.
  int kept = 0;
  /// In the subspace's order; empty where a single operator was left and nothing was compared.
  std::vector<OperatorQuality> operators;
};

/// A scored network as it was drawn; the candidate holds its canonical form.
struct ScoredNetwork {
  Architecture arch;
  Candidate candidate;
};

/// Decides the operator of `layers` layers, from `last_layer` down; each decision narrows the
/// subspace before the next. Widths stay free.
///
/// For a layer, `samples` >= 1 architectures are drawn from the subspace and each candidate
/// operator is put into the same ones, so that operators are compared pairwise on equal ground. An
/// operator that leaves nothing fast enough for the target and inside the limits is not kept while
/// another one is: otherwise the layers decided last could make all the work before them worthless.
/// Where the scorer has limits, the samples are networks inside them, and an operator that exceeds
/// a limit loses beta x the relative excess, as for a missed target.
/// Every layer has its own random stream, so a replay after a stop takes the same decisions. A
/// layer with a single operator left is recorded and costs nothing. Each decision is a log line.
/// Throws Error(Interrupted) when `stop` is requested; `subspace` then holds the layers decided
/// so far: start again from the subspace of before.
/// All networks that were scored are added to `scored`, if that is not null.
/// Source: HSCoNAS (Luo et al., DATE 2021), progressive space shrinking,
///   Q(A_sub) = 1/N sum F(arch_i, T).
/// Cost: layers x operators x samples evaluations. `last_layer` - layers + 1 >= 0.
std::vector<LayerDecision> shrink_layers(Subspace& subspace, int last_layer, int layers,
                                         int samples, Scorer& scorer, std::uint64_t seed, Log& log,
                                         const GroupStop& stop,
                                         std::vector<ScoredNetwork>* scored = nullptr);

}  // namespace hsconas
