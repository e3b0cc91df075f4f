#pragma once

#include <span>
#include <string>
#include <vector>

#include "hsconas/latency/latency_space.hpp"

namespace hsconas {

/// A network and how long it took, milliseconds per batch.
struct Measurement {
  Architecture arch;
  double ms = 0.0;
};

/// What is known of every term before whole networks are looked at: the times of the blocks alone,
/// or another device's table.
struct TermPrior {
  std::vector<double> ms;  ///< By LatencySpace::index().
  double fixed_ms = 0.0;   ///< Of what every network has.
};

/// Quantities a fit may put a coefficient on, summed over a network's terms.
enum class FeatureGroup {
  Layers,         ///< Number of terms that are not free: an overhead per layer.
  Time,           ///< Sum of the prior's times: a scale.
  OperatorCount,  ///< Number of terms per operator.
  OperatorTime,   ///< Prior's times per operator.
  Block,          ///< Number of terms per block key: layers of one shape share it.
  BlockTime,      ///< As Block, weighted by the prior's time.
  Position,       ///< Every term on its own.
  PositionTime,   ///< As Position, weighted by the prior's time.
  TimeByShape,    ///< Prior's times per layer shape.
  Work,           ///< Every kind of work_of(), a group each.
  WorkByShape     ///< Every kind of work per layer shape.
};

/// A form the model of whole networks may take: prior + bias + the groups' corrections.
struct FitForm {
  std::string name;
  std::vector<FeatureGroup> groups;
  bool least_squares = false;  ///< Plain least squares instead of ridge regression.
};

/// How well a form did on networks left out of its fit.
struct FitTrial {
  std::string form;
  double left_out_percent = 0.0;  ///< RMSE over the mean time; NaN when not determined.
};

struct NetworkFit {
  std::string form;  ///< The one with the smallest left-out error.
  DeadOperators dead = DeadOperators::Cost;
  double bias_ms = 0.0;          ///< On top of the terms and `fixed_ms`.
  double fixed_ms = 0.0;         ///< The prior's, scaled; 0 without a prior.
  std::vector<double> terms;     ///< Milliseconds by LatencySpace::index().
  std::vector<FitTrial> trials;  ///< In the order they were tried.
  double error_percent = 0.0;    ///< 90 % of networks left out are predicted this well; 0: unknown.

  /// Never below 0.
  double predict_ms(const LatencySpace& space, const Architecture& arch) const;
};

/// Forms for blocks timed alone on this very device: from the paper's constant to corrections per
/// block.
std::vector<FitForm> correction_forms();
/// Forms for another device's table of blocks or, `by_position`, of positions.
std::vector<FitForm> adaptation_forms(bool by_position, bool is_cell);
/// Forms for whole networks only, of a chain of layers or of a cell; the last one is plain least
/// squares.
std::vector<FitForm> network_forms(bool is_cell);

struct FitOptions {
  std::vector<FitForm> forms;
  const TermPrior* prior = nullptr;  ///< Null: nothing is known.
  /// Other units or another device: the prior is first scaled by the ratio of the medians.
  bool rescale_prior = false;
  /// Ways to count a cell's dead operators that are tried.
  std::vector<DeadOperators> dead{DeadOperators::Cost, DeadOperators::UnreadFree,
                                  DeadOperators::Free};
};

/// Fits every form by ridge regression to the networks and keeps the one with the smallest
/// leave-one-out error, in a cell each with all ways to count dead operators. At least two
/// networks, all different. Terms never seen take what the groups they share with others say. With
/// fewer than 200 networks the error bar comes from ten-fold cross-validation of all of this, the
/// choice of the form included. Cost: eleven times that of one choice then.
NetworkFit fit_networks(const LatencySpace& space, std::span<const Measurement> networks,
                        const FitOptions& options);

/// `count` of the candidates, by index, that say most about the others: one after the other the
/// network whose time would lower the mean variance of all predictions most, were every kind of
/// feature of network_forms() equally important (an I-optimal design, chosen greedily). Which
/// networks to time on a device where every one is dear. `count` at most their number.
/// Cost: candidates^2 x (count + features of a network).
std::vector<std::size_t> choose_networks(const LatencySpace& space,
                                         std::span<const Architecture> candidates,
                                         std::size_t count);

}  // namespace hsconas
