#include "hsconas/search/gene_model.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <utility>

#include "gaussian_process.hpp"

namespace hsconas {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {

constexpr std::array kCategoryLengths{0.5, 1.0, 2.0, 4.0, 8.0};
constexpr std::array kSizeLengths{0.25, 0.5, 1.0, 2.0, 4.0};
constexpr std::array kModelNoises{1e-4, 1e-2};
/// Kernel and noise are fitted to at most so many individuals, and again once there are so many
/// times as many.
constexpr std::size_t kMostFitted = 128;
constexpr double kFitGrowth = 1.25;

double matern52(double distance) {
  const double scaled = std::sqrt(5.0) * distance;
  return (1.0 + scaled + scaled * scaled / 3.0) * std::exp(-scaled);
}

/// Which genes are categories, and where the values of the others lie.
struct GeneAxes {
  std::vector<std::size_t> categories;
  std::vector<std::size_t> sizes;
  std::vector<GeneModel::Positions> positions;  ///< Of `sizes`.

  explicit GeneAxes(std::vector<GeneModel::Positions> axes) {
    for (std::size_t i = 0; i < axes.size(); ++i) {
      if (axes[i].empty()) {
        categories.push_back(i);
      } else {
        sizes.push_back(i);
        positions.push_back(std::move(axes[i]));
      }
    }
  }
};

/// The kernel with these lengths: one for all categories, one per size.
Kernel mixed_kernel(const GeneAxes& axes, double category_length, std::vector<double> lengths) {
  std::vector<double> by_distance;
  for (std::size_t distance = 0; distance <= axes.categories.size(); ++distance) {
    by_distance.push_back(std::exp(-static_cast<double>(distance) / category_length));
  }
  std::vector<GeneModel::Positions> scaled = axes.positions;
  for (std::size_t i = 0; i < scaled.size(); ++i) {
    for (double& position : scaled[i]) position /= lengths[i];
  }
  return [categories = axes.categories, sizes = axes.sizes, by_distance = std::move(by_distance),
          scaled = std::move(scaled)](std::span<const Genes> a, std::span<const Genes> b) {
    const auto alike = [&](const Genes& x, const Genes& y) {
      std::size_t different = 0;
      for (const std::size_t gene : categories) different += x[gene] != y[gene] ? 1 : 0;
      double squares = 0.0;
      for (std::size_t i = 0; i < sizes.size(); ++i) {
        const double apart = scaled[i][static_cast<std::size_t>(x[sizes[i]])] -
                             scaled[i][static_cast<std::size_t>(y[sizes[i]])];
        squares += apart * apart;
      }
      return by_distance[different] * matern52(std::sqrt(squares));
    };
    MatrixXd result(std::ssize(a), std::ssize(b));
    for (std::size_t j = 0; j < b.size(); ++j) {
      for (std::size_t i = 0; i < a.size(); ++i) {
        result(static_cast<Index>(i), static_cast<Index>(j)) = alike(a[i], b[j]);
      }
    }
    return result;
  };
}

/// Individuals of a fit.
struct FitSample {
  std::vector<Genes> genes;
  std::vector<double> values;
};

struct FittedKernel {
  Kernel kernel;
  double noise = 0.0;
};

double likelihood(const Kernel& kernel, double noise, const FitSample& sample) {
  GaussianProcess process(kernel, noise);
  process.add(sample.genes);
  process.set_scores(sample.values);
  return process.log_likelihood();
}

/// The lengths and the noise with the highest likelihood: first with one length for all sizes, then
/// each size's length twice or half as long where that is better.
FittedKernel fitted(const GeneAxes& axes, const FitSample& sample) {
  double best = 0.0;
  double category_length = 0.0;
  double noise = 0.0;
  std::vector<double> lengths;
  for (const double category : kCategoryLengths) {
    for (const double size : kSizeLengths) {
      const std::vector<double> equal(axes.sizes.size(), size);
      for (const double one : kModelNoises) {
        const double value = likelihood(mixed_kernel(axes, category, equal), one, sample);
        if (!lengths.empty() && !(value > best)) continue;
        best = value;
        category_length = category;
        noise = one;
        lengths = equal;
        if (lengths.empty()) lengths.push_back(size);  // Marks that there is one.
      }
      if (axes.sizes.empty()) break;
    }
    if (axes.categories.empty()) break;
  }
  lengths.resize(axes.sizes.size());
  for (std::size_t i = 0; i < lengths.size(); ++i) {
    for (const double factor : {2.0, 0.5, 4.0, 0.25}) {
      std::vector<double> changed = lengths;
      changed[i] *= factor;
      const double value = likelihood(mixed_kernel(axes, category_length, changed), noise, sample);
      if (!(value > best)) continue;
      best = value;
      lengths = std::move(changed);
    }
  }
  return {mixed_kernel(axes, category_length, std::move(lengths)), noise};
}

}  // namespace

struct GeneModel::State {
  explicit State(std::vector<Positions> all) : axes(std::move(all)) {}

