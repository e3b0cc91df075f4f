#include "hsconas/codesign/compression.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "context.hpp"
#include "designs_inside.hpp"
#include "hsconas/base/error.hpp"
#include "hsconas/codesign/compressed_region.hpp"
#include "hsconas/search/driver.hpp"
#include "hsconas/search/methods.hpp"
#include "hsconas/space/subspace.hpp"
#include "pair_region.hpp"

namespace hsconas {

namespace {

constexpr double kNoLimit = std::numeric_limits<double>::infinity();

/// Of the bits to choose from, those that a design supports.
std::vector<int> supported_bits(const CompressionProblem& problem,
                                const std::vector<std::size_t>& designs,
                                const std::vector<int>& wanted, Log& log) {
  std::vector<int> bits;
  std::vector<int> others;
  for (const int count : wanted) {
    const bool is_supported = std::any_of(designs.begin(), designs.end(), [&](std::size_t design) {
      return supports(problem.designs.designs()[design], words_with(count));
    });
    (is_supported ? bits : others).push_back(count);
  }
  if (bits.empty() && !others.empty()) {
    throw Error(ErrorKind::Usage,
                fmt::format("codesign.weight_bits {}: no design of {} supports such weights beside "
                            "activations of {} bits: choose other bits, give the designs "
                            "supported_bits, or set codesign.weight_bits=[] to round nothing",
                            fmt::join(wanted, ", "), problem.designs.name(), kActivationBits));
  }
  if (!others.empty()) {
    log.warn(
        fmt::format("compress: no design of {} supports weights of {} bits beside activations "
                    "of {} bits, so they are not tried",
                    problem.designs.name(), fmt::join(others, " or "), kActivationBits));
  }
  return bits;
}

/// A network on the design that suits it best.
struct Placed {
  std::size_t design = 0;
  PairCost cost;
  double violation = 0.0;  ///< Of the limits.
};

class CompressionSearch : public SearchProblem {
 public:
  CompressionSearch(const CompressionProblem& problem, std::vector<std::size_t> designs,
                    CompressedRegion::Choices choices)
      : problem_(problem),
        designs_(std::move(designs)),
        region_(problem.space, problem.starts, std::move(choices)),
        row_(problem.costs.designs()) {}

  const Region& region() const override { return region_; }
  Genes canonical(const Genes& genes) const override { return region_.canonical(genes); }
  double violation(const Genes& genes) const override {
    return place(region_.network_of(genes)).violation;
  }
  Genes random(Rng& rng) const override {
    return random_member_inside(
        region_, [&](const Genes& genes) { return violation(genes); }, rng);
  }
  std::vector<Genes> first() const override;
  std::vector<Fitness> evaluate(std::span<const Genes> individuals,
                                const SearchFloor& floor) override;

  /// What the search has found; throws when nothing meets the limits.
  CompressionResult result();

 private:
  /// The design on which `network` meets `limits` at the lowest energy-delay product or, where it
  /// meets them on none, exceeds them least; of equals the first.
  Placed place(const CompressedNetwork& network, const Limits& limits) const;
  Placed place(const CompressedNetwork& network) const { return place(network, problem_.limits); }
  std::vector<std::size_t> starts_by_accuracy() const;
  /// Numbers of bits that a network may have everywhere; 1 where nothing is rounded.
  std::size_t bit_choices() const { return std::max<std::size_t>(1, region_.bits().size()); }
  /// The pairs of `networks`, whose accuracies are given, and all designs that no other such pair
  /// covers.
  std::vector<Pair> front_of(std::span<const CompressedNetwork> networks,
                             std::span<const double> accuracies, const Limits& limits) const;
  void add_starts(CompressionResult& result) const;
  [[noreturn]] void refuse() const;

  const CompressionProblem& problem_;
  std::vector<std::size_t> designs_;
  CompressedRegion region_;
  mutable std::vector<PairCost> row_;  ///< Scratch: the costs of one network.
  std::vector<CompressedNetwork> networks_;
  std::vector<Pair> scored_;  ///< Of networks_, in their order; no accuracy outside the limits.
};

Placed CompressionSearch::place(const CompressedNetwork& network, const Limits& limits) const {
  problem_.costs.costs(network, row_);
  Placed best{.design = designs_[0], .cost = row_[designs_[0]], .violation = kNoLimit};
  for (const std::size_t design : designs_) {
    const PairCost& cost = row_[design];
    const double violation = limits.violation(cost);
    const bool is_better =
        violation < best.violation ||
        (violation == 0.0 && best.violation == 0.0 && cost.product() < best.cost.product());
    if (is_better) best = {.design = design, .cost = cost, .violation = violation};
  }
  return best;
}

std::vector<std::size_t> CompressionSearch::starts_by_accuracy() const {
  std::vector<std::size_t> order(region_.starts());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return problem_.start_accuracies[a] > problem_.start_accuracies[b];
  });
  return order;
}

std::vector<Genes> CompressionSearch::first() const {
  std::vector<Genes> individuals;
  for (const std::size_t start : starts_by_accuracy()) {
    for (std::size_t i = bit_choices(); i-- > 0;) {
      for (int cut = 0; cut <= region_.deepest_cut(); ++cut) {
        Genes genes = region_.uniform(start, cut, i);
        if (violation(genes) > 0.0) continue;
        individuals.push_back(std::move(genes));
        break;
      }
    }
  }
  return individuals;
}

