#include "autoencoder.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace hsconas {

using Eigen::Index;
using Eigen::VectorXd;

namespace {

constexpr double kLeastNormVariance = 1e-5;
/// The weight of a node in the sum with its neighbours, GIN's 1 + epsilon. No sum of neighbours is
/// half a node: with 1, a convolution before a pooling would be a pooling before a convolution.
constexpr double kSelf = 1.5;
/// Size of u, whose products tell the links.
constexpr Index kLinkWidth = 16;

/// The part of `gradient` at a place, to add to.
template <typename Place>
auto part_of(VectorXd& gradient, const Place& place) {
  return Eigen::Map<NodeMatrix>(gradient.data() + place.at, place.rows, place.columns);
}

double log1p_exp(double x) {
  return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x)));
}

}  // namespace

/// Values of a round of messages that its gradient needs.
struct Autoencoder::RoundState {
  NodeMatrix sums;    ///< 1.5 H + A H.
  NodeMatrix hidden;  ///< After the first layer.
  NodeMatrix normed;  ///< Before gain and offset of the norm.
  VectorXd inverse;   ///< 1 / deviation of each node.
  NodeMatrix out;     ///< The new H.
};

Autoencoder::Place Autoencoder::place(Index rows, Index columns) {
  const Place place{count_, rows, columns};
  count_ += rows * columns;
  return place;
}

Autoencoder::Autoencoder(const AutoencoderShape& shape, Rng& rng) : shape_(shape) {
  Index from = shape.features();
  for (int i = 0; i < shape.rounds; ++i) {
    rounds_.push_back({.in = place(from, shape.width),
                       .in_bias = place(1, shape.width),
                       .out = place(shape.width, shape.width),
                       .gain = place(1, shape.width),
                       .offset = place(1, shape.width)});
    from = shape.width;
  }
  mean_ = place(from, shape.latent);
  mean_bias_ = place(1, shape.latent);
  deviation_ = place(from, shape.latent);
  deviation_bias_ = place(1, shape.latent);
  kind_ = place(shape.latent, shape.kinds);
  kind_bias_ = place(1, shape.kinds);
  link_ = place(shape.latent, kLinkWidth);
  link_bias_ = place(1, 1);
  parameters_ = VectorXd::Zero(count_);
  const auto fill = [&](const Place& place, double scale) {
    const double deviation = std::sqrt(scale / static_cast<double>(place.rows));
    for (Index i = 0; i < place.rows * place.columns; ++i) {
      parameters_[place.at + i] = deviation * rng.normal();
    }
  };
  for (const Round& round : rounds_) {
    fill(round.in, 2.0);
    fill(round.out, 2.0);
    part_of(parameters_, round.gain).setOnes();
  }
  fill(mean_, 1.0);
  fill(deviation_, 0.01);
  fill(kind_, 1.0);
  fill(link_, 1.0);
  // Samples of the first steps are near their means, so that there is something to learn from.
  part_of(parameters_, deviation_bias_).setConstant(-2.0);
}

NodeMatrix Autoencoder::features(std::span<const CellGraph> graphs) const {
  NodeMatrix result = NodeMatrix::Zero(std::ssize(graphs) * shape_.nodes, shape_.features());
  Index row = 0;
  for (const CellGraph& graph : graphs) {
    for (int node = 0; node < shape_.nodes; ++node, ++row) {
      result(row, graph.kinds[static_cast<std::size_t>(node)]) = 1.0;
      result(row, shape_.kinds + node) = 1.0;
    }
  }
  return result;
}

NodeMatrix Autoencoder::with_neighbours(std::span<const CellGraph> graphs,
                                        const NodeMatrix& nodes) const {
  NodeMatrix sums = kSelf * nodes;
  Index first = 0;
  for (const CellGraph& graph : graphs) {
    for (const auto& [i, j] : graph.links) {
      sums.row(first + i) += nodes.row(first + j);
      sums.row(first + j) += nodes.row(first + i);
    }
    first += shape_.nodes;
  }
  return sums;
}

