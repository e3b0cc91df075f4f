#include "search/surrogate.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "catch.hpp"
#include "hsconas/base/files.hpp"
#include "hsconas/base/statistics.hpp"
#include "support/grid_region.hpp"
#include "support/known_table.hpp"
#include "support/temporary_folder.hpp"

using namespace hsconas;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {

constexpr std::size_t kGenes = 5;

std::vector<Genes> drawn(int count, Rng& rng) {
  const GridRegion grid(kGenes, 4);
  std::vector<Genes> members;
  while (std::ssize(members) < count) {
    Genes genes = grid.sample(rng);
    if (std::find(members.begin(), members.end(), genes) == members.end()) members.push_back(genes);
  }
  return members;
}

/// Genes matter alone and in one pair.
double score_of(const Genes& genes) {
  return genes[0] + 0.5 * genes[1] - 0.25 * genes[2] + (genes[3] == genes[4] ? 2.0 : 0.0);
}

std::vector<double> scores_of(const std::vector<Genes>& members) {
  std::vector<double> scores;
  for (const Genes& genes : members) scores.push_back(score_of(genes));
  return scores;
}

/// The one-hot code of genes and of pairs of genes, written down, with a constant.
VectorXd code_of(const Genes& genes) {
  const auto axes = std::ssize(genes);
  VectorXd code = VectorXd::Zero(1 + 4 * axes + 16 * axes * axes);
  code[0] = 1.0;
  for (std::ptrdiff_t a = 0; a < axes; ++a) {
    const int left = genes[static_cast<std::size_t>(a)];
    code[1 + 4 * a + left] = 1.0;
    for (std::ptrdiff_t b = a + 1; b < axes; ++b) {
      const int right = genes[static_cast<std::size_t>(b)];
      code[1 + 4 * axes + 16 * (axes * a + b) + 4 * left + right] = 1.0;
    }
  }
  return code;
}

}  // namespace

TEST_CASE("the kernel of pairs is the inner product of the codes, which are never written down",
          "[search]") {
  Rng rng(1, "test");
  const auto members = drawn(20, rng);
  const MatrixXd kernel = pairs_kernel(kGenes)(members, members);
  for (std::size_t i = 0; i < members.size(); ++i) {
    for (std::size_t j = 0; j < members.size(); ++j) {
      const double product = code_of(members[i]).dot(code_of(members[j]));
      const double whole = code_of(members[i]).squaredNorm();
      CHECK(kernel(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(j)) ==
            Approx(product / whole));
    }
  }
}

TEST_CASE("a kernel of embeddings falls with their distance and is 1 for equal ones", "[search]") {
  const SearchSpace cell(read_space(small_cell()));
  const TemporaryFolder folder;
  write_file(folder / "e.csv", "arch,x,y\n0000,0,0\n0001,3,4\n0002,0,0\n");
  const Embeddings embeddings = Embeddings::load(cell, folder / "e.csv");
  std::vector<Genes> members;
  for (const char* code : {"0000", "0001", "0002"}) members.push_back(genes_of(cell.decode(code)));
  const MatrixXd kernel = embedding_kernel(embeddings, 2.0)(members, std::span(members).first(2));
  REQUIRE(kernel.rows() == 3);
  REQUIRE(kernel.cols() == 2);
  CHECK(kernel(0, 0) == 1.0);
  CHECK(kernel(2, 0) == 1.0);
  CHECK(kernel(1, 0) == Approx(std::exp(-2.5)));
  CHECK(kernel(0, 1) == Approx(std::exp(-2.5)));
  const MatrixXd product =
      product_kernel(embedding_kernel(embeddings, 2.0), hamming_kernel(4, 1.0))(members, members);
  CHECK(product(0, 1) == Approx(std::exp(-2.5) * std::exp(-1.0)));
  CHECK(product(0, 2) == Approx(std::exp(-1.0)));
  CHECK(mean_distance(embeddings, members) == Approx(10.0 / 3.0));
  const std::vector<Genes> equal{members[0], members[2]};
  CHECK(mean_distance(embeddings, equal) == 1.0);
}

TEST_CASE("a Gaussian process predicts as the ridge regression with its kernel", "[search]") {
  Rng rng(1, "test");
  const auto members = drawn(60, rng);
  const auto scores = scores_of(members);
  const auto others = drawn(10, rng);
  constexpr double kStrength = 0.02;
  GaussianProcess process(pairs_kernel(kGenes), kStrength);
  process.add(members);
  process.set_scores(scores);
  const VectorXd means = process.means(process.correlations(others));

  const double norm = code_of(members[0]).norm();
  MatrixXd codes(60, code_of(members[0]).size());
  for (int i = 0; i < 60; ++i) codes.row(i) = code_of(members[static_cast<std::size_t>(i)]) / norm;
  MatrixXd normal = codes.transpose() * codes;
  normal.diagonal().array() += kStrength;
  const VectorXd y = Eigen::Map<const VectorXd>(scores.data(), 60);
  const VectorXd weights = normal.llt().solve(codes.transpose() * (y.array() - y.mean()).matrix());
  for (int i = 0; i < 10; ++i) {
    const double expected =
        y.mean() + weights.dot(code_of(others[static_cast<std::size_t>(i)])) / norm;
    CHECK(means[i] == Approx(expected).epsilon(1e-6));
  }
}

