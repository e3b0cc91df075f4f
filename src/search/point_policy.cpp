#include "point_policy.hpp"

#include <algorithm>
#include <numeric>

#include "kernel.hpp"

namespace hsconas {

using Eigen::Index;
using Eigen::VectorXd;

PointPolicy::PointPolicy(const StrategyContext& context)
    : context_(context),
      networks_(context.embeddings->networks()),
      points_(columns_of(*context.embeddings, networks_)),
      centre_(points_.rowwise().mean()),
      deviations_(((points_.colwise() - centre_).rowwise().squaredNorm() /
                   static_cast<double>(points_.cols()))
                      .cwiseSqrt()),
      shift_(VectorXd::Zero(points_.rows())),
      adam_(context.embeddings->dimensions()) {}

Genes PointPolicy::draw() const {
  VectorXd point = mean();
  for (Index i = 0; i < point.size(); ++i) point[i] += deviations_[i] * context_.rng.normal();
  const VectorXd distances = (points_.colwise() - point).colwise().squaredNorm().transpose();
  std::vector<Index> heap(networks_.size());
  std::iota(heap.begin(), heap.end(), Index{0});
  // The nearest network is on top. Of equally near ones, which are equal networks, the first is.
  const auto is_below = [&](Index a, Index b) {
    return distances[a] > distances[b] || (distances[a] == distances[b] && a > b);
  };
  std::make_heap(heap.begin(), heap.end(), is_below);
  for (auto end = heap.end(); end != heap.begin(); --end) {
    const Genes& nearest = networks_[static_cast<std::size_t>(heap.front())];
    if (context_.is_usable(nearest)) return nearest;
    std::pop_heap(heap.begin(), end, is_below);
  }
  return networks_.front();
}

void PointPolicy::reinforce(const Genes& genes, double advantage, double rate) {
  const std::span<const double> point = context_.embeddings->of(context_.canonical(genes));
  const VectorXd mean = this->mean();
  std::vector<double> gradient(point.size(), 0.0);
  for (std::size_t i = 0; i < point.size(); ++i) {
    const auto at = static_cast<Index>(i);
    if (deviations_[at] > 0.0) gradient[i] = -advantage * (point[i] - mean[at]) / deviations_[at];
  }
  adam_.descend(std::span(shift_.data(), point.size()), gradient, rate);
}

}  // namespace hsconas
