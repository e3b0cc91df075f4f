#pragma once

#include <span>
#include <vector>

#include <Eigen/Dense>

#include "hsconas/base/rng.hpp"
#include "hsconas/embed/cell_graph.hpp"

namespace hsconas {

/// One row per node, the nodes of a batch of graphs one graph after the other.
using NodeMatrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

struct AutoencoderShape {
  int nodes = 0;  ///< All graphs have as many.
  int kinds = 0;
  int rounds = 4;
  int width = 128;
  int latent = 16;

  int features() const { return kinds + nodes; }
};

/// A variational autoencoder of graphs. The encoder starts from the kind of each node and its
/// number, one-hot, because the edges of a cell are not interchangeable. In each round a node adds
/// up its neighbours and 1.5 times itself, and two layers and a layer norm follow:
///   H <- ReLU(norm(ReLU((1.5 H + A H) W1 + b1) W2))
/// with the symmetric adjacency A. Linear layers on the last H give the mean and the logarithm of
/// the deviation of each node's code. The decoder gets a sample z of the code; a softmax of a
/// linear layer says the kind of the node, and sigmoid(u_i u_j + b) with u = z L whether two nodes
/// are linked. Source: arch2vec (Yan et al., NeurIPS 2020), with a layer norm instead of a batch
/// norm, so that a network's embedding does not depend on other networks, and with L and b.
///
/// All parameters are one vector, and the gradient is written by hand: at this size it takes a
/// minute on one core, and needs no LibTorch.
class Autoencoder {
 public:
  Autoencoder(const AutoencoderShape& shape, Rng& rng);

  const AutoencoderShape& shape() const { return shape_; }
  std::span<double> parameters() {
    return {parameters_.data(), static_cast<std::size_t>(parameters_.size())};
  }

  /// Means of the codes of the nodes, [graphs x nodes, latent].
  NodeMatrix encode(std::span<const CellGraph> graphs) const;

  /// Mean over the nodes of the cross entropy of the kinds, plus the mean over the pairs of nodes
  /// of that of the links, plus `divergence_weight` times the mean over the nodes of the divergence
  /// of the codes from a normal distribution. `noise` [graphs x nodes, latent] makes the samples.
  /// Writes the gradient for the parameters.
  double loss(std::span<const CellGraph> graphs, const NodeMatrix& noise, double divergence_weight,
              Eigen::VectorXd& gradient) const;

  /// The most probable graph for the codes of one graph's nodes, [nodes, latent].
  CellGraph decode(const NodeMatrix& codes) const;

 private:
  /// Where a matrix lies among the parameters.
  struct Place {
    Eigen::Index at = 0, rows = 0, columns = 0;
  };
  struct Round {
    Place in, in_bias, out, gain, offset;
  };

  Place place(Eigen::Index rows, Eigen::Index columns);
  auto matrix(const Place& place) const {
    return Eigen::Map<const NodeMatrix>(parameters_.data() + place.at, place.rows, place.columns);
  }

  struct RoundState;
  NodeMatrix features(std::span<const CellGraph> graphs) const;
  NodeMatrix with_neighbours(std::span<const CellGraph> graphs, const NodeMatrix& nodes) const;
  RoundState run_round(const Round& round, NodeMatrix sums) const;
  NodeMatrix round_gradient(const Round& round, const RoundState& state, const NodeMatrix& above,
                            Eigen::VectorXd& gradient) const;
  double decode_kinds(std::span<const CellGraph> graphs, const NodeMatrix& codes,
                      NodeMatrix& codes_gradient, Eigen::VectorXd& gradient) const;
  double decode_links(std::span<const CellGraph> graphs, const NodeMatrix& codes,
                      NodeMatrix& codes_gradient, Eigen::VectorXd& gradient) const;

  AutoencoderShape shape_;
  Eigen::Index count_ = 0;
  std::vector<Round> rounds_;
  Place mean_, mean_bias_, deviation_, deviation_bias_;
  Place kind_, kind_bias_, link_, link_bias_;
  Eigen::VectorXd parameters_;
};

}  // namespace hsconas
