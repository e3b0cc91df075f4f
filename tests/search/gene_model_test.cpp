#include "hsconas/search/gene_model.hpp"

#include <cmath>
#include <vector>

#include "catch.hpp"
#include "hsconas/base/rng.hpp"
#include "hsconas/base/statistics.hpp"

using namespace hsconas;

namespace {

/// A category with 3 values and two sizes with 8 values.
std::vector<GeneModel::Positions> axes() {
  const std::vector<double> sizes{1, 2, 4, 8, 16, 32, 64, 128};
  return {{}, log_positions(sizes), log_positions(sizes)};
}

/// Smooth in the sizes, with an optimum inside; the category shifts it.
double value_of(const Genes& genes) {
  const double x = genes[1] / 7.0 - 0.4;
  const double y = genes[2] / 7.0 - 0.7;
  return -(x * x + 2.0 * y * y) + 0.3 * genes[0];
}

std::vector<Genes> all_genes() {
  std::vector<Genes> all;
  for (int c = 0; c < 3; ++c) {
    for (int x = 0; x < 8; ++x) {
      for (int y = 0; y < 8; ++y) all.push_back({c, x, y});
    }
  }
  return all;
}

/// `count` of all genes, in random order, and their values.
struct Sample {
  std::vector<Genes> known;
  std::vector<Genes> others;
  std::vector<double> values;

  explicit Sample(std::size_t count) {
    others = all_genes();
    Rng rng(1, "genes");
    rng.shuffle(std::span(others));
    known.assign(others.begin(), others.begin() + static_cast<std::ptrdiff_t>(count));
    others.erase(others.begin(), others.begin() + static_cast<std::ptrdiff_t>(count));
    for (const Genes& genes : known) values.push_back(value_of(genes));
  }
};

}  // namespace

TEST_CASE("a model of genes predicts what it has not seen, and says how certain it is",
          "[search]") {
  const Sample sample(40);
  GeneModel model(axes());
  model.learn(sample.known, sample.values);
  std::vector<double> means;
  std::vector<double> truth;
  int surprises = 0;
  const auto predictions = model.predict(sample.others);
  for (std::size_t i = 0; i < sample.others.size(); ++i) {
    means.push_back(predictions[i].mean);
    truth.push_back(value_of(sample.others[i]));
    surprises += std::abs(truth[i] - means[i]) > 3.0 * predictions[i].deviation + 1e-3 ? 1 : 0;
  }
  CHECK(spearman(means, truth) > 0.98);
  CHECK(rmse(means, truth) < 0.1 * standard_deviation(truth));
  CHECK(surprises < std::ssize(sample.others) / 10);
  const auto known = model.predict(sample.known);
  for (std::size_t i = 0; i < known.size(); ++i) {
    CHECK(known[i].mean == Approx(sample.values[i]).margin(0.02));
  }
}

TEST_CASE("sizes are nearer to each other than categories are", "[search]") {
  // Which y is best depends on x, so that only what lies near tells it.
  const auto ridge_of = [](const Genes& genes) {
    const double apart = (genes[1] - genes[2]) / 7.0;
    return -apart * apart;
  };
  Sample sample(60);
  for (std::size_t i = 0; i < sample.known.size(); ++i)
    sample.values[i] = ridge_of(sample.known[i]);
  GeneModel sizes(axes());
  GeneModel categories({{}, {}, {}});
  sizes.learn(sample.known, sample.values);
  categories.learn(sample.known, sample.values);
  const auto error = [&](const GeneModel& model) {
    std::vector<double> means;
    std::vector<double> truth;
    for (const Expected& one : model.predict(sample.others)) means.push_back(one.mean);
    for (const Genes& genes : sample.others) truth.push_back(ridge_of(genes));
    return rmse(means, truth);
  };
  CHECK(error(sizes) < 0.3 * error(categories));
}

TEST_CASE("a model that learns more individuals predicts as one that learns all at once",
          "[search]") {
  const Sample sample(46);
  GeneModel grown(axes());
  GeneModel whole(axes());
  const auto values = std::span(sample.values);
  const auto known = std::span(sample.known);
  grown.learn(known.first(40), values.first(40));
  grown.learn(known.first(43), values.first(43));
  grown.learn(known, values);  // Too few more for a new fit.
  whole.learn(known.first(40), values.first(40));
  whole.learn(known, values);
  const auto a = grown.predict(sample.others);
  const auto b = whole.predict(sample.others);
  for (std::size_t i = 0; i < a.size(); ++i) {
    CHECK(a[i].mean == Approx(b[i].mean).margin(1e-9));
    CHECK(a[i].deviation == Approx(b[i].deviation).margin(1e-7));
  }
  // Other individuals in the same number take the place of all.
  std::vector<double> negative;
  for (const double value : sample.values) negative.push_back(-value);
  grown.learn(known, negative);
  CHECK(grown.predict(sample.others)[0].mean == Approx(-b[0].mean).margin(1e-6));
}

TEST_CASE("positions of sizes are their logarithms between 0 and 1", "[search]") {
  const auto positions = log_positions(std::vector<double>{4.0, 8.0, 64.0});
  CHECK(positions[0] == 0.0);
  CHECK(positions[1] == Approx(0.25));
  CHECK(positions[2] == 1.0);
  CHECK(log_positions(std::vector<double>{3.0}) == GeneModel::Positions{0.0});
}