Autoencoder::RoundState Autoencoder::run_round(const Round& round, NodeMatrix sums) const {
  RoundState state;
  state.sums = std::move(sums);
  state.hidden.noalias() = state.sums * matrix(round.in);
  state.hidden.rowwise() += matrix(round.in_bias).row(0);
  state.hidden = state.hidden.cwiseMax(0.0);
  state.normed.noalias() = state.hidden * matrix(round.out);
  state.normed.colwise() -= state.normed.rowwise().mean().eval();
  const VectorXd variance = state.normed.rowwise().squaredNorm() / shape_.width;
  state.inverse = (variance.array() + kLeastNormVariance).rsqrt();
  state.normed = state.inverse.asDiagonal() * state.normed;
  state.out = state.normed * matrix(round.gain).row(0).asDiagonal();
  state.out.rowwise() += matrix(round.offset).row(0);
  state.out = state.out.cwiseMax(0.0);
  return state;
}

/// From the gradient for the new H that for 1.5 H + A H.
NodeMatrix Autoencoder::round_gradient(const Round& round, const RoundState& state,
                                       const NodeMatrix& above, VectorXd& gradient) const {
  const NodeMatrix out = (state.out.array() > 0.0).select(above, 0.0);
  part_of(gradient, round.gain) += out.cwiseProduct(state.normed).colwise().sum();
  part_of(gradient, round.offset) += out.colwise().sum();
  NodeMatrix normed = out * matrix(round.gain).row(0).asDiagonal();
  const VectorXd along = normed.cwiseProduct(state.normed).rowwise().mean();
  normed.colwise() -= normed.rowwise().mean().eval();
  normed -= along.asDiagonal() * state.normed;
  normed = state.inverse.asDiagonal() * normed;
  part_of(gradient, round.out).noalias() += state.hidden.transpose() * normed;
  NodeMatrix hidden = normed * matrix(round.out).transpose();
  hidden = (state.hidden.array() > 0.0).select(hidden, 0.0);
  part_of(gradient, round.in).noalias() += state.sums.transpose() * hidden;
  part_of(gradient, round.in_bias) += hidden.colwise().sum();
  return hidden * matrix(round.in).transpose();
}

NodeMatrix Autoencoder::encode(std::span<const CellGraph> graphs) const {
  NodeMatrix nodes = features(graphs);
  for (const Round& round : rounds_) {
    nodes = std::move(run_round(round, with_neighbours(graphs, nodes)).out);
  }
  NodeMatrix means = nodes * matrix(mean_);
  means.rowwise() += matrix(mean_bias_).row(0);
  return means;
}

double Autoencoder::decode_kinds(std::span<const CellGraph> graphs, const NodeMatrix& codes,
                                 NodeMatrix& codes_gradient, VectorXd& gradient) const {
  NodeMatrix logits = codes * matrix(kind_);
  logits.rowwise() += matrix(kind_bias_).row(0);
  logits.colwise() -= logits.rowwise().maxCoeff().eval();
  NodeMatrix shares = logits.array().exp();
  const VectorXd sums = shares.rowwise().sum();
  shares = sums.cwiseInverse().asDiagonal() * shares;
  const auto rows = static_cast<double>(codes.rows());
  double loss = sums.array().log().sum();
  for (Index row = 0; row < codes.rows(); ++row) {
    const CellGraph& graph = graphs[static_cast<std::size_t>(row / shape_.nodes)];
    const int kind = graph.kinds[static_cast<std::size_t>(row % shape_.nodes)];
    loss -= logits(row, kind);
    shares(row, kind) -= 1.0;
  }
  shares /= rows;
  part_of(gradient, kind_).noalias() += codes.transpose() * shares;
  part_of(gradient, kind_bias_) += shares.colwise().sum();
  codes_gradient.noalias() += shares * matrix(kind_).transpose();
  return loss / rows;
}

