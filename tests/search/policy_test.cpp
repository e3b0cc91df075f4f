#include "hsconas/search/policy.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "catch.hpp"

using namespace hsconas;

namespace {

const std::vector<int> kCounts{3, 1, 2, 4};

/// The recurrent and the softmax policy on `counts`.
std::vector<std::unique_ptr<Policy>> both(const std::vector<int>& counts,
                                          const PolicySettings& settings, std::uint64_t seed = 1) {
  Rng rng(seed, "test");
  std::vector<std::unique_ptr<Policy>> policies;
  policies.push_back(recurrent_policy(counts, settings, rng));
  policies.push_back(softmax_policy(counts, settings));
  return policies;
}

/// Makes the probabilities very different from each other.
void scatter(Policy& policy, double range) {
  Rng rng(7, "test");
  for (double& parameter : policy.parameters()) parameter = rng.uniform(-range, range);
}

void for_all_choices(const std::vector<int>& counts,
                     const std::function<void(const std::vector<int>&)>& visit) {
  std::vector<int> choices(counts.size());
  std::size_t axis = 0;
  while (axis < counts.size()) {
    visit(choices);
    for (axis = 0; axis < counts.size() && ++choices[axis] == counts[axis]; ++axis) {
      choices[axis] = 0;
    }
  }
}

double probability_of(const Policy& policy, const std::vector<int>& choices) {
  const auto chances = policy.probabilities(choices);
  double product = 1.0;
  for (std::size_t i = 0; i < choices.size(); ++i) {
    product *= chances[i][static_cast<std::size_t>(choices[i])];
  }
  return product;
}

/// Mean reward of 200 draws after a policy has learned from `steps` episodes.
double learned_reward(Policy& policy, int steps,
                      const std::function<double(const std::vector<int>&)>& reward) {
  Rng rng(3, "test");
  MovingBaseline baseline;
  for (int step = 0; step < steps; ++step) {
    Episode episode{.choices = policy.draw(rng)};
    const auto advantage = baseline.advantage(reward(episode.choices));
    if (!advantage) continue;
    episode.advantage = *advantage;
    policy.reinforce({&episode, 1});
  }
  double sum = 0.0;
  for (int i = 0; i < 200; ++i) sum += reward(policy.draw(rng));
  return sum / 200.0;
}

}  // namespace

TEST_CASE("the gradient of a policy is that of finite differences", "[policy]") {
  for (const double entropy : {0.0, 0.3}) {
    for (const auto& policy : both(kCounts, {.entropy = entropy, .units = 5})) {
      scatter(*policy, 1.0);
      const Episode episode{.choices = {2, 0, 1, 3}, .advantage = -0.7};
      const auto gradient = policy->gradient(episode);
      const auto parameters = policy->parameters();
      REQUIRE(gradient.size() == parameters.size());
      constexpr double kStep = 1e-5;
      double largest = 0.0;
      for (std::size_t i = 0; i < gradient.size(); ++i) {
        const double before = parameters[i];
        parameters[i] = before + kStep;
        const double above = policy->objective(episode);
        parameters[i] = before - kStep;
        const double below = policy->objective(episode);
        parameters[i] = before;
        CAPTURE(entropy, i);
        CHECK(gradient[i] == Approx((above - below) / (2.0 * kStep)).margin(1e-8));
        largest = std::max(largest, std::abs(gradient[i]));
      }
      CHECK(largest > 0.1);
    }
  }
}

TEST_CASE("with one advantage per axis, each axis learns from its own", "[policy]") {
  for (const auto& policy : both(kCounts, {.entropy = 0.1, .units = 5})) {
    scatter(*policy, 1.0);
    const Episode episode{.choices = {2, 0, 1, 3}, .advantages = {0.5, 9.0, -1.5, 0.0}};
    const auto gradient = policy->gradient(episode);
    const auto parameters = policy->parameters();
    constexpr double kStep = 1e-5;
    for (std::size_t i = 0; i < gradient.size(); ++i) {
      const double before = parameters[i];
      parameters[i] = before + kStep;
      const double above = policy->objective(episode);
      parameters[i] = before - kStep;
      const double below = policy->objective(episode);
      parameters[i] = before;
      CHECK(gradient[i] == Approx((above - below) / (2.0 * kStep)).margin(1e-8));
    }
    const Episode equal{.choices = {2, 0, 1, 3}, .advantages = {-0.7, -0.7, -0.7, -0.7}};
    CHECK(policy->gradient(equal) ==
          policy->gradient({.choices = {2, 0, 1, 3}, .advantage = -0.7}));
  }
}

