#include "surrogate.hpp"

#include <algorithm>
#include <numeric>

#include "hsconas/search/expected.hpp"

namespace hsconas {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {

/// The cost of a Cholesky factor grows with the cube, and that of a prediction with the square.
constexpr std::size_t kMostKnown = 400;
constexpr int kKept = 300;
constexpr std::size_t kJudged = 32;
/// Kernel and noise are chosen again once there are so many times as many individuals.
constexpr double kGrowth = 1.25;

std::vector<double> scores_of(std::span<const Individual> known) {
  std::vector<double> scores;
  scores.reserve(known.size());
  for (const Individual& individual : known) scores.push_back(individual.fitness.score);
  return scores;
}

}  // namespace

void Surrogate::add(Individual individual) {
  known_.push_back(std::move(individual));
  is_learned_ = false;
  if (known_.size() <= kMostKnown) return;
  auto kept = fittest(known_, kKept);
  std::sort(kept.begin(), kept.end());
  std::vector<Individual> fitter;
  fitter.reserve(kept.size());
  for (const std::size_t i : kept) fitter.push_back(std::move(known_[i]));
  known_ = std::move(fitter);
  process_.reset();
}

void Surrogate::learn() {
  if (is_learned_) return;
  is_learned_ = true;
  // Networks that fail score so far below the others that they would hide their differences.
  scores_ = normal_scores(scores_of(known_));
  const bool has_grown =
      static_cast<double>(known_.size()) >= kGrowth * static_cast<double>(fitted_);
  if (!process_ || has_grown) {
    std::vector<Genes> some;
    std::vector<double> some_scores;
    const std::size_t count = std::min(known_.size(), kMostToFit);
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t at = i * known_.size() / count;
      some.push_back(known_[at].genes);
      some_scores.push_back(scores_[at]);
    }
    process_ = fit_(some, some_scores);
    fitted_ = known_.size();
  }
  std::vector<Genes> fresh;
  for (std::size_t i = process_->size(); i < known_.size(); ++i) fresh.push_back(known_[i].genes);
  if (!fresh.empty()) process_->add(fresh);
  process_->set_scores(scores_);
}

std::vector<double> Surrogate::means(std::span<const Genes> others) {
  learn();
  const VectorXd means = process_->means(process_->correlations(others));
  return {means.begin(), means.end()};
}

std::vector<double> Surrogate::improvements(std::span<const Genes> others) {
  learn();
  const double best = *std::max_element(scores_.begin(), scores_.end());
  const MatrixXd correlations = process_->correlations(others);
  const VectorXd means = process_->means(correlations);
  // What one known member says alone is an upper bound of the variance given all of them.
  const VectorXd alike = correlations.colwise().maxCoeff().transpose();
  std::vector<double> bounds;
  for (Index i = 0; i < means.size(); ++i) {
    const double deviation = process_->prior_deviation() * process_->unknown_share(alike[i]);
    bounds.push_back(expected_improvement({means[i], deviation}, best));
  }
  const auto judged = largest_of(bounds, kJudged);
  MatrixXd columns(correlations.rows(), std::ssize(judged));
  for (std::size_t i = 0; i < judged.size(); ++i) {
    columns.col(static_cast<Index>(i)) = correlations.col(static_cast<Index>(judged[i]));
  }
  const VectorXd deviations = process_->deviations(columns);
  std::vector<double> result(others.size(), 0.0);
  for (std::size_t i = 0; i < judged.size(); ++i) {
    const Expected expected{means[static_cast<Index>(judged[i])],
                            deviations[static_cast<Index>(i)]};
    result[judged[i]] = expected_improvement(expected, best);
  }
  return result;
}

std::vector<std::size_t> largest_of(std::span<const double> values, std::size_t count) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return values[a] > values[b]; });
  order.resize(std::min(order.size(), count));
  return order;
}

GaussianProcess best_process(std::span<const Kernel> kernels, std::span<const double> noises,
                             std::span<const Genes> genes, std::span<const double> scores,
                             double (*judge)(GaussianProcess& process)) {
  std::optional<GaussianProcess> best;
  double best_value = 0.0;
  for (const Kernel& kernel : kernels) {
    const MatrixXd alike = kernel(genes, genes);
    const Kernel known = [&](std::span<const Genes>, std::span<const Genes>) -> const MatrixXd& {
      return alike;
    };
    for (const double noise : noises) {
      GaussianProcess process(known, noise);
      process.add(genes);
      process.set_scores(scores);
      const double value = judge(process);
      if (best && !(value > best_value)) continue;
      best_value = value;
      best.emplace(kernel, noise);
    }
  }
  return std::move(*best);
}

}  // namespace hsconas
