#include "hsconas/search/search.hpp"

#include <algorithm>
#include <limits>
#include <numeric>
#include <set>
#include <span>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "hsconas/base/error.hpp"
#include "hsconas/base/progress.hpp"
#include "hsconas/base/rng.hpp"
#include "hsconas/score/target.hpp"

namespace hsconas {

namespace {

constexpr int kChildTries = 10;
constexpr int kFillTries = 500;

/// One run of the search. Architectures are bred as they were drawn, so that they stay inside the
/// subspace, and told apart by their canonical form.
class Run {
 public:
  Run(const Subspace& subspace, Scorer& scorer, const SearchConfig& config, std::uint64_t seed)
      : subspace_(subspace),
        scorer_(scorer),
        config_(config),
        near_(widened_tolerance(scorer.latency(), subspace, scorer.objective(),
                                config.latency_tolerance)),
        rng_(seed, "search", config.seed) {}

  /// The architectures of the next generation, all new; none when the subspace has run out.
  std::vector<Architecture> next_batch();

  /// Scores `batch` in slices, so that progress shows and a stop comes soon.
  /// Those that cannot become one of the `wanted` best are given up.
  void score(std::span<const Architecture> batch, int wanted, Progress& progress,
             const StopToken& stop);

  SearchResult take_result() { return std::move(result_); }
  const Generation& last_generation() const { return result_.history.back(); }

 private:
  /// Indices of the `count` best candidates, best first.
  std::vector<std::size_t> leaders(int count) const;
  std::vector<std::size_t> parents() const { return leaders(config_.parents); }
  /// What a candidate must reach to become one of the `wanted` best.
  Scorer::Floor floor_for(int wanted) const;
  Architecture child(std::span<const std::size_t> parents);
  bool add_if_new(Architecture arch, std::vector<Architecture>& batch);
  void breed(std::vector<Architecture>& batch);
  void fill(std::vector<Architecture>& batch);

  const Subspace& subspace_;
  Scorer& scorer_;
  const SearchConfig& config_;
  double near_;
  Rng rng_;
  std::set<Architecture> seen_;      ///< Canonical forms.
  std::vector<Architecture> drawn_;  ///< As drawn; parallel to result_.scored.
  SearchResult result_;
};

std::vector<std::size_t> Run::leaders(int count) const {
  std::vector<std::size_t> order(result_.scored.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [this](std::size_t a, std::size_t b) {
    return result_.scored[a].score > result_.scored[b].score;
  });
  order.resize(std::min(order.size(), static_cast<std::size_t>(count)));
  return order;
}

Scorer::Floor Run::floor_for(int wanted) const {
  Scorer::Floor floor{.score = -std::numeric_limits<double>::infinity(),
                      .confidence = config_.racing,
                      .rivals = {}};
  const auto best = leaders(wanted);
  if (std::ssize(best) < wanted) return floor;
  floor.score = result_.scored[best.back()].score;
  for (const std::size_t i : parents()) floor.rivals.push_back(result_.scored[i].arch);
  return floor;
}

Architecture Run::child(std::span<const std::size_t> parents) {
  const auto any_parent = [&]() -> const Architecture& {
    return drawn_[parents[rng_.index(parents.size())]];
  };
  Architecture arch = any_parent();
  if (rng_.chance(config_.crossover_probability)) arch = cross(arch, any_parent(), rng_);
  return mutate(arch, subspace_, config_.mutation_probability, rng_);
}

bool Run::add_if_new(Architecture arch, std::vector<Architecture>& batch) {
  if (!seen_.insert(scorer_.space().canonical(arch)).second) return false;
  batch.push_back(std::move(arch));
  return true;
}

void Run::breed(std::vector<Architecture>& batch) {
  const auto chosen = parents();
  for (int i = 0; i < config_.population; ++i) {
    for (int attempt = 0; attempt < kChildTries; ++attempt) {
      Architecture arch = child(chosen);
      if (scorer_.gap(arch) <= near_ && add_if_new(std::move(arch), batch)) break;
    }
  }
}

void Run::fill(std::vector<Architecture>& batch) {
  const auto full = static_cast<std::size_t>(config_.population);
  int misses = 0;  // In a row.
  while (misses < kFillTries && batch.size() < full) {
    Architecture arch = sample_near_target(subspace_, scorer_, config_.latency_tolerance, rng_);
    misses = add_if_new(std::move(arch), batch) ? 0 : misses + 1;
  }
}

std::vector<Architecture> Run::next_batch() {
  std::vector<Architecture> batch;
  if (config_.method == "evolution" && !drawn_.empty()) breed(batch);
  fill(batch);
  return batch;
}

void Run::score(std::span<const Architecture> batch, int wanted, Progress& progress,
                const StopToken& stop) {
  const std::size_t first_new = result_.scored.size();
  for (auto rest = batch; !rest.empty();) {
    stop.check();
    const std::size_t count = std::min(rest.size(), Scorer::kChunk);
    for (Candidate& candidate : scorer_.score_above(rest.first(count), floor_for(wanted))) {
      if (result_.scored.empty() || candidate.score > result_.best.score) {
        result_.best = candidate;
      }
      result_.scored.push_back(std::move(candidate));
    }
    progress.step(std::ssize(rest.first(count)), fmt::format("best F {:.4f}", result_.best.score));
    rest = rest.subspan(count);
  }
  drawn_.insert(drawn_.end(), batch.begin(), batch.end());
  const double sum = std::accumulate(
      result_.scored.begin() + static_cast<std::ptrdiff_t>(first_new), result_.scored.end(), 0.0,
      [](double total, const Candidate& c) { return total + c.score; });
  result_.history.push_back({.evaluations = static_cast<int>(result_.scored.size()),
                             .best_score = result_.best.score,
                             .mean_score = sum / static_cast<double>(batch.size())});
}

}  // namespace

SearchResult search(const Subspace& subspace, Scorer& scorer, const SearchConfig& config,
                    std::uint64_t seed, Log& log, const StopToken& stop,
                    const std::function<void(const Generation&)>& on_generation) {
  if (config.method != "evolution" && config.method != "random") {
    throw Error(ErrorKind::Usage,
                fmt::format("search.method must be evolution or random, got {}", config.method));
  }
  check_target(scorer.latency(), subspace, scorer.objective(), config.latency_tolerance);
  Run run(subspace, scorer, config, seed);
  const int generations = config.generations + 1;
  Progress progress(log, config.method, std::int64_t{config.population} * generations);
  for (int generation = 0; generation < generations; ++generation) {
    const auto batch = run.next_batch();
    if (batch.empty()) {
      log.info(fmt::format("{}: the subspace has run out after {} generations", config.method,
                           generation));
      break;
    }
    // Of the last generation nobody will be a parent.
    const bool breeds = config.method == "evolution" && generation + 1 < generations;
    run.score(batch, breeds ? config.parents : 1, progress, stop);
    if (on_generation) on_generation(run.last_generation());
  }
  return run.take_result();
}

}  // namespace hsconas
