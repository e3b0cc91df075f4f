#include "proposer.hpp"

#include <algorithm>

namespace hsconas {

namespace {

constexpr std::size_t kRandomMembers = 128;
/// Random members near a latency take long to draw, so only so many are replaced each time.
constexpr std::size_t kReplaced = 32;
constexpr int kBestKnown = 10;
constexpr std::size_t kNearKnown = 128;
/// The pool grows by neighbours of what promises most, so often.
constexpr int kClimbs = 3;
constexpr std::size_t kMostPromising = 16;
constexpr std::size_t kNearPromising = 64;
/// Steps that lead to known members or outside the limits are drawn again, so often for each place.
constexpr std::size_t kTriesPerPlace = 4;
/// Mutants drawn for a place before it is left to the driver.
constexpr int kMutants = 10;

void sort_by_gain(std::vector<Proposal>& proposals) {
  std::stable_sort(proposals.begin(), proposals.end(),
                   [](const Proposal& a, const Proposal& b) { return a.gain > b.gain; });
}

}  // namespace

void Proposer::tell(std::span<const Individual> scored) {
  for (const Individual& individual : scored) {
    if (individual.fitness.violation > 0.0) continue;
    known_.push_back(individual);
    surrogate_.add({context_.canonical(individual.genes), individual.fitness});
  }
}

bool Proposer::add(const Genes& genes, Pool& pool) const {
  if (!context_.is_usable(genes)) return false;
  Genes code = context_.canonical(genes);
  if (!pool.codes.insert(code).second) return false;
  pool.members.push_back({.genes = genes, .code = std::move(code)});
  return true;
}

void Proposer::add_random(Pool& pool) {
  const std::size_t fresh = random_.empty() ? kRandomMembers : kReplaced;
  for (std::size_t i = 0; i < fresh; ++i) random_.push_back(context_.draw());
  while (random_.size() > kRandomMembers) random_.pop_front();
  std::erase_if(random_, [&](const Genes& genes) { return !add(genes, pool); });
}

void Proposer::add_near(std::span<const Genes> starts, std::size_t wanted, Pool& pool) const {
  std::size_t found = 0;
  for (std::size_t i = 0; i < wanted * kTriesPerPlace && found < wanted; ++i) {
    Genes genes = context_.region.step(starts[i % starts.size()], context_.rng);
    if (context_.rng.chance(0.5)) genes = context_.region.step(genes, context_.rng);
    found += add(genes, pool) ? 1 : 0;
  }
}

void Proposer::judge(Pool& pool) {
  std::vector<Genes> codes;
  for (std::size_t i = pool.judged; i < pool.members.size(); ++i) {
    codes.push_back(pool.members[i].code);
  }
  if (codes.empty()) return;
  const auto gains = surrogate_.improvements(codes);
  for (std::size_t i = 0; i < gains.size(); ++i) pool.members[pool.judged + i].gain = gains[i];
  sort_by_gain(pool.members);
  pool.judged = pool.members.size();
}

std::vector<Proposal> Proposer::propose() {
  Pool pool;
  add_random(pool);
  std::vector<Genes> starts;
  for (const std::size_t i : fittest(known_, kBestKnown)) starts.push_back(known_[i].genes);
  add_near(starts, kNearKnown, pool);
  judge(pool);
  for (int climb = 0; climb < kClimbs && !pool.members.empty(); ++climb) {
    starts.clear();
    const std::size_t count = std::min(kMostPromising, pool.members.size());
    for (std::size_t i = 0; i < count; ++i) starts.push_back(pool.members[i].genes);
    add_near(starts, kNearPromising, pool);
    judge(pool);
  }
  return std::move(pool.members);
}

Genes Proposer::explore() const {
  Rng& rng = context_.rng;
  if (rng.chance(0.5)) return context_.draw();
  const auto best = fittest(known_, context_.config.parents);
  Genes genes;
  for (int attempt = 0; attempt < kMutants; ++attempt) {
    genes = context_.region.step(known_[best[rng.index(best.size())]].genes, rng);
    if (context_.is_usable(genes)) break;
  }
  return genes;
}

void Proposer::sort_by_mean(std::vector<Proposal>& proposals) {
  std::vector<Genes> codes;
  codes.reserve(proposals.size());
  for (const Proposal& proposal : proposals) codes.push_back(proposal.code);
  if (codes.empty()) return;
  std::vector<Proposal> sorted;
  for (const std::size_t i : largest_of(surrogate_.means(codes), codes.size())) {
    sorted.push_back(std::move(proposals[i]));
  }
  proposals = std::move(sorted);
}

}  // namespace hsconas
