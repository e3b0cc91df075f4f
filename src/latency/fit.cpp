#include "hsconas/latency/fit.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>
#include <map>

#include <fmt/format.h>

#include "hsconas/base/statistics.hpp"
#include "hsconas/latency/ridge.hpp"

namespace hsconas {

namespace {

constexpr double kErrorBar = 0.9;
constexpr std::size_t kFolds = 10;
// With at least this many networks the error bar uses the closed-form left-out errors. They are a
// little too small, because they also chose the form and the variances, but that costs less than
// one point of the error bar's coverage.
constexpr std::size_t kManyNetworks = 200;

/// Numbers the columns of the design matrix and their groups in order of first use.
class Columns {
 public:
  int at(const std::string& group, const std::string& name) {
    const auto [found, is_new] =
        columns_.try_emplace({group, name}, static_cast<int>(group_of_.size()));
    if (is_new) {
      const auto number = groups_.try_emplace(group, static_cast<int>(groups_.size())).first;
      group_of_.push_back(number->second);
    }
    return found->second;
  }
  const std::vector<int>& group_of() const { return group_of_; }
  int groups() const { return static_cast<int>(groups_.size()); }

 private:
  std::map<std::pair<std::string, std::string>, int> columns_;
  std::map<std::string, int> groups_;
  std::vector<int> group_of_;
};

/// One value that a term adds to the design matrix, to the column with this group and name.
struct Contribution {
  std::string group;
  std::string column;
  double value = 0.0;
};

/// Everything that the term at `index` adds for one feature group. `prior` may be null.
std::vector<Contribution> contributions(FeatureGroup group, const LatencySpace& space,
                                        std::size_t index, const TermPrior* prior) {
  const double prior_ms = prior == nullptr ? 0.0 : prior->ms[index];
  const LatencySpace::Term& term = space.term(index);
  const std::string op = std::to_string(space.op_of(index));
  std::vector<Contribution> result;
  switch (group) {
    case FeatureGroup::Layers:
      return {{"", "", term.is_free ? 0.0 : 1.0}};
    case FeatureGroup::Time:
      return {{"", "", prior_ms}};
    case FeatureGroup::OperatorCount:
      return {{"", op, 1.0}};
    case FeatureGroup::OperatorTime:
      return {{"", op, prior_ms}};
    case FeatureGroup::TimeByShape:
      return {{"", term.shape_key, prior_ms}};
    case FeatureGroup::Device:
      for (std::size_t d = 0; prior != nullptr && d < prior->device_differences.size(); ++d) {
        result.push_back({"", std::to_string(d), prior->device_differences[d][index]});
      }
      return result;
    case FeatureGroup::Block:
      return {{"", term.block_key, 1.0}};
    case FeatureGroup::BlockTime:
      return {{"", term.block_key, prior_ms}};
    case FeatureGroup::Position:
      return {{"", term.position_key, 1.0}};
    case FeatureGroup::PositionTime:
      return {{"", term.position_key, prior_ms}};
    case FeatureGroup::Work:
      for (const auto& [kind, amount] : term.work) result.push_back({kind, "", amount});
      return result;
    case FeatureGroup::WorkByShape:
      for (const auto& [kind, amount] : term.work) {
        result.push_back({"", term.shape_key + kind, amount});
      }
      return result;
  }
  return result;
}

/// The features of every term under one form.
std::vector<std::vector<Feature>> term_features(const LatencySpace& space, const FitForm& form,
                                                const TermPrior* prior, Columns& columns) {
  std::vector<std::vector<Feature>> features(space.terms());
  for (std::size_t t = 0; t < space.terms(); ++t) {
    // A block that does nothing is known to cost nothing: no correction may change that.
    if (prior != nullptr && space.term(t).is_free) continue;
    for (std::size_t g = 0; g < form.groups.size(); ++g) {
      for (const Contribution& c : contributions(form.groups[g], space, t, prior)) {
        if (c.value == 0.0) continue;
        features[t].push_back({columns.at(fmt::format("{} {}", g, c.group), c.column), c.value});
      }
    }
  }
  return features;
}

std::vector<std::size_t> terms_of(const LatencySpace& space, const Architecture& arch) {
  std::vector<std::size_t> terms;
  for (std::size_t position = 0; position < arch.size(); ++position) {
    terms.push_back(space.index(static_cast<int>(position), arch[position]));
  }
  return terms;
}

double sum_of(const std::vector<double>& terms, const PairTerms& pairs, const LatencySpace& space,
              const Architecture& arch) {
  const std::vector<std::size_t> of_arch = terms_of(space, arch);
  double sum = pairs.sum(of_arch);
  for (const std::size_t term : of_arch) sum += terms[term];
  return sum;
}

/// The features of every two terms of different positions in a form with pairs, by [first][second]:
/// one for their operators, wherever in the cell these are, and one for the two terms alone.
std::vector<std::vector<Feature>> pair_features(const LatencySpace& space, Columns& columns) {
  std::vector<std::vector<Feature>> features(space.terms() * space.terms());
  const std::size_t row = space.terms() / static_cast<std::size_t>(space.positions());
  for (std::size_t first = 0; first < space.terms(); ++first) {
    for (std::size_t second = (first / row + 1) * row; second < space.terms(); ++second) {
      const auto [low, high] = std::minmax({space.op_of(first), space.op_of(second)});
      features[first * space.terms() + second] = {
          {columns.at("pairs of operators", fmt::format("{} {}", low, high)), 1.0},
          {columns.at("pairs of terms", fmt::format("{} {}", first, second)), 1.0}};
    }
  }
  return features;
}

/// What `features` are worth with the fitted coefficients.
double worth(const std::vector<Feature>& features, const std::vector<double>& coefficients) {
  double sum = 0.0;
  for (const Feature& f : features) {
    sum += f.value * coefficients[static_cast<std::size_t>(f.column)];
  }
  return sum;
}

struct FormFit {
  NetworkFit fit;
  double left_out_rmse = 0.0;
  std::vector<double> left_out_ms;       ///< Error of each network when left out.
  std::vector<double> left_out_percent;  ///< relative_error() of each network when left out.
};

/// Error in percent of the prediction; infinite unless the prediction is above 0.
double relative_error(double predicted_ms, double measured_ms) {
  if (!(predicted_ms > 0.0)) return std::numeric_limits<double>::infinity();
  return 100.0 * std::abs(predicted_ms - measured_ms) / predicted_ms;
}

/// Median ratio of a network's measured time to the prior's sum; 1 when no sum is above 0.
double prior_scale(const LatencySpace& space, std::span<const Measurement> networks,
                   const TermPrior& prior) {
  std::vector<double> ratios;
  for (const Measurement& network : networks) {
    const double sum = prior.sum_ms(space, network.arch);
    if (sum > 0.0) ratios.push_back(network.ms / sum);
  }
  return ratios.empty() ? 1.0 : median(ratios);
}

void rescale(TermPrior& prior, double factor) {
  prior.fixed_ms *= factor;
  for (double& ms : prior.ms) ms *= factor;
  prior.pairs.scale(factor);
  for (auto& differences : prior.device_differences) {
    for (double& ms : differences) ms *= factor;
  }
}

FormFit fit_form(const LatencySpace& space, std::span<const Measurement> networks,
                 const FitForm& form, const TermPrior* prior) {
  Columns columns;
  const auto features = term_features(space, form, prior, columns);
  const auto of_pairs =
      form.pairs ? pair_features(space, columns) : std::vector<std::vector<Feature>>();
  RidgeProblem problem;
  const auto scale_of_pairs = [&columns] { return columns.at("pairs of the prior", ""); };
  for (const Measurement& network : networks) {
    auto& row = problem.rows.emplace_back();
    const std::vector<std::size_t> terms = terms_of(space, network.arch);
    for (std::size_t i = 0; i < terms.size(); ++i) {
      row.insert(row.end(), features[terms[i]].begin(), features[terms[i]].end());
      for (std::size_t k = i + 1; k < terms.size() && form.pairs; ++k) {
        const auto& some = of_pairs[terms[i] * space.terms() + terms[k]];
        row.insert(row.end(), some.begin(), some.end());
      }
    }
    double known = 0.0;
    if (prior != nullptr) {
      const double of_prior = prior->pairs.sum(terms);
      if (!prior->pairs.empty()) row.push_back({scale_of_pairs(), of_prior});
      known = prior->sum_ms(space, network.arch) - of_prior;
    }
    problem.targets.push_back(network.ms - known);
  }
  problem.group_of = columns.group_of();
  problem.groups = columns.groups();
  const RidgeFit ridge = form.least_squares ? fit_least_squares(problem) : fit_ridge(problem);
  NetworkFit fit{.form = form.name, .bias_ms = ridge.intercept};
  fit.fixed_ms = prior == nullptr ? 0.0 : prior->fixed_ms;
  fit.terms = prior == nullptr ? std::vector<double>(space.terms()) : prior->ms;
  for (std::size_t t = 0; t < space.terms(); ++t) {
    fit.terms[t] += worth(features[t], ridge.coefficients);
  }
  if (prior != nullptr && !prior->pairs.empty()) {
    fit.pairs = prior->pairs;
    fit.pairs.scale(worth({{scale_of_pairs(), 1.0}}, ridge.coefficients));
  }
  for (std::size_t i = 0; i < of_pairs.size(); ++i) {
    if (fit.pairs.empty()) fit.pairs = PairTerms(space.terms());
    fit.pairs.at(i / space.terms(), i % space.terms()) += worth(of_pairs[i], ridge.coefficients);
  }
  const std::size_t step = networks.size() / ridge.left_out_errors.size() +
                           (networks.size() % ridge.left_out_errors.size() != 0 ? 1 : 0);
  std::vector<double> left_out;
  for (std::size_t i = 0; i < ridge.left_out_errors.size(); ++i) {
    const double measured_ms = networks[i * step].ms;
    left_out.push_back(relative_error(measured_ms + ridge.left_out_errors[i], measured_ms));
  }
  return {.fit = std::move(fit),
          .left_out_rmse = ridge.left_out_rmse,
          .left_out_ms = ridge.left_out_errors,
          .left_out_percent = std::move(left_out)};
}

}  // namespace

double TermPrior::sum_ms(const LatencySpace& space, const Architecture& arch) const {
  return fixed_ms + sum_of(ms, pairs, space, arch);
}

double NetworkFit::predict_ms(const LatencySpace& space, const Architecture& arch) const {
  return std::max(0.0,
                  bias_ms + fixed_ms + sum_of(terms, pairs, space, space.canonical(arch, dead)));
}

std::vector<FitForm> correction_forms() {
  using enum FeatureGroup;
  return {{.name = "constant", .groups = {}},
          {.name = "per layer", .groups = {Layers}},
          {.name = "scale", .groups = {Time}},
          {.name = "per operator", .groups = {Layers, Time, OperatorCount, OperatorTime}},
          {.name = "per block",
           .groups = {Layers, Time, OperatorCount, OperatorTime, Block, BlockTime}}};
}

std::vector<FitForm> adaptation_forms(bool by_position, bool is_cell, bool several_devices) {
  using enum FeatureGroup;
  const FeatureGroup single = by_position ? Position : Block;
  const FeatureGroup single_time = by_position ? PositionTime : BlockTime;
  std::vector<FeatureGroup> all{Time, OperatorCount, OperatorTime};
  if (!is_cell) all.insert(all.end(), {TimeByShape, Work, WorkByShape, Block});
  if (by_position || is_cell) all.push_back(single);
  all.push_back(single_time);
  std::vector<FitForm> forms{
      {.name = "scale", .groups = {Time}},
      {.name = "per operator", .groups = {Time, OperatorCount, OperatorTime}},
      {.name = by_position ? "per position" : "per block", .groups = all}};
  if (!several_devices) return forms;
  for (FitForm& form : forms) {
    form.name = "mixture, " + form.name;
    form.groups.insert(form.groups.begin(), Device);
  }
  return forms;
}

std::vector<FitForm> network_forms(bool is_cell, std::size_t networks) {
  using enum FeatureGroup;
  const FitForm least_squares{.name = "least squares", .groups = {Position}, .least_squares = true};
  if (is_cell) {
    std::vector<FitForm> forms{{.name = "per position", .groups = {OperatorCount, Position}}};
    if (networks >= kNetworksForPairs) {
      forms.push_back({.name = "per pair", .groups = {OperatorCount, Position}, .pairs = true});
    }
    forms.push_back(least_squares);
    return forms;
  }
  return {{.name = "per operator", .groups = {Work, OperatorCount}},
          {.name = "per block", .groups = {Work, WorkByShape, OperatorCount, Block}},
          {.name = "per position", .groups = {Work, WorkByShape, OperatorCount, Block, Position}},
          least_squares};
}

namespace {

/// Whether `left_out_rmse` of the first fit is smaller. NaN counts as larger than any number.
bool has_smaller_error(const FormFit& first, const FormFit& second) {
  return first.left_out_rmse < second.left_out_rmse ||
         (std::isnan(second.left_out_rmse) && !std::isnan(first.left_out_rmse));
}

/// Whether the first fit would also predict other networks better than the second: whether its
/// error on networks that were left out is smaller, and the mean difference of their absolute
/// errors more than two standard errors from 0. Few networks with large errors would decide on
/// squared ones.
bool is_surely_better(const FormFit& first, const FormFit& second) {
  std::vector<double> gains;
  for (std::size_t i = 0; i < first.left_out_ms.size(); ++i) {
    gains.push_back(std::abs(second.left_out_ms[i]) - std::abs(first.left_out_ms[i]));
  }
  const double standard_error =
      standard_deviation(gains) / std::sqrt(static_cast<double>(gains.size()));
  return has_smaller_error(first, second) && mean(gains) > 2.0 * standard_error;
}

/// The fit with the smallest left-out error over all forms and ways to count dead operators; one
/// with pairs only if it is surely better than any without. `trials`, if given, receives the
/// left-out error of each.
FormFit fit_best_form(const LatencySpace& space, std::span<const Measurement> networks,
                      const FitOptions& options, std::vector<FitTrial>* trials) {
  const std::map<DeadOperators, std::string> names{
      {DeadOperators::Cost, ""},
      {DeadOperators::UnreadFree, ", unread operators free"},
      {DeadOperators::Free, ", dead operators free"}};
  std::vector<double> times;
  for (const Measurement& network : networks) times.push_back(network.ms);
  const double mean_ms = mean(times);
  FormFit sum;
  FormFit with_pairs;
  const std::vector<DeadOperators> only_one{DeadOperators::Cost};
  for (const DeadOperators dead : space.is_cell() ? options.dead : only_one) {
    std::vector<Measurement> canonical(networks.begin(), networks.end());
    for (Measurement& network : canonical) {
      network.arch = space.canonical(network.arch, dead);
    }
    TermPrior prior;
    if (options.prior != nullptr) {
      prior = *options.prior;
      if (options.rescale_prior) rescale(prior, prior_scale(space, canonical, prior));
    }
    for (const FitForm& form : options.forms) {
      FormFit tried = fit_form(space, canonical, form, options.prior == nullptr ? nullptr : &prior);
      tried.fit.dead = dead;
      tried.fit.form = form.name + names.at(dead);
      if (trials != nullptr) {
        trials->push_back({tried.fit.form, 100.0 * tried.left_out_rmse / mean_ms});
      }
      FormFit& best = form.pairs ? with_pairs : sum;
      if (best.fit.terms.empty() || has_smaller_error(tried, best)) best = std::move(tried);
    }
  }
  const bool uses_pairs =
      !with_pairs.fit.terms.empty() && (sum.fit.terms.empty() || is_surely_better(with_pairs, sum));
  return uses_pairs ? with_pairs : sum;
}

/// Relative errors by cross-validation: each fold is predicted by a fit to the others that chooses
/// its form and variances anew. The closed-form left-out errors do not repeat these choices, so
/// with few networks they are too small.
std::vector<double> cross_validated_errors(const LatencySpace& space,
                                           std::span<const Measurement> networks,
                                           const FitOptions& options) {
  const std::size_t folds = std::min(networks.size(), kFolds);
  std::vector<double> errors;
  for (std::size_t fold = 0; fold < folds; ++fold) {
    std::vector<Measurement> others;
    for (std::size_t i = 0; i < networks.size(); ++i) {
      if (i % folds != fold) others.push_back(networks[i]);
    }
    const NetworkFit fit = fit_best_form(space, others, options, nullptr).fit;
    for (std::size_t i = fold; i < networks.size(); i += folds) {
      errors.push_back(relative_error(fit.predict_ms(space, networks[i].arch), networks[i].ms));
    }
  }
  return errors;
}

/// The error that nine of ten further networks stay within, estimated from `errors` of n networks:
/// the value of rank 0.9 (n + 1), since a further network is equally likely to fall into any of the
/// n + 1 gaps between them. Fewer than 9 errors have no such rank: then the result is the largest,
/// which n / (n + 1) of the networks stay within. 0 if there are no errors or the rank's is
/// infinite.
double error_bar(std::vector<double> errors) {
  std::erase_if(errors, [](double error) { return std::isnan(error); });
  if (errors.empty()) return 0.0;
  const double rank = kErrorBar * static_cast<double>(errors.size() + 1);
  const double last = static_cast<double>(errors.size() - 1);
  const double bar = quantile(errors, std::min(1.0, (rank - 1.0) / std::max(last, 1.0)));
  return std::isfinite(bar) ? bar : 0.0;
}

}  // namespace

NetworkFit fit_networks(const LatencySpace& space, std::span<const Measurement> networks,
                        const FitOptions& options) {
  assert(networks.size() >= 2);
  std::vector<FitTrial> trials;
  FormFit best = fit_best_form(space, networks, options, &trials);
  best.fit.trials = std::move(trials);
  const bool can_leave_out = networks.size() > 2 && networks.size() < kManyNetworks;
  best.fit.error_percent =
      error_bar(can_leave_out ? cross_validated_errors(space, networks, options)
                              : std::move(best.left_out_percent));
  return best.fit;
}

std::vector<std::size_t> choose_networks(const LatencySpace& space,
                                         std::span<const Architecture> candidates,
                                         std::size_t count, const TermPrior* prior) {
  assert(count <= candidates.size());
  std::vector<FitForm> forms;
  if (prior == nullptr) {
    forms = network_forms(space.is_cell());
    forms.pop_back();  // Least squares, with the features of the one before.
  } else {
    forms = adaptation_forms(true, space.is_cell(), !prior->device_differences.empty());
  }
  Columns columns;
  const auto features = term_features(space, forms.back(), prior, columns);
  RidgeProblem problem{.group_of = columns.group_of(), .groups = columns.groups()};
  for (const Architecture& candidate : candidates) {
    const Architecture arch = space.canonical(candidate, DeadOperators::Cost);
    auto& row = problem.rows.emplace_back();
    for (std::size_t position = 0; position < arch.size(); ++position) {
      const auto& some = features[space.index(static_cast<int>(position), arch[position])];
      row.insert(row.end(), some.begin(), some.end());
    }
  }
  problem.targets.assign(candidates.size(), 0.0);
  return choose_rows(problem, count);
}

}  // namespace hsconas
