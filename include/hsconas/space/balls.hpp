#pragma once

#include <functional>
#include <span>
#include <utility>
#include <vector>

#include "hsconas/space/network_region.hpp"
#include "hsconas/space/search_space.hpp"
#include "hsconas/space/subspace.hpp"

namespace hsconas {

/// The neighbourhoods of good networks (seeds): all networks of a subspace that differ from a seed
/// in at most `radius` layers. A layer differs if its operator does, or the number of its inner
/// channels: networks are compared in canonical form, so the width of a skip does not count.
///
/// It is the region of locality shrinking. Unlike a product of axes, it can hold several good
/// combinations of operators without the mixtures of them.
/// Source: LISSNAS (Gopal et al., IJCAI 2023); what it leaves open is ours.
class Balls : public NetworkRegion {
 public:
  /// `seeds`: at least one, all members of `within`; those with the same canonical form count
  /// once. `radius` >= 1.
  Balls(const SearchSpace& space, Subspace within, std::span<const Architecture> seeds, int radius);

  /// In the given order, in canonical form where `within` holds it.
  const std::vector<Architecture>& seeds() const { return seeds_; }
  int radius() const { return radius_; }
  const Subspace& within() const { return within_; }

  std::vector<std::vector<int>> axes() const override { return within_.axes(); }
  using NetworkRegion::contains;
  /// Cost: seeds x layers.
  bool contains(const Genes& genes) const override;
  /// A uniformly random seed with 0 to radius layers changed: their number is uniform, and so are
  /// the layers and their new choices. Every member occurs, but not equally often.
  Genes sample(Rng& rng) const override;
  /// A child outside all balls is brought back: random ones of the layers in which it differs from
  /// its nearest seed take the seed's choice. So are the children of cross().
  Genes mutate(const Genes& genes, double probability, Rng& rng) const override;
  /// A step of the subspace. One that leaves all balls also takes back other changed layers, so
  /// that members at the edge of a ball have neighbours.
  Genes step(const Genes& genes, Rng& rng) const override;
  Genes cross(const Genes& a, const Genes& b, Rng& rng) const override;

  /// How many *different* networks there are: widths with the same inner channels count once.
  struct Size {
    double log10 = 0.0;
    /// Standard error of the number relative to it; 0: the number is exact.
    double relative_error = 0.0;
  };
  /// Exact where the balls hold at most a million networks together or do not overlap. Otherwise
  /// estimated from 10,000 random pairs of a ball and a member of it: the share of pairs whose ball
  /// is the first to hold the member, times the sum of the balls' sizes, is an unbiased estimate of
  /// the size of the union (Karp, Luby and Madras, 1989). The same balls give the same estimate.
  const Size& size() const { return size_; }
  double log10_size() const override { return size_.log10; }

  /// Exact, as `cost` adds up over the layers: in each ball the `radius` most profitable changes of
  /// its seed. Cost: layers x ops x widths calls, and seeds x layers x ops x widths steps.
  Extremes extremes(const std::function<double(const Architecture&)>& cost) const override;

 private:
  /// For each layer the class of a choice: choices with the same canonical form share one.
  using Classes = std::vector<int>;

  /// The choices of `within` at one layer.
  struct Layer {
    std::vector<std::vector<int>> class_of;  ///< [op][width]; -1: not in `within`.
    std::vector<LayerChoice> choices;        ///< All of them.
    std::vector<LayerChoice> widest;         ///< For each class its widest choice.
  };

  int class_at(std::size_t layer, LayerChoice choice) const {
    return layers_[layer]
        .class_of[static_cast<std::size_t>(choice.op)][static_cast<std::size_t>(choice.width)];
  }
  /// Empty if `genes` is no member of `within`.
  Classes classes_of(const Genes& genes) const;
  /// Number of layers that differ.
  static int distance(const Classes& a, const Classes& b);
  /// The first of the seeds that are nearest to `classes`.
  std::size_t nearest(const Classes& classes) const;
  /// A member near `genes`, which lies in `within`; `genes` itself if it is one. Layer `kept`, if
  /// not -1, keeps its choice.
  Genes brought_back(Genes genes, int kept, Rng& rng) const;

  /// What each class of each layer costs: [layer][class].
  using Costs = std::vector<std::vector<double>>;
  Costs costs_of(const std::function<double(const Architecture&)>& cost) const;
  /// The cheapest member of one ball, after what it costs.
  std::pair<double, Architecture> least_of_ball(std::size_t seed, const Costs& costs) const;
  Architecture least(const Costs& costs) const;

  Size size_of_union() const;
  /// For each ball the members that no ball before it holds, counted one by one.
  double count_all() const;
  /// Those with given choices before `layer`; distances[i] is how many of them differ from seed i,
  /// for the seeds up to `ball`.
  double count_new(std::size_t ball, std::size_t layer, std::vector<int>& distances) const;
  Size estimate(double all) const;
  bool are_apart() const;

  Subspace within_;
  int radius_;
  std::vector<Layer> layers_;
  std::vector<std::size_t> changeable_;  ///< The layers with more than one class.
  std::vector<Architecture> seeds_;
  std::vector<Classes> seed_classes_;
  Size size_;
};

/// The number of different networks that differ from one network of `within` in at most `radius`
/// layers, which is the same for each of them.
double ball_size(const SearchSpace& space, const Subspace& within, int radius);

/// log10 of the number of different networks in `region`: log10_distinct() for a subspace, else
/// log10_size().
double log10_different(const SearchSpace& space, const NetworkRegion& region);

/// Mean number of layers in which two of `networks` differ in canonical form; 0 for fewer than two.
double mean_distance(const SearchSpace& space, std::span<const Architecture> networks);

}  // namespace hsconas
