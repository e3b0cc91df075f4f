#include "hsconas/search/driver.hpp"

#include <algorithm>
#include <cmath>
#include <deque>
#include <limits>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "hsconas/base/progress.hpp"
#include "hsconas/score/accuracy_cache.hpp"

namespace hsconas {

namespace {

constexpr int kProposalTries = 10;
constexpr int kRandomTries = 500;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

class SearchDriver {
 public:
  SearchDriver(SearchProblem& problem, const SearchMethod& method, const SearchConfig& config,
               Rng& rng, const SearchHooks& hooks)
      : problem_(problem),
        method_(method),
        config_(config),
        rng_(rng),
        hooks_(hooks),
        strategy_(method.make(context())),
        remaining_(method.evaluations(config)),
        progress_(hooks.log, hooks.label, remaining_) {
    for (Genes& genes : problem.first()) first_.push_back(std::move(genes));
  }

  std::vector<Generation> run();

 private:
  StrategyContext context();
  bool is_usable(const Genes& genes) const {
    return problem_.region().contains(genes) && problem_.violation(genes) == 0.0;
  }
  /// Scores up to `population` individuals; false when the region has run out.
  bool generation();
  /// At most `count` new individuals; none when the region has run out.
  std::vector<Genes> next_round(int count);
  void take_first(int count, std::vector<Genes>& round);
  void propose(int count, std::vector<Genes>& round);
  void fill(int count, std::vector<Genes>& round);
  bool add_if_new(Genes genes, std::vector<Genes>& round);
  void score(std::span<const Genes> round, bool is_last);
  SearchFloor floor(bool is_last) const;
  void close_generation(std::size_t first);

  SearchProblem& problem_;
  const SearchMethod& method_;
  const SearchConfig& config_;
  Rng& rng_;
  const SearchHooks& hooks_;
  std::unique_ptr<SearchStrategy> strategy_;
  int remaining_;  ///< Evaluations, counting places that stayed empty as used.
  Progress progress_;
  std::deque<Genes> first_;  ///< What is left of SearchProblem::first().
  std::set<Genes> seen_;     ///< Canonical.
  std::vector<Individual> scored_;
  std::optional<Fitness> best_;
  std::vector<Generation> history_;
};

StrategyContext SearchDriver::context() {
  return {.region = problem_.region(),
          .config = config_,
          .rng = rng_,
          .is_usable =
              [this](const Genes& genes) {
                return is_usable(genes) && !seen_.contains(problem_.canonical(genes));
              },
          .canonical = [this](const Genes& genes) { return problem_.canonical(genes); },
          .random = [this](Rng& rng) { return problem_.random(rng); },
          .embeddings = problem_.embeddings()};
}

bool SearchDriver::add_if_new(Genes genes, std::vector<Genes>& round) {
  if (!seen_.insert(problem_.canonical(genes)).second) return false;
  round.push_back(std::move(genes));
  return true;
}

void SearchDriver::take_first(int count, std::vector<Genes>& round) {
  for (; !first_.empty() && std::ssize(round) < count; first_.pop_front()) {
    if (is_usable(first_.front())) add_if_new(std::move(first_.front()), round);
  }
}

void SearchDriver::propose(int count, std::vector<Genes>& round) {
  int dropped = 0;  // In a row, for the present place.
  for (int open = count; open > 0;) {
    // Every open place takes at least one proposal, so none is asked for in vain.
    std::vector<Genes> proposals = strategy_->ask(open);
    if (proposals.empty()) return;
    for (Genes& genes : proposals) {
      const bool is_placed = is_usable(genes) && add_if_new(std::move(genes), round);
      dropped = is_placed ? 0 : dropped + 1;
      if (!is_placed && dropped < kProposalTries) continue;
      dropped = 0;
      if (--open == 0) return;
    }
  }
}

void SearchDriver::fill(int count, std::vector<Genes>& round) {
  for (int known = 0; known < kRandomTries && std::ssize(round) < count;) {
    known = add_if_new(problem_.random(rng_), round) ? 0 : known + 1;
  }
}

std::vector<Genes> SearchDriver::next_round(int count) {
  std::vector<Genes> round;
  take_first(count, round);
  propose(count - static_cast<int>(round.size()), round);
  fill(count, round);
  return round;
}

SearchFloor SearchDriver::floor(bool is_last) const {
  SearchFloor floor{.score = -kInfinity, .confidence = config_.racing, .rivals = {}};
  // One floor of the score is none for a front, on which individuals of any score may lie.
  if (!best_ || method_.finds_front) return floor;
  // Candidates of the last round never become parents, so only the best score matters.
  floor.score = best_->score;
  if (!is_last) floor.score = std::min(floor.score, strategy_->floor());
  if (std::isinf(floor.score)) return floor;
  for (const std::size_t i : fittest(scored_, config_.parents)) {
    floor.rivals.push_back(scored_[i].genes);
  }
  return floor;
}

void SearchDriver::score(std::span<const Genes> round, bool is_last) {
  for (auto rest = round; !rest.empty();) {
    hooks_.stop.check();
    const auto chunk = rest.first(std::min(rest.size(), AccuracyCache::kChunk));
    const auto fitness = problem_.evaluate(chunk, floor(is_last));
    const std::size_t first = scored_.size();
    for (std::size_t i = 0; i < chunk.size(); ++i) {
      scored_.push_back({chunk[i], fitness[i]});
      if (!best_ || is_fitter(fitness[i], *best_)) best_ = fitness[i];
    }
    strategy_->tell(std::span(scored_).subspan(first));
    progress_.step(std::ssize(chunk), fmt::format("best {} {:.4f}", hooks_.score, best_->score));
    rest = rest.subspan(chunk.size());
  }
}

void SearchDriver::close_generation(std::size_t first) {
  double sum = 0.0;
  for (std::size_t i = first; i < scored_.size(); ++i) sum += scored_[i].fitness.score;
  history_.push_back({.evaluations = static_cast<int>(scored_.size()),
                      .best_score = best_->score,
                      .mean_score = sum / static_cast<double>(scored_.size() - first)});
  if (hooks_.on_generation) hooks_.on_generation(history_.back());
}

bool SearchDriver::generation() {
  const std::size_t first = scored_.size();
  bool runs_out = false;
  for (int open = std::min(config_.population, remaining_); open > 0 && !runs_out;) {
    const int count = std::clamp(strategy_->batch(), 1, open);
    const auto round = next_round(count);
    score(round, remaining_ == count);
    open -= count;
    remaining_ -= count;
    runs_out = round.empty();
  }
  if (scored_.size() > first) close_generation(first);
  return !runs_out;
}

std::vector<Generation> SearchDriver::run() {
  while (remaining_ > 0) {
    if (generation()) continue;
    hooks_.log.info(fmt::format("{}: nothing new is left in the region after {} generations",
                                hooks_.label, history_.size()));
    break;
  }
  return std::move(history_);
}

}  // namespace

std::vector<Generation> run_search(SearchProblem& problem, const SearchMethod& method,
                                   const SearchConfig& config, Rng& rng, const SearchHooks& hooks) {
  return SearchDriver(problem, method, config, rng, hooks).run();
}

}  // namespace hsconas
