#include "pair_model.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

#include "hsconas/base/statistics.hpp"

namespace hsconas {

namespace {

/// Weight of the standardised log(energy x delay) beside the normal score of the accuracy: among
/// networks that promise alike, the cheaper pair is tried.
constexpr double kProductWeight = 0.1;
/// A pair that is less likely than this to meet the limits is tried only where those that are
/// likely promise next to nothing. The weight was chosen on seeds 1001 and 1002 of the benchmark.
constexpr double kLikely = 0.9;
constexpr double kUnlikelyWeight = 1e-4;

/// The positions of the values of a design axis: by logarithm if all are positive numbers.
GeneModel::Positions positions_of(const DesignAxis& axis) {
  std::vector<double> sizes;
  for (const std::string& text : axis.values) {
    double size = 0.0;
    const char* end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, size);
    if (error != std::errc() || rest != end || !(size > 0.0)) return {};
    sizes.push_back(size);
  }
  return log_positions(sizes);
}

/// Those of all genes of a pair: operators are categories, widths and most axes sizes.
std::vector<GeneModel::Positions> pair_positions(const CodesignProblem& problem) {
  const SearchSpace& space = problem.accuracies.space();
  const auto widths =
      space.widths() > 1 ? log_positions(space.description().widths) : GeneModel::Positions();
  std::vector<GeneModel::Positions> axes;
  for (int layer = 0; layer < space.layers(); ++layer) {
    axes.emplace_back();
    axes.push_back(widths);
  }
  for (const DesignAxis& axis : problem.designs.axes()) axes.push_back(positions_of(axis));
  return axes;
}

std::vector<GeneModel::Positions> network_positions(const CodesignProblem& problem,
                                                    std::size_t network_genes) {
  auto axes = pair_positions(problem);
  axes.resize(network_genes);
  return axes;
}

}  // namespace

PairModel::PairModel(const CodesignProblem& problem, const PairRegion& region, bool models_limits)
    : limits_(problem.limits),
      models_limits_(models_limits),
      is_limited_(std::isfinite(limits_.ms) || std::isfinite(limits_.energy) ||
                  std::isfinite(limits_.power_mw)),
      network_genes_(region.networks().axes().size()),
      products_(pair_positions(problem)),
      slacks_(pair_positions(problem)),
      fits_(pair_positions(problem)),
      accuracies_(network_positions(problem, network_genes_)) {
  const auto axes = region.networks().axes();
  has_networks_ = std::any_of(axes.begin(), axes.end(), [](const auto& a) { return a.size() > 1; });
}

void PairModel::learn(std::span<const Trial> trials) {
  learn_costs(trials);
  learn_accuracies(trials);
}

double PairModel::standardised_product(const PairCost& cost) const {
  return (std::log(cost.product()) - product_mean_) / product_deviation_;
}

void PairModel::learn_costs(std::span<const Trial> trials) {
  std::vector<Genes> genes;
  std::vector<Genes> fitting;
  std::vector<double> labels;
  std::vector<double> slacks;
  std::vector<double> products;
  for (const Trial& trial : trials) {
    genes.push_back(trial.genes);
    const bool fits = std::isfinite(trial.pair.cost.ms);
    labels.push_back(fits ? 1.0 : -1.0);
    if (!fits) continue;
    fitting.push_back(trial.genes);
    slacks.push_back(limits_.slack(trial.pair.cost));
    products.push_back(std::log(trial.pair.cost.product()));
  }
  has_slacks_ = models_limits_ && is_limited_ && !fitting.empty();
  if (has_slacks_) slacks_.learn(fitting, slacks);
  has_misfits_ = models_limits_ && fitting.size() < genes.size();
  if (has_misfits_) fits_.learn(genes, labels);
  product_mean_ = mean(products);
  product_deviation_ = std::max(standard_deviation(products), 1e-9);
  for (double& product : products) product = (product - product_mean_) / product_deviation_;
  if (!fitting.empty()) products_.learn(fitting, products);
}

void PairModel::learn_accuracies(std::span<const Trial> trials) {
  known_scores_.clear();
  best_score_.reset();
  std::vector<Genes> networks;  // In the order of the trials, so that the model only grows.
  std::vector<double> values;
  for (const Trial& trial : trials) {
    if (!trial.is_inside || !known_scores_.emplace(network_of(trial.genes), 0.0).second) continue;
    networks.push_back(network_of(trial.genes));
    values.push_back(trial.pair.accuracy);
  }
  if (networks.empty()) return;
  values = normal_scores(values);
  for (std::size_t i = 0; i < values.size(); ++i) known_scores_[networks[i]] = values[i];
  if (has_networks_) accuracies_.learn(networks, values);
  for (const Trial& trial : trials) {
    if (!trial.is_inside) continue;
    const double score = known_scores_.at(network_of(trial.genes)) -
                         kProductWeight * standardised_product(trial.pair.cost);
    best_score_ = std::max(best_score_.value_or(score), score);
  }
}

std::vector<Expected> PairModel::scores(std::span<const Genes> genes) const {
  std::vector<Genes> networks;
  networks.reserve(genes.size());
  for (const Genes& one : genes) networks.push_back(network_of(one));
  const auto products = products_.predict(genes);
  std::vector<Expected> result;
  if (has_networks_) {
    result = accuracies_.predict(networks);
  } else {
    result.resize(genes.size());
  }
  for (std::size_t i = 0; i < genes.size(); ++i) {
    const auto known = known_scores_.find(networks[i]);
    if (known != known_scores_.end()) result[i] = {known->second, 0.0};
    result[i].mean -= kProductWeight * products[i].mean;
    result[i].deviation = std::hypot(result[i].deviation, kProductWeight * products[i].deviation);
  }
  return result;
}

std::vector<double> PairModel::gains(std::span<const Genes> genes) const {
  std::vector<double> result(genes.size(), 1.0);
  if (best_score_) {
    const auto expected = scores(genes);
    for (std::size_t i = 0; i < genes.size(); ++i) {
      result[i] = expected_improvement(expected[i], *best_score_);
    }
  }
  if (!models_limits_) return result;
  const auto likely = chances(genes);
  for (std::size_t i = 0; i < genes.size(); ++i) {
    result[i] *= likely[i] * (likely[i] < kLikely ? kUnlikelyWeight : 1.0);
  }
  return result;
}

std::vector<double> PairModel::chances(std::span<const Genes> genes) const {
  std::vector<double> result(genes.size(), 1.0);
  const auto multiply = [&](const GeneModel& model) {
    const auto predictions = model.predict(genes);
    for (std::size_t i = 0; i < genes.size(); ++i) {
      result[i] *= probability_above(predictions[i], 0.0);
    }
  };
  if (has_misfits_) multiply(fits_);
  if (has_slacks_) multiply(slacks_);
  return result;
}

}  // namespace hsconas
