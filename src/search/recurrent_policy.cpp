#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include "hsconas/search/policy.hpp"
#include "lstm.hpp"
#include "softmax.hpp"

namespace hsconas {

namespace {

/// Parameters are uniform between plus and minus this at first (Zoph and Le, 2017).
constexpr double kInitialRange = 0.08;

/// Nodes of drawn choices that are kept.
constexpr std::size_t kMostDrawn = 2000;

/// An axis with several choices: one step of the memory.
struct AxisStep {
  std::size_t axis = 0;
  std::size_t count = 0;      ///< Number of choices.
  std::size_t head = 0;       ///< First parameter: per choice the weights of the state and a bias.
  std::size_t embedding = 0;  ///< First parameter: per choice a vector, the next step's input.
};

/// The parameters are the weights of the memory, the input of the first step, and then for each
/// step its head and its embeddings.
class RecurrentPolicy : public Policy {
 public:
  RecurrentPolicy(const std::vector<int>& counts, const PolicySettings& settings, Rng& rng)
      : Policy(settings),
        axes_(counts.size()),
        units_(static_cast<std::size_t>(settings.units)),
        lstm_(units_, units_) {
    std::size_t next = lstm_.weights() + units_;
    for (std::size_t axis = 0; axis < axes_; ++axis) {
      if (counts[axis] <= 1) continue;
      const auto count = static_cast<std::size_t>(counts[axis]);
      const std::size_t embedding = next + count * (units_ + 1);
      steps_.push_back({.axis = axis, .count = count, .head = next, .embedding = embedding});
      next = embedding + count * units_;
    }
    parameters_.resize(next);
    for (double& parameter : parameters_) parameter = rng.uniform(-kInitialRange, kInitialRange);
  }

  std::vector<int> draw(Rng& rng) override {
    if (drawn_.size() > kMostDrawn) drawn_.clear();
    std::vector<int> choices(axes_);
    std::size_t node = 0;
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      if (i == 0 && drawn_.empty()) add_node(0, lstm_.start(), 0);
      const int choice = draw_from(drawn_[node].chances, rng);
      choices[steps_[i].axis] = choice;
      if (i + 1 < steps_.size()) node = node_after(node, i, choice);
    }
    return choices;
  }

  std::vector<int> redraw(std::span<const int> choices, const std::vector<bool>& is_free,
                          Rng& rng) const override {
    std::vector<int> result(choices.begin(), choices.end());
    walk([&](std::size_t i, const LstmStep&, const std::vector<double>& chances) {
      int& choice = result[steps_[i].axis];
      if (is_free[steps_[i].axis]) choice = draw_from(chances, rng);
      return choice;
    });
    return result;
  }

  std::vector<std::vector<double>> probabilities(std::span<const int> choices) const override {
    std::vector<std::vector<double>> all(axes_, {1.0});
    walk([&](std::size_t i, const LstmStep&, const std::vector<double>& chances) {
      all[steps_[i].axis] = chances;
      return choices[steps_[i].axis];
    });
    return all;
  }

  std::vector<double> gradient(const Episode& episode) const override;

 private:
  /// The state and the probabilities after some choices, and where those after one more are.
  struct Node {
    LstmStep state;
    std::vector<double> chances;
    std::vector<std::size_t> next;  ///< Indices in drawn_; 0: not drawn yet.
  };

  void forget() override { drawn_.clear(); }

  /// Adds the node of step `i` to drawn_, where `choice` is that of the step before.
  void add_node(std::size_t i, const LstmStep& before, int choice) {
    Node node{.state = forward(i, before, choice), .chances = {}, .next = {}};
    node.chances = chances_of(steps_[i], node.state);
    node.next.resize(steps_[i].count);
    drawn_.push_back(std::move(node));
  }

  /// The node of the step after `i`, whose node is `node`.
  std::size_t node_after(std::size_t node, std::size_t i, int choice) {
    const auto at = static_cast<std::size_t>(choice);
    if (drawn_[node].next[at] == 0) {
      const LstmStep before = drawn_[node].state;  // A copy: the list of nodes grows.
      add_node(i + 1, before, choice);
      drawn_[node].next[at] = drawn_.size() - 1;
    }
    return drawn_[node].next[at];
  }