TEST_CASE("a redraw changes the marked axes only, each with its probability given those before",
          "[policy]") {
  for (const auto& policy : both({2, 3, 4}, {.units = 4})) {
    scatter(*policy, 2.0);
    const std::vector<int> choices{1, 2, 3};
    Rng rng(1, "draws");
    std::vector<int> counts(3);
    constexpr int kDraws = 20000;
    for (int i = 0; i < kDraws; ++i) {
      const auto other = policy->redraw(choices, {false, true, false}, rng);
      CHECK(other[0] == 1);
      CHECK(other[2] == 3);
      ++counts[static_cast<std::size_t>(other[1])];
    }
    const auto expected = policy->probabilities(choices)[1];
    for (std::size_t i = 0; i < counts.size(); ++i) {
      CHECK(counts[i] / static_cast<double>(kDraws) == Approx(expected[i]).margin(0.02));
    }
    CHECK(policy->redraw(choices, {false, false, false}, rng) == choices);
  }
}

TEST_CASE("the weight of the entropy can be changed while a policy learns", "[policy]") {
  for (const auto& policy : both(kCounts, {.entropy = 0.3, .units = 5})) {
    scatter(*policy, 1.0);
    const Episode episode{.choices = {2, 0, 1, 3}, .advantage = 0.4};
    const double before = policy->objective(episode);
    policy->set_entropy(0.0);
    CHECK(policy->objective(episode) ==
          Approx(0.4 * std::log(probability_of(*policy, episode.choices))));
    policy->set_entropy(0.3);
    CHECK(policy->objective(episode) == before);
  }
}

TEST_CASE("the probabilities of all combinations of choices sum to 1", "[policy]") {
  for (const auto& policy : both(kCounts, {.units = 6})) {
    scatter(*policy, 2.0);
    double sum = 0.0;
    for_all_choices(kCounts, [&](const std::vector<int>& choices) {
      for (const auto& axis : policy->probabilities(choices)) {
        CHECK(std::accumulate(axis.begin(), axis.end(), 0.0) == Approx(1.0));
      }
      sum += probability_of(*policy, choices);
    });
    CHECK(sum == Approx(1.0));
  }
}

TEST_CASE("combinations are drawn as often as their probability says", "[policy]") {
  for (const auto& policy : both({2, 3}, {.units = 4})) {
    Rng rng(1, "draws");
    for (int i = 0; i < 50; ++i) policy->draw(rng);  // With other parameters.
    scatter(*policy, 2.0);
    constexpr int kDraws = 20000;
    std::vector<int> counts(6);
    for (int i = 0; i < kDraws; ++i) {
      const auto choices = policy->draw(rng);
      ++counts[static_cast<std::size_t>(3 * choices[0] + choices[1])];
    }
    for_all_choices({2, 3}, [&](const std::vector<int>& choices) {
      const double share = counts[static_cast<std::size_t>(3 * choices[0] + choices[1])] /
                           static_cast<double>(kDraws);
      CHECK(share == Approx(probability_of(*policy, choices)).margin(0.015));
    });
  }
}

TEST_CASE("only with a recurrent policy does a choice depend on those before it, never after it",
          "[policy]") {
  const auto policies = both({2, 3, 2}, {.units = 4});
  for (const auto& policy : policies) scatter(*policy, 2.0);
  const Policy& recurrent = *policies[0];
  CHECK(recurrent.probabilities(std::vector{0, 1, 0})[1] !=
        recurrent.probabilities(std::vector{1, 1, 0})[1]);
  CHECK(recurrent.probabilities(std::vector{0, 1, 0})[2] !=
        recurrent.probabilities(std::vector{1, 1, 0})[2]);
  CHECK(recurrent.probabilities(std::vector{0, 1, 0})[1] ==
        recurrent.probabilities(std::vector{0, 2, 1})[1]);
  CHECK(policies[1]->probabilities(std::vector{0, 1, 0}) ==
        policies[1]->probabilities(std::vector{1, 2, 1}));
}

