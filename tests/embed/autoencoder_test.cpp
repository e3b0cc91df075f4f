#include "embed/autoencoder.hpp"

#include <span>
#include <vector>

#include <nlohmann/json.hpp>

#include "catch.hpp"
#include "hsconas/base/adam.hpp"
#include "support/known_table.hpp"

using namespace hsconas;

namespace {

struct Small {
  SearchSpace cell{read_space(small_cell())};
  CellGraphs graphs{cell};
  Rng rng{1, "test"};
  int latent;
  Autoencoder autoencoder;

  Small(int width, int latent_size)
      : latent(latent_size),
        autoencoder({.nodes = graphs.nodes(),
                     .kinds = graphs.kinds(),
                     .rounds = 2,
                     .width = width,
                     .latent = latent_size},
                    rng) {}

  std::vector<CellGraph> some() const {
    std::vector<CellGraph> result;
    for (const char* code : {"2012", "1111", "0000", "2222"}) {
      result.push_back(graphs.graph(cell.decode(code)));
    }
    return result;
  }
  NodeMatrix noise(std::size_t count) {
    NodeMatrix noise(static_cast<Eigen::Index>(count) * graphs.nodes(), latent);
    for (Eigen::Index i = 0; i < noise.size(); ++i) noise.data()[i] = rng.normal();
    return noise;
  }
};

}  // namespace

TEST_CASE("the gradient of the autoencoder is the slope of its loss", "[embed]") {
  Small small(6, 3);
  const auto graphs = small.some();
  const NodeMatrix noise = small.noise(graphs.size());
  // Away from where it starts, so that gains, offsets and biases count.
  const std::span parameters = small.autoencoder.parameters();
  for (double& value : parameters) value += 0.1 * small.rng.normal();
  Eigen::VectorXd gradient;
  Eigen::VectorXd unused;
  small.autoencoder.loss(graphs, noise, 0.3, gradient);
  constexpr double kStep = 1e-6;
  REQUIRE(gradient.size() == std::ssize(parameters));
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    CAPTURE(i);
    const double value = parameters[i];
    parameters[i] = value + kStep;
    const double above = small.autoencoder.loss(graphs, noise, 0.3, unused);
    parameters[i] = value - kStep;
    const double below = small.autoencoder.loss(graphs, noise, 0.3, unused);
    parameters[i] = value;
    CHECK(gradient[static_cast<Eigen::Index>(i)] ==
          Approx((above - below) / (2.0 * kStep)).margin(1e-6).epsilon(1e-4));
  }
}

TEST_CASE("the code of a graph does not depend on the graphs that it is encoded with", "[embed]") {
  const Small small(6, 3);
  const auto graphs = small.some();
  const NodeMatrix together = small.autoencoder.encode(graphs);
  for (std::size_t i = 0; i < graphs.size(); ++i) {
    const NodeMatrix alone = small.autoencoder.encode(std::span(graphs).subspan(i, 1));
    CHECK(alone.isApprox(together.middleRows(static_cast<Eigen::Index>(i) * 6, 6), 1e-9));
  }
}

TEST_CASE("an autoencoder that has learned a few graphs decodes them", "[embed]") {
  Small small(16, 8);
  const auto graphs = small.some();
  const std::span parameters = small.autoencoder.parameters();
  Adam adam;
  Eigen::VectorXd gradient;
  for (int step = 0; step < 2000; ++step) {
    small.autoencoder.loss(graphs, small.noise(graphs.size()), 1e-3, gradient);
    adam.descend(parameters, {gradient.data(), parameters.size()}, 1e-2);
  }
  const NodeMatrix codes = small.autoencoder.encode(graphs);
  for (std::size_t i = 0; i < graphs.size(); ++i) {
    CHECK(small.autoencoder.decode(codes.middleRows(static_cast<Eigen::Index>(i) * 6, 6)) ==
          graphs[i]);
  }
}