double Autoencoder::decode_links(std::span<const CellGraph> graphs, const NodeMatrix& codes,
                                 NodeMatrix& codes_gradient, VectorXd& gradient) const {
  const Index nodes = shape_.nodes;
  const double pairs = static_cast<double>(std::ssize(graphs) * nodes * (nodes - 1)) / 2.0;
  const NodeMatrix all = codes * matrix(link_);
  const double bias = parameters_[link_bias_.at];
  NodeMatrix all_gradient(all.rows(), all.cols());
  double loss = 0.0;
  double bias_gradient = 0.0;
  Index first = 0;
  for (const CellGraph& graph : graphs) {
    const auto own = all.middleRows(first, nodes);
    const NodeMatrix logits = (own * own.transpose()).array() + bias;
    NodeMatrix errors = (1.0 + (-logits.array()).exp()).inverse();
    for (Index j = 0; j < nodes; ++j) {
      for (Index i = 0; i < j; ++i) loss += log1p_exp(logits(i, j));
    }
    for (const auto& [i, j] : graph.links) {
      loss -= logits(i, j);
      errors(i, j) -= 1.0;
      errors(j, i) -= 1.0;
    }
    errors.diagonal().setZero();
    errors /= pairs;
    bias_gradient += errors.sum() / 2.0;
    all_gradient.middleRows(first, nodes).noalias() = errors * own;
    first += nodes;
  }
  part_of(gradient, link_).noalias() += codes.transpose() * all_gradient;
  gradient[link_bias_.at] += bias_gradient;
  codes_gradient.noalias() += all_gradient * matrix(link_).transpose();
  return loss / pairs;
}

double Autoencoder::loss(std::span<const CellGraph> graphs, const NodeMatrix& noise,
                         double divergence_weight, VectorXd& gradient) const {
  std::vector<RoundState> states;
  NodeMatrix nodes = features(graphs);
  for (const Round& round : rounds_) {
    states.push_back(run_round(round, with_neighbours(graphs, nodes)));
    nodes = states.back().out;
  }
  NodeMatrix means = nodes * matrix(mean_);
  means.rowwise() += matrix(mean_bias_).row(0);
  NodeMatrix logs = nodes * matrix(deviation_);
  logs.rowwise() += matrix(deviation_bias_).row(0);
  const NodeMatrix deviations = logs.array().exp();
  const NodeMatrix errors = deviations.cwiseProduct(noise);

  gradient = VectorXd::Zero(count_);
  NodeMatrix codes_gradient = NodeMatrix::Zero(means.rows(), means.cols());
  double loss = decode_kinds(graphs, means + errors, codes_gradient, gradient);
  loss += decode_links(graphs, means + errors, codes_gradient, gradient);
  const double weight = divergence_weight / static_cast<double>(means.rows());
  loss +=
      weight *
      (0.5 * (means.squaredNorm() + deviations.squaredNorm() - static_cast<double>(means.size())) -
       logs.sum());

  const NodeMatrix means_gradient = codes_gradient + weight * means;
  const NodeMatrix logs_gradient =
      codes_gradient.cwiseProduct(errors).array() + weight * (deviations.array().square() - 1.0);
  part_of(gradient, mean_).noalias() += nodes.transpose() * means_gradient;
  part_of(gradient, mean_bias_) += means_gradient.colwise().sum();
  part_of(gradient, deviation_).noalias() += nodes.transpose() * logs_gradient;
  part_of(gradient, deviation_bias_) += logs_gradient.colwise().sum();
  NodeMatrix below = means_gradient * matrix(mean_).transpose();
  below.noalias() += logs_gradient * matrix(deviation_).transpose();
  for (std::size_t i = rounds_.size(); i-- > 0;) {
    below = with_neighbours(graphs, round_gradient(rounds_[i], states[i], below, gradient));
  }
  return loss;
}

CellGraph Autoencoder::decode(const NodeMatrix& codes) const {
  NodeMatrix scores = codes * matrix(kind_);
  scores.rowwise() += matrix(kind_bias_).row(0);
  const NodeMatrix all = codes * matrix(link_);
  const double bias = parameters_[link_bias_.at];
  CellGraph graph;
  for (int i = 0; i < shape_.nodes; ++i) {
    Index kind = 0;
    scores.row(i).maxCoeff(&kind);
    graph.kinds.push_back(static_cast<int>(kind));
    for (int j = i + 1; j < shape_.nodes; ++j) {
      if (all.row(i).dot(all.row(j)) + bias > 0.0) graph.links.emplace_back(i, j);
    }
  }
  return graph;
}

}  // namespace hsconas
