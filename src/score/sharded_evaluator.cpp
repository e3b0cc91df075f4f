#include "hsconas/score/sharded_evaluator.hpp"

#include <algorithm>
#include <bit>
#include <limits>
#include <numeric>
#include <utility>

#include <fmt/format.h>

#include "hsconas/base/error.hpp"

namespace hsconas {

namespace {

// The exchanged table has a row of 64-bit words for each architecture. One rank fills it, the
// others leave it at 0, so the sum over the ranks has the row's bits. Answers follow, 64 in a word.
constexpr std::size_t kIsJudged = 0;
constexpr std::size_t kAccuracy = 1;
constexpr std::size_t kAtMost = 2;
constexpr std::size_t kImages = 3;
constexpr std::size_t kLikelihood = 4;
constexpr std::size_t kHasAnswers = 5;
constexpr std::size_t kFields = 6;
constexpr std::size_t kWordBits = 64;

void put_answers(const Answers& answers, std::span<std::int64_t> words) {
  for (std::size_t i = 0; i < answers.size(); ++i) {
    const std::uint64_t bit = answers[i] ? std::uint64_t{1} << (i % kWordBits) : 0;
    words[i / kWordBits] =
        static_cast<std::int64_t>(static_cast<std::uint64_t>(words[i / kWordBits]) | bit);
  }
}

Answers get_answers(std::span<const std::int64_t> words, std::size_t count) {
  Answers answers(count);
  for (std::size_t i = 0; i < count; ++i) {
    answers[i] = (static_cast<std::uint64_t>(words[i / kWordBits]) >> (i % kWordBits) & 1U) != 0;
  }
  return answers;
}

std::vector<Architecture> chosen(std::span<const Architecture> archs,
                                 std::span<const std::size_t> indices) {
  std::vector<Architecture> result;
  for (const std::size_t i : indices) result.push_back(archs[i]);
  return result;
}

/// The multiply-adds of an architecture's blocks.
std::vector<std::int64_t> block_macs(const SearchSpace& space, const Architecture& arch) {
  std::vector<std::int64_t> macs;
  for (const Block& block : space.network(arch)) macs.push_back(cost_of(block).macs);
  return macs;
}

/// The multiply-adds of the blocks, up to the first layer that differs, that `b` has in common with
/// `a`. `macs` are those of b's blocks.
std::int64_t shared_macs(const Architecture& a, const Architecture& b,
                         const std::vector<std::int64_t>& macs) {
  const auto fork = std::mismatch(a.begin(), a.end(), b.begin()).first - a.begin();
  const auto blocks = fork == std::ssize(a) ? std::ssize(macs) : fork + 1;  // The stem is first.
  return std::accumulate(macs.begin(), macs.begin() + blocks, std::int64_t{0});
}

}  // namespace

ShardedEvaluator::ShardedEvaluator(Evaluator& own, const SearchSpace& space, const GroupStop& stop)
    : own_(own), space_(space), stop_(stop) {
  ProcessGroup& group = stop_.group();
  if (group.rank() == 0) name_ = fmt::format("{}", group.next("sharded evaluators"));
  group.broadcast(name_);
}

std::vector<ShardedEvaluator::Unit> ShardedEvaluator::units_of(
    std::span<const Architecture> archs) const {
  constexpr std::size_t kMost = 8;
  // Several units for each rank, so that all finish at about the same time.
  const auto ranks = static_cast<std::size_t>(stop_.group().size());
  const std::size_t most = std::clamp<std::size_t>(archs.size() / (2 * ranks), 1, kMost);
  std::vector<std::size_t> order(archs.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return archs[a] < archs[b]; });
  std::vector<std::pair<std::int64_t, Unit>> units;  // Each after its cost.
  for (const std::size_t i : order) {
    const auto macs = block_macs(space_, archs[i]);
    const std::int64_t all = std::accumulate(macs.begin(), macs.end(), std::int64_t{0});
    if (!units.empty() && units.back().second.size() < most) {
      auto& [cost, unit] = units.back();
      if (2 * shared_macs(archs[unit.front()], archs[i], macs) >= all) {
        cost += all - shared_macs(archs[unit.back()], archs[i], macs);
        unit.push_back(i);
        continue;
      }
    }
    units.emplace_back(all, Unit{i});
  }
  std::stable_sort(units.begin(), units.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  std::vector<Unit> sorted;
  sorted.reserve(units.size());
  for (auto& [cost, unit] : units) sorted.push_back(std::move(unit));
  return sorted;
}

std::vector<Judgement> ShardedEvaluator::share(std::span<const Architecture> archs,
                                               bool with_answers, const JudgeUnit& judge_unit) {
  AnswersByArchitecture* known = with_answers ? own_.known_answers() : nullptr;
  const auto images = static_cast<std::size_t>(own_.images());
  const std::size_t words = known != nullptr ? (images + kWordBits - 1) / kWordBits : 0;
  const std::size_t width = kFields + words;
  std::vector<std::int64_t> table(archs.size() * width);
  const auto row_of = [&](std::size_t i) { return std::span(table).subspan(i * width, width); };

  const std::vector<Unit> units = units_of(archs);
  const std::string queue = fmt::format("score/{}/{}", name_, calls_++);
  ProcessGroup& group = stop_.group();
  const auto take = [&] { return static_cast<std::size_t>(group.next(queue)); };
  for (;;) {
    if (stop_.token().requested()) {
      // Takes all units that are left, so that the other ranks find none.
      while (take() < units.size()) {
      }
      break;
    }
    const std::size_t next = take();
    if (next >= units.size()) break;
    const Unit& unit = units[next];
    const std::vector<Judgement> judgements = judge_unit(unit);
    for (std::size_t k = 0; k < unit.size(); ++k) {
      const auto row = row_of(unit[k]);
      row[kIsJudged] = 1;
      row[kAccuracy] = std::bit_cast<std::int64_t>(judgements.at(k).accuracy);
      row[kAtMost] = std::bit_cast<std::int64_t>(judgements[k].at_most);
      row[kImages] = judgements[k].images;
      row[kLikelihood] = std::bit_cast<std::int64_t>(judgements[k].likelihood);
      if (known == nullptr || judgements[k].images != 0) continue;
      const auto answers = known->find(archs[unit[k]]);
      if (answers == known->end()) continue;
      row[kHasAnswers] = 1;
      put_answers(answers->second, row.subspan(kFields));
    }
  }
  group.sum(table);

  std::vector<Judgement> judgements;
  for (std::size_t i = 0; i < archs.size(); ++i) {
    const auto row = row_of(i);
    if (row[kIsJudged] == 0) throw StopToken::stopped();
    judgements.push_back({.accuracy = std::bit_cast<double>(row[kAccuracy]),
                          .at_most = std::bit_cast<double>(row[kAtMost]),
                          .images = row[kImages],
                          .likelihood = std::bit_cast<double>(row[kLikelihood])});
    if (row[kHasAnswers] != 0) {
      known->insert_or_assign(archs[i], get_answers(row.subspan(kFields), images));
    }
  }
  return judgements;
}

std::vector<double> ShardedEvaluator::accuracy(std::span<const Architecture> archs) {
  if (is_alone()) return own_.accuracy(archs);
  const auto judgements = share(archs, false, [&](const Unit& unit) {
    std::vector<Judgement> of_unit;
    for (const double accuracy : own_.accuracy(chosen(archs, unit))) {
      of_unit.push_back({.accuracy = accuracy, .at_most = accuracy});
    }
    return of_unit;
  });
  std::vector<double> accuracies;
  accuracies.reserve(judgements.size());
  for (const Judgement& judgement : judgements) accuracies.push_back(judgement.accuracy);
  return accuracies;
}

std::vector<Judgement> ShardedEvaluator::judge(std::span<const Architecture> archs,
                                               const Race& race) {
  if (is_alone()) return own_.judge(archs, race);
  judge_rivals(race.rivals);
  return judge_shared(archs, race);
}

std::vector<Judgement> ShardedEvaluator::judge_shared(std::span<const Architecture> archs,
                                                      const Race& race) {
  return share(archs, race.confidence < 1.0, [&](const Unit& unit) {
    Race of_unit{.floors = {}, .confidence = race.confidence, .rivals = race.rivals};
    for (const std::size_t i : unit) of_unit.floors.push_back(race.floors[i]);
    return own_.judge(chosen(archs, unit), of_unit);
  });
}

void ShardedEvaluator::judge_rivals(std::span<const Architecture> rivals) {
  const AnswersByArchitecture* known = own_.known_answers();
  if (known == nullptr) return;
  std::vector<Architecture> missing;
  for (const Architecture& rival : rivals) {
    if (!known->contains(rival)) missing.push_back(rival);
  }
  if (missing.empty()) return;
  // Any confidence below 1 makes the evaluator keep answers, and no candidate misses these floors.
  constexpr double kConfidence = 0.5;
  judge_shared(missing,
               {.floors = std::vector(missing.size(), -std::numeric_limits<double>::infinity()),
                .confidence = kConfidence,
                .rivals = {}});
}

}  // namespace hsconas
