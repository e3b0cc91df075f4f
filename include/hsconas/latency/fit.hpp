#pragma once

#include <span>
#include <string>
#include <vector>

#include "hsconas/latency/latency_space.hpp"
#include "hsconas/latency/pair_terms.hpp"

namespace hsconas {

/// A network and how long it took, milliseconds per batch.
struct Measurement {
  Architecture arch;
  double ms = 0.0;
};

/// Times of all terms as known before whole networks are measured: those of blocks timed alone, or
/// those of other devices' tables.
struct TermPrior {
  std::vector<double> ms;  ///< By LatencySpace::index(); of several devices, the mean.
  double fixed_ms = 0.0;   ///< Time of the parts that every network has, such as stem and head.
  PairTerms pairs;         ///< Of a cell; of several devices, the mean. A fit scales them.
  /// [device][LatencySpace::index()]: how much each of several devices differs from `ms`.
  std::vector<std::vector<double>> device_differences;

  /// Returns the milliseconds that these times predict for a network.
  double sum_ms(const LatencySpace& space, const Architecture& arch) const;
};

/// Quantities a fit may put a coefficient on, summed over a network's terms.
enum class FeatureGroup {
  Layers,         ///< Number of terms that are not free; the coefficient is an overhead per layer.
  Time,           ///< Sum of the prior's times; the coefficient is a scale.
  OperatorCount,  ///< Number of terms per operator.
  OperatorTime,   ///< Prior's times per operator.
  Block,          ///< Number of terms per block key, which layers of one shape share.
  BlockTime,      ///< Prior's times per block key.
  Position,       ///< Number of terms per position key, so that each has its own coefficient.
  PositionTime,   ///< Prior's times per position key.
  TimeByShape,    ///< Prior's times per layer shape.
  Device,         ///< The prior's differences per device; the coefficients make a mixture of them.
  Work,           ///< Every kind of work_of(); each kind has its own variance.
  WorkByShape     ///< Every kind of work per layer shape.
};

/// A form of the model of whole networks: prior + bias + corrections by feature group.
struct FitForm {
  std::string name;
  std::vector<FeatureGroup> groups;
  bool least_squares = false;  ///< Plain least squares instead of ridge regression.
  /// Also a coefficient for every two operators, and one for every two choices, see PairTerms.
  bool pairs = false;
};

/// How well a form predicts networks that are left out of its fit.
struct FitTrial {
  std::string form;
  double left_out_percent = 0.0;  ///< RMSE in percent of the mean time; NaN when undetermined.
};

struct NetworkFit {
  std::string form;  ///< The form with the smallest left-out error.
  DeadOperators dead = DeadOperators::Cost;
  double bias_ms = 0.0;          ///< Added to the terms and `fixed_ms`.
  double fixed_ms = 0.0;         ///< The prior's fixed_ms, scaled; 0 without a prior.
  std::vector<double> terms;     ///< Milliseconds by LatencySpace::index().
  PairTerms pairs;               ///< Beside the terms.
  std::vector<FitTrial> trials;  ///< In the order they were tried.
  double error_percent = 0.0;    ///< 90 % of left-out networks have at most this error; 0: unknown.

  /// Milliseconds per batch, at least 0.
  double predict_ms(const LatencySpace& space, const Architecture& arch) const;
};

/// Forms for blocks timed alone on the same device: from the paper's constant to corrections per
/// block.
std::vector<FitForm> correction_forms();
/// Forms for a table of another device, which has entries by block or, `by_position`, by position.
/// With several devices, every form mixes them: ridge regression draws the mixture towards their
/// mean.
std::vector<FitForm> adaptation_forms(bool by_position, bool is_cell, bool several_devices = false);
/// Forms without a prior, for a chain of layers or for a cell; the last one is plain least squares.
/// A cell that is fitted to at least kNetworksForPairs networks also has one with pairs.
std::vector<FitForm> network_forms(bool is_cell, std::size_t networks = 0);
/// With fewer networks, too many pairs occur in none or one of them.
inline constexpr std::size_t kNetworksForPairs = 200;

struct FitOptions {
  std::vector<FitForm> forms;
  const TermPrior* prior = nullptr;  ///< Null: no times are known.
  /// Scale the prior first by the median ratio of measured time to its sum: for a table of another
  /// device or in other units.
  bool rescale_prior = false;
  /// Ways to count a cell's dead operators; all are tried.
  std::vector<DeadOperators> dead{DeadOperators::Cost, DeadOperators::UnreadFree,
                                  DeadOperators::Free};
};

/// Fits every form by ridge regression to the networks and keeps the one with the smallest
/// leave-one-out error; in a cell every form is tried with every way to count dead operators. A
/// form with pairs is kept only if its mean absolute error is smaller by two standard errors. There
/// must be at least two networks, all different. A term that no network contains is predicted from
/// the feature groups that it shares with others. With fewer than 200 networks, error_percent comes
/// from ten-fold cross-validation that includes the choice of the form; this makes the whole eleven
/// times as costly.
NetworkFit fit_networks(const LatencySpace& space, std::span<const Measurement> networks,
                        const FitOptions& options);

/// Chooses the networks to time where timing is expensive: indices of `count` candidates, taken one
/// by one so that each lowers the mean variance of all predictions most. All kinds of features in
/// network_forms() or, with a prior, in adaptation_forms() are assumed equally important (an
/// I-optimal design, chosen greedily). `count` is at most the number of candidates. Cost:
/// candidates^2 x (count + number of features).
std::vector<std::size_t> choose_networks(const LatencySpace& space,
                                         std::span<const Architecture> candidates,
                                         std::size_t count, const TermPrior* prior = nullptr);

}  // namespace hsconas
