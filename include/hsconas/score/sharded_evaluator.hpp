#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "hsconas/base/stop_token.hpp"
#include "hsconas/score/evaluator.hpp"
#include "hsconas/space/search_space.hpp"

namespace hsconas {

/// Shares the architectures of each call out among the ranks of a group. Each rank has an evaluator
/// that gives the same answers. The ranks take units of work, the most expensive first, as fast as
/// they do them, then exchange the judgements. A judgement does not depend on the rank that made
/// it, so all ranks return what one evaluator would return for the whole call.
///
/// A unit is one architecture, or several that share at least half of their multiply-adds: the
/// supernet's evaluator runs layers that they have in common once.
///
/// All functions and the constructor are collective, see ProcessGroup; the ranks pass equal
/// arguments. In a group of one, every call goes to the rank's own evaluator.
class ShardedEvaluator : public Evaluator {
 public:
  /// The referenced objects must outlive this one. `own` must not use the group of `stop`.
  ShardedEvaluator(Evaluator& own, const SearchSpace& space, const GroupStop& stop);

  /// If a rank is asked to stop, the ranks finish the units that they are at. If some are left, all
  /// ranks throw Error(Interrupted), and the judgements of this call are lost.
  std::vector<double> accuracy(std::span<const Architecture> archs) override;
  /// Stops like accuracy(). The answers of rivals that another rank judged are exchanged too.
  std::vector<Judgement> judge(std::span<const Architecture> archs, const Race& race) override;
  std::int64_t images() const override { return own_.images(); }
  void forget() override { own_.forget(); }
  AnswersByArchitecture* known_answers() override { return own_.known_answers(); }

 private:
  /// Some architectures of a call, by index.
  using Unit = std::vector<std::size_t>;
  using JudgeUnit = std::function<std::vector<Judgement>(const Unit& unit)>;

  bool is_alone() const { return stop_.group().size() == 1; }
  std::vector<Unit> units_of(std::span<const Architecture> archs) const;
  /// The judgements of all ranks. With `with_answers`, those in known_answers() are exchanged too.
  std::vector<Judgement> share(std::span<const Architecture> archs, bool with_answers,
                               const JudgeUnit& judge_unit);
  std::vector<Judgement> judge_shared(std::span<const Architecture> archs, const Race& race);
  /// Makes sure that known_answers() of all ranks has the answers of `rivals`.
  void judge_rivals(std::span<const Architecture> rivals);

  Evaluator& own_;
  const SearchSpace& space_;
  GroupStop stop_;
  std::string name_;  ///< Differs from those of the group's other evaluators.
  std::int64_t calls_ = 0;
};

}  // namespace hsconas
