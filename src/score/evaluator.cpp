#include "hsconas/score/evaluator.hpp"

namespace hsconas {

std::vector<Judgement> Evaluator::judge(std::span<const Architecture> archs, const Race&) {
  std::vector<Judgement> judgements;
  for (const double accuracy : this->accuracy(archs)) {
    judgements.push_back({.accuracy = accuracy, .at_most = accuracy});
  }
  return judgements;
}

}  // namespace hsconas
