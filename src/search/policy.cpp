#include "hsconas/search/policy.hpp"

#include <cmath>
#include <cstddef>

#include "softmax.hpp"

namespace hsconas {

namespace {

constexpr double kBaselineDecay = 0.9;

/// Probabilities that know nothing of each other: the parameters are the logits of all axes.
class SoftmaxPolicy : public Policy {
 public:
  SoftmaxPolicy(const std::vector<int>& counts, const PolicySettings& settings) : Policy(settings) {
    for (const int count : counts) counts_.push_back(static_cast<std::size_t>(count));
    std::size_t logits = 0;
    for (const std::size_t count : counts_) logits += count;
    parameters_.resize(logits);
  }

  std::vector<int> draw(Rng& rng) override {
    std::vector<int> choices;
    choices.reserve(counts_.size());
    for (const auto& axis : probabilities({})) choices.push_back(draw_from(axis, rng));
    return choices;
  }

  std::vector<int> redraw(std::span<const int> choices, const std::vector<bool>& is_free,
                          Rng& rng) const override {
    std::vector<int> result(choices.begin(), choices.end());
    const auto all = probabilities({});
    for (std::size_t axis = 0; axis < all.size(); ++axis) {
      if (is_free[axis]) result[axis] = draw_from(all[axis], rng);
    }
    return result;
  }

  std::vector<std::vector<double>> probabilities(std::span<const int>) const override {
    std::vector<std::vector<double>> all;
    all.reserve(counts_.size());
    const std::span<const double> logits = parameters_;
    std::size_t first = 0;
    for (const std::size_t count : counts_) {
      all.push_back(softmax(logits.subspan(first, count)));
      first += count;
    }
    return all;
  }

  std::vector<double> gradient(const Episode& episode) const override {
    std::vector<double> all;
    all.reserve(parameters_.size());
    const auto chances = probabilities({});
    for (std::size_t axis = 0; axis < counts_.size(); ++axis) {
      const auto part = logit_gradient(chances[axis], episode.choices[axis],
                                       episode.advantage_of(axis), settings_.entropy);
      all.insert(all.end(), part.begin(), part.end());
    }
    return all;
  }

 private:
  std::vector<std::size_t> counts_;
};

}  // namespace

double Policy::objective(const Episode& episode) const {
  const auto chances = probabilities(episode.choices);
  double sum = 0.0;
  for (std::size_t axis = 0; axis < chances.size(); ++axis) {
    const auto choice = static_cast<std::size_t>(episode.choices[axis]);
    sum += episode.advantage_of(axis) * std::log(chances[axis][choice]) +
           settings_.entropy * entropy_of(chances[axis]);
  }
  return sum;
}

void Policy::reinforce(std::span<const Episode> episodes) {
  if (episodes.empty()) return;
  std::vector<double> mean(parameters_.size());
  for (const Episode& episode : episodes) {
    const auto one = gradient(episode);
    for (std::size_t i = 0; i < mean.size(); ++i) mean[i] += one[i];
  }
  for (double& value : mean) value /= static_cast<double>(episodes.size());
  forget();
  adam_.ascend(parameters_, mean, settings_.learning_rate);
}

std::unique_ptr<Policy> softmax_policy(const std::vector<int>& counts,
                                       const PolicySettings& settings) {
  return std::make_unique<SoftmaxPolicy>(counts, settings);
}

std::unique_ptr<Policy> make_policy(const std::vector<int>& counts, const SearchConfig& config,
                                    Rng& rng) {
  PolicySettings settings{.learning_rate = config.controller_lr,
                          .entropy = config.controller_entropy,
                          .units = config.controller_units};
  const bool is_recurrent = config.controller == Controller::Recurrent;
  // 0.01 is the rate of the recurrent controllers of HotNAS (Jiang et al., 2020).
  if (settings.learning_rate == 0.0) settings.learning_rate = is_recurrent ? 0.01 : 0.05;
  return is_recurrent ? recurrent_policy(counts, settings, rng) : softmax_policy(counts, settings);
}

std::optional<double> MovingBaseline::advantage(double reward) {
  std::optional<double> excess;
  if (value_) excess = reward - *value_;
  value_ = kBaselineDecay * value_.value_or(reward) + (1.0 - kBaselineDecay) * reward;
  return excess;
}

}  // namespace hsconas