std::vector<Fitness> CompressionSearch::evaluate(std::span<const Genes> individuals,
                                                 const SearchFloor& /*floor*/) {
  std::vector<CompressedNetwork> inside;
  std::vector<Placed> placed;
  for (const Genes& genes : individuals) {
    networks_.push_back(region_.network_of(genes));
    placed.push_back(place(networks_.back()));
    if (placed.back().violation == 0.0) inside.push_back(networks_.back());
  }
  const std::vector<double> accuracies = problem_.accuracies.accuracies(inside);
  std::vector<Fitness> fitness;
  auto accuracy = accuracies.begin();
  for (const Placed& place : placed) {
    Pair pair{.network = scored_.size(), .design = place.design, .cost = place.cost};
    if (place.violation == 0.0) pair.accuracy = *accuracy++;
    scored_.push_back(pair);
    fitness.push_back({.violation = place.violation,
                       .score = pair.accuracy,
                       .cost = pair.cost.product(),
                       .objectives = {1.0 - pair.accuracy, pair.cost.ms, pair.cost.energy}});
  }
  return fitness;
}

std::vector<Pair> CompressionSearch::front_of(std::span<const CompressedNetwork> networks,
                                              std::span<const double> accuracies,
                                              const Limits& limits) const {
  std::vector<std::size_t> order(networks.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return accuracies[a] > accuracies[b]; });
  ParetoFront front;
  std::vector<Pair> level;  // Pairs of one accuracy.
  for (std::size_t i = 0; i < order.size(); ++i) {
    const std::size_t network = order[i];
    problem_.costs.costs(networks[network], row_);
    for (const std::size_t design : designs_) {
      if (!limits.meets(row_[design])) continue;
      level.push_back({network, design, accuracies[network], row_[design]});
    }
    if (i + 1 < order.size() && accuracies[order[i + 1]] == accuracies[network]) continue;
    front.add_level(level);
    level.clear();
  }
  return front.pairs();
}

void CompressionSearch::add_starts(CompressionResult& result) const {
  std::vector<CompressedNetwork> starts;
  for (std::size_t i = 0; i < region_.starts(); ++i) {
    starts.push_back({.start = i, .arch = region_.start(i), .bits = {}});
    const Placed placed = place(starts.back(), Limits{});
    auto& pair = result.starts.emplace_back();
    if (placed.violation > 0.0) continue;
    pair = Pair{i, placed.design, problem_.start_accuracies[i], placed.cost};
  }
  result.start_front = front_of(starts, problem_.start_accuracies, Limits{});
}

void CompressionSearch::refuse() const {
  // Nothing may be nearer than the narrowest networks, which random ones hardly come close to.
  std::vector<CompressedNetwork> tried = networks_;
  for (std::size_t start = 0; start < region_.starts(); ++start) {
    for (std::size_t i = 0; i < bit_choices(); ++i) {
      tried.push_back(region_.network_of(region_.uniform(start, region_.deepest_cut(), i)));
    }
  }
  std::string nearest = "no network fits a design's buffer and words";
  double least = kNoLimit;
  for (const CompressedNetwork& network : tried) {
    const Placed placed = place(network);
    if (placed.violation >= least) continue;
    least = placed.violation;
    const std::string bits =
        network.bits.empty() ? "" : fmt::format(" with {} bits", encode_bits(network.bits));
    nearest =
        fmt::format("the nearest is network {}{} on {}, {}", problem_.space.encode(network.arch),
                    bits, problem_.designs.designs()[placed.design].name,
                    describe_excess(placed.cost, problem_.limits));
  }
  throw Error(ErrorKind::Infeasible,
              fmt::format("compress: no network that was tried meets the limits ({}); {}",
                          problem_.limits.str(), nearest));
}

CompressionResult CompressionSearch::result() {
  CompressionResult result;
  const Pair* best = nullptr;
  std::vector<CompressedNetwork> inside;
  std::vector<std::size_t> numbers;  // Of the networks inside.
  std::vector<double> accuracies;
  for (const Pair& pair : scored_) {
    if (!problem_.limits.meets(pair.cost)) continue;
    inside.push_back(networks_[pair.network]);
    numbers.push_back(pair.network);
    accuracies.push_back(pair.accuracy);
    if (best == nullptr || is_better(pair, *best)) best = &pair;
  }
  if (best == nullptr) refuse();
  result.best = *best;
  result.front = front_of(inside, accuracies, problem_.limits);
  for (Pair& pair : result.front) pair.network = numbers[pair.network];
  add_starts(result);
  result.counts = {.networks = static_cast<std::int64_t>(inside.size()),
                   .pairs = static_cast<std::int64_t>(scored_.size() * designs_.size())};
  result.networks = std::move(networks_);
  result.scored = std::move(scored_);
  return result;
}

}  // namespace

CompressionResult compress(const CompressionProblem& problem, const CodesignConfig& config,
                           const SearchConfig& search, std::uint64_t seed, Log& log,
                           const GroupStop& stop) {
  std::vector<std::size_t> designs = designs_inside(problem.designs, problem.limits.area_mm2);
  std::vector<int> bits = supported_bits(problem, designs, config.weight_bits, log);
  CompressionSearch compression(problem, std::move(designs),
                                {.bits = std::move(bits), .cuts_widths = config.cut_widths});
  log.info(fmt::format("compress: {} networks below {} starts",
                       format_power(compression.region().log10_size()), problem.starts.size()));
  Rng rng = codesign_rng(seed, search);
  run_search(compression, find_search_method(search.method), search, rng,
             {.label = "compress", .score = "accuracy", .log = log, .stop = stop});
  return compression.result();
}

}  // namespace hsconas