TEST_CASE("a Gaussian process that grows by parts is the one that gets all at once", "[search]") {
  Rng rng(2, "test");
  const auto members = drawn(40, rng);
  const auto scores = scores_of(members);
  const auto others = drawn(10, rng);
  GaussianProcess whole(hamming_kernel(kGenes, 2.0), 1e-3);
  whole.add(members);
  whole.set_scores(scores);
  GaussianProcess grown(hamming_kernel(kGenes, 2.0), 1e-3);
  for (std::size_t at = 0; at < members.size(); at += 8) {
    grown.add(std::span(members).subspan(at, 8));
    grown.set_scores(std::span(scores).first(at + 8));
    grown.means(grown.correlations(others));
  }
  CHECK(grown.size() == 40);
  CHECK(grown.log_likelihood() == Approx(whole.log_likelihood()));
  CHECK(grown.means(grown.correlations(others))
            .isApprox(whole.means(whole.correlations(others)), 1e-9));
  CHECK(grown.deviations(grown.correlations(others))
            .isApprox(whole.deviations(whole.correlations(others)), 1e-9));
}

TEST_CASE("a Gaussian process is certain of what it knows and of nothing far away", "[search]") {
  const std::vector<Genes> members{{0, 0, 0, 0, 0}, {0, 0, 0, 0, 1}, {0, 0, 0, 1, 1}};
  const std::vector<double> scores{1.0, 2.0, 4.0};
  GaussianProcess process(hamming_kernel(kGenes, 0.5), 1e-4);
  process.add(members);
  process.set_scores(scores);
  const std::vector<Genes> asked{members[2], {0, 0, 2, 0, 0}, {3, 3, 3, 3, 3}};
  const auto alike = process.correlations(asked);
  const VectorXd means = process.means(alike);
  const VectorXd deviations = process.deviations(alike);
  CHECK(means[0] == Approx(4.0).margin(0.01));
  CHECK(means[2] == Approx(7.0 / 3.0).margin(0.01));
  CHECK(deviations[0] < 0.02 * process.prior_deviation());
  CHECK(deviations[1] < deviations[2]);
  CHECK(deviations[2] == Approx(process.prior_deviation()).epsilon(1e-3));
  // One member alone says less than all of them.
  for (Eigen::Index i = 0; i < 3; ++i) {
    CHECK(deviations[i] <=
          process.prior_deviation() * process.unknown_share(alike.col(i).maxCoeff()) * 1.0001);
  }
}

TEST_CASE("cross-validation is the error of a process without the member", "[search]") {
  Rng rng(3, "test");
  const auto members = drawn(12, rng);
  auto scores = scores_of(members);
  const double centre = mean(scores);
  for (double& score : scores) score -= centre;
  GaussianProcess process(hamming_kernel(kGenes, 3.0), 0.1);
  process.add(members);
  process.set_scores(scores);
  const Kernel kernel = hamming_kernel(kGenes, 3.0);
  double sum = 0.0;
  for (std::size_t left = 0; left < members.size(); ++left) {
    std::vector<Genes> rest;
    std::vector<double> known;
    for (std::size_t i = 0; i < members.size(); ++i) {
      if (i == left) continue;
      rest.push_back(members[i]);
      known.push_back(scores[i]);
    }
    MatrixXd matrix = kernel(rest, rest);
    matrix.diagonal().array() += 0.1;
    const VectorXd y = Eigen::Map<const VectorXd>(known.data(), 11);
    const double predicted =
        (kernel(rest, {&members[left], 1}).transpose() * matrix.llt().solve(y))(0);
    sum += (predicted - scores[left]) * (predicted - scores[left]);
  }
  CHECK(process.cross_validation() == Approx(sum / 12.0));
}

TEST_CASE("a surrogate ranks what it has not seen, and its first choice improves most",
          "[search]") {
  Rng rng(4, "test");
  const auto members = drawn(80, rng);
  const auto others = drawn(200, rng);
  Surrogate surrogate([](std::span<const Genes> genes, std::span<const double> scores) {
    const Kernel kernels[] = {pairs_kernel(genes.front().size())};
    const double noises[] = {1e-3, 1e-1};
    return best_process(kernels, noises, genes, scores,
                        [](GaussianProcess& process) { return -process.cross_validation(); });
  });
  for (const Genes& genes : members) surrogate.add({genes, {.score = score_of(genes)}});
  const auto means = surrogate.means(others);
  CHECK(spearman(means, scores_of(others)) > 0.9);
  const auto gains = surrogate.improvements(others);
  CHECK(std::count_if(gains.begin(), gains.end(), [](double gain) { return gain > 0.0; }) <= 32);
  std::vector<double> sorted = scores_of(others);
  const auto first = largest_of(gains, 1)[0];
  CHECK(score_of(others[first]) >= quantile(sorted, 0.9));
}

TEST_CASE("a surrogate of more than 400 individuals keeps the fittest", "[search]") {
  std::size_t most = 0;
  Surrogate surrogate([](std::span<const Genes>, std::span<const double>) {
    return GaussianProcess(hamming_kernel(2, 1.0), 0.1);
  });
  for (int i = 0; i < 500; ++i) {
    surrogate.add({{i / 40, i % 40}, {.score = static_cast<double>(i)}});
    most = std::max(most, surrogate.size());
  }
  CHECK(most == 400);
  CHECK(surrogate.size() == 300 + 99);
  const std::vector<Genes> asked{{1, 1}, {12, 19}};
  const auto means = surrogate.means(asked);
  CHECK(means[1] > means[0]);
}