TEST_CASE("a policy finds a known optimum, and draws near it far more often than at first",
          "[policy]") {
  const std::vector<int> best{2, 0, 4, 1, 3};
  const auto reward = [&](const std::vector<int>& choices) {
    double hits = 0.0;
    for (std::size_t i = 0; i < best.size(); ++i) hits += choices[i] == best[i] ? 1.0 : 0.0;
    return hits / static_cast<double>(best.size());
  };
  for (const auto& policy : both({5, 5, 5, 5, 5}, {.learning_rate = 0.02})) {
    CHECK(learned_reward(*policy, 0, reward) == Approx(0.2).margin(0.06));
    CHECK(learned_reward(*policy, 1000, reward) > 0.8);
  }
}

TEST_CASE("a recurrent policy learns choices that are good only together", "[policy]") {
  // Every choice is as good as any other by itself: independent probabilities have nothing to learn
  // from until chance has made them unequal.
  const auto reward = [](const std::vector<int>& choices) {
    double matches = 0.0;
    for (std::size_t i = 1; i < choices.size(); ++i) {
      matches += choices[i] == (choices[i - 1] + 1) % 3 ? 1.0 : 0.0;
    }
    return matches / static_cast<double>(choices.size() - 1);
  };
  const auto policies = both({3, 3, 3, 3}, {.learning_rate = 0.01});
  const double recurrent = learned_reward(*policies[0], 600, reward);
  CHECK(recurrent > 0.9);
}

TEST_CASE("an entropy term keeps a policy from becoming certain", "[policy]") {
  const auto reward = [](const std::vector<int>& choices) { return choices[0] == 1 ? 1.0 : 0.0; };
  const auto certain = both({3}, {.learning_rate = 0.05});
  const auto open = both({3}, {.learning_rate = 0.05, .entropy = 1.0});
  for (std::size_t i = 0; i < certain.size(); ++i) {
    learned_reward(*certain[i], 400, reward);
    learned_reward(*open[i], 400, reward);
    CHECK(probability_of(*certain[i], {1}) > 0.95);
    CHECK(probability_of(*open[i], {1}) < 0.9);
    CHECK(probability_of(*open[i], {1}) > 0.34);
  }
}

TEST_CASE("axes with one choice and spaces without another choice are drawn, too", "[policy]") {
  for (const auto& policy : both({1, 1}, {})) {
    Rng rng(1, "test");
    CHECK(policy->draw(rng) == std::vector{0, 0});
    const Episode episode{.choices = {0, 0}, .advantage = 1.0};
    CHECK(policy->objective(episode) == 0.0);
    policy->reinforce({&episode, 1});
    CHECK(policy->draw(rng) == std::vector{0, 0});
  }
}

TEST_CASE("a step takes the mean of its episodes, and none is taken without episodes", "[policy]") {
  const Episode good{.choices = {2, 0, 1, 3}, .advantage = 1.0};
  const Episode poor{.choices = {2, 0, 1, 3}, .advantage = -1.0};
  for (const auto& policy : both(kCounts, {.units = 4})) {
    const auto parameters = policy->parameters();
    const std::vector<double> before(parameters.begin(), parameters.end());
    policy->reinforce({});
    policy->reinforce(std::vector{good, poor});
    CHECK(std::vector<double>(parameters.begin(), parameters.end()) == before);
    policy->reinforce(std::vector{good});
    CHECK(std::vector<double>(parameters.begin(), parameters.end()) != before);
  }
}

TEST_CASE("the same calls give the same policy, bit for bit", "[policy]") {
  const auto first = both(kCounts, {.entropy = 0.1});
  const auto second = both(kCounts, {.entropy = 0.1});
  const auto reward = [](const std::vector<int>& choices) { return 0.1 * choices[3]; };
  for (std::size_t i = 0; i < first.size(); ++i) {
    CHECK(learned_reward(*first[i], 50, reward) == learned_reward(*second[i], 50, reward));
    const auto a = first[i]->parameters();
    const auto b = second[i]->parameters();
    CHECK(std::equal(a.begin(), a.end(), b.begin(), b.end()));
  }
}

TEST_CASE("a baseline is the moving mean of rewards, from the first one on", "[policy]") {
  MovingBaseline baseline;
  CHECK_FALSE(baseline.value());
  CHECK_FALSE(baseline.advantage(0.5));
  CHECK(baseline.value() == 0.5);
  CHECK(baseline.advantage(1.0) == 0.5);
  CHECK(*baseline.value() == Approx(0.55));
}