  /// Whether kernel and noise are to be fitted to `count` individuals.
  bool needs_fit(std::size_t count) const {
    return !process || static_cast<double>(count) >= kFitGrowth * static_cast<double>(fitted_to);
  }
  void fit(std::span<const Genes> genes, std::span<const double> values) {
    FitSample sample;
    const std::size_t count = std::min(genes.size(), kMostFitted);
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t at = i * genes.size() / count;
      sample.genes.push_back(genes[at]);
      sample.values.push_back(values[at]);
    }
    best = fitted(axes, sample);
    fitted_to = genes.size();
  }

  GeneAxes axes;
  std::vector<Genes> known;
  FittedKernel best;
  std::optional<GaussianProcess> process;
  std::size_t fitted_to = 0;
};

GeneModel::GeneModel(std::vector<Positions> axes)
    : state_(std::make_unique<State>(std::move(axes))) {}
GeneModel::~GeneModel() = default;
GeneModel::GeneModel(GeneModel&&) noexcept = default;
GeneModel& GeneModel::operator=(GeneModel&&) noexcept = default;

void GeneModel::learn(std::span<const Genes> genes, std::span<const double> values) {
  State& state = *state_;
  const bool fits_anew = state.needs_fit(genes.size());
  if (fits_anew) state.fit(genes, values);
  const bool continues = !fits_anew && state.known.size() <= genes.size() &&
                         std::equal(state.known.begin(), state.known.end(), genes.begin());
  if (!continues) {
    state.process.emplace(state.best.kernel, state.best.noise);
    state.known.clear();
  }
  const auto fresh = genes.subspan(state.known.size());
  if (!fresh.empty()) state.process->add(fresh);
  state.known.insert(state.known.end(), fresh.begin(), fresh.end());
  state.process->set_scores(values);
}

std::vector<Expected> GeneModel::predict(std::span<const Genes> others) const {
  GaussianProcess& process = *state_->process;
  const MatrixXd correlations = process.correlations(others);
  const VectorXd means = process.means(correlations);
  const VectorXd deviations = process.deviations(correlations);
  std::vector<Expected> predictions;
  predictions.reserve(others.size());
  for (Index i = 0; i < means.size(); ++i) predictions.push_back({means[i], deviations[i]});
  return predictions;
}

GeneModel::Positions log_positions(std::span<const double> sizes) {
  GeneModel::Positions positions;
  positions.reserve(sizes.size());
  for (const double size : sizes) positions.push_back(std::log(size));
  const auto [least, most] = std::minmax_element(positions.begin(), positions.end());
  const double low = *least;
  const double range = *most - low;
  for (double& position : positions) position = range > 0.0 ? (position - low) / range : 0.0;
  return positions;
}

}  // namespace hsconas
