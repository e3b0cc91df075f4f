#include <fmt/format.h>

#include "hsconas/codesign/methods.hpp"

namespace hsconas {

namespace {

std::string plan_dance(const CodesignConfig& config, const SearchConfig& /*search*/,
                       const CodesignSize& size) {
  const DanceConfig& dance = config.dance;
  const std::string training =
      dance.penalty != Penalty::Cost
          ? ""
          : fmt::format("; {} x {} and {} x {} to train the evaluator", dance.generator_networks,
                        size.designs, dance.cost_steps, dance.batch);
  return fmt::format("penalty: {} (cost: {}), weight {}\npairs: {} for the winner{}\n",
                     word_of(dance.penalty), word_of(dance.cost), dance.penalty_weight,
                     size.designs, training);
}

}  // namespace

CodesignMethod dance_codesign() {
  return {.name = "dance",
          .meaning = "gradient descent while the supernet trains (DANCE)",
          .has_proxy = false,
          .run = nullptr,
          .plan = plan_dance};
}

}  // namespace hsconas