  /// The parameter at which the input of step `i` starts, where `choice` is that of the step
  /// before.
  std::size_t input_of(std::size_t i, int choice) const {
    if (i == 0) return lstm_.weights();
    return steps_[i - 1].embedding + static_cast<std::size_t>(choice) * units_;
  }

  /// Step `i` of the memory, where `choice` is that of the step before.
  LstmStep forward(std::size_t i, const LstmStep& before, int choice) const {
    const std::span<const double> parameters = parameters_;
    return lstm_.forward(parameters.first(lstm_.weights()),
                         parameters.subspan(input_of(i, choice), units_), before);
  }

  std::vector<double> chances_of(const AxisStep& step, const LstmStep& state) const {
    std::vector<double> logits;
    logits.reserve(step.count);
    const double* row = parameters_.data() + step.head;
    for (std::size_t choice = 0; choice < step.count; ++choice) {
      double sum = row[units_];
      for (std::size_t u = 0; u < units_; ++u) sum += row[u] * state.hidden[u];
      logits.push_back(sum);
      row += units_ + 1;
    }
    return softmax(logits);
  }

  /// Calls `choose`(step, state after it, probabilities) for one step after the other. It returns
  /// the choice, with which the next step is fed.
  template <typename Choose>
  void walk(const Choose& choose) const {
    LstmStep state = lstm_.start();
    int choice = 0;
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      state = forward(i, state, choice);
      choice = choose(i, state, chances_of(steps_[i], state));
    }
  }

  /// Takes the gradient of the logits of `step` back to its head, which is added to `gradient`, and
  /// to the state after it, which is added to `hidden`.
  void head_backward(const AxisStep& step, const LstmStep& state, std::span<const double> logits,
                     std::span<double> gradient, std::span<double> hidden) const {
    std::size_t row = step.head;
    for (const double logit : logits) {
      for (std::size_t u = 0; u < units_; ++u) {
        gradient[row + u] += logit * state.hidden[u];
        hidden[u] += logit * parameters_[row + u];
      }
      gradient[row + units_] += logit;
      row += units_ + 1;
    }
  }

  std::size_t axes_;
  std::size_t units_;
  Lstm lstm_;
  std::vector<AxisStep> steps_;
  /// A tree of what was drawn with the present parameters, because a search draws again and again
  /// until it meets something new. The first node is the root.
  std::vector<Node> drawn_;
};

std::vector<double> RecurrentPolicy::gradient(const Episode& episode) const {
  std::vector<LstmStep> states;
  std::vector<std::vector<double>> logits;  // Gradients with respect to the logits of each step.
  walk([&](std::size_t i, const LstmStep& state, const std::vector<double>& chances) {
    const std::size_t axis = steps_[i].axis;
    const int choice = episode.choices[axis];
    states.push_back(state);
    logits.push_back(
        logit_gradient(chances, choice, episode.advantage_of(axis), settings_.entropy));
    return choice;
  });
  std::vector<double> result(parameters_.size());
  const std::span<double> all = result;
  const auto weights = std::span<const double>(parameters_).first(lstm_.weights());
  LstmGradient state{.hidden = std::vector<double>(units_), .cell = std::vector<double>(units_)};
  for (std::size_t i = steps_.size(); i-- > 0;) {
    head_backward(steps_[i], states[i], logits[i], all, state.hidden);
    const int before = i == 0 ? 0 : episode.choices[steps_[i - 1].axis];
    lstm_.backward(weights, states[i], state, all.first(lstm_.weights()),
                   all.subspan(input_of(i, before), units_));
  }
  return result;
}

}  // namespace

std::unique_ptr<Policy> recurrent_policy(const std::vector<int>& counts,
                                         const PolicySettings& settings, Rng& rng) {
  return std::make_unique<RecurrentPolicy>(counts, settings, rng);
}

}  // namespace hsconas
