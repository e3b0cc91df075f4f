#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace hsconas {

/// Inputs and results of one step of a long short-term memory, which backward() needs.
struct LstmStep {
  std::vector<double> input;
  std::vector<double> hidden_before;
  std::vector<double> cell_before;
  std::vector<double> gates;  ///< Input, forget and output gate, candidate: 4 x units values.
  std::vector<double> cell;
  std::vector<double> hidden;  ///< The output.
};

/// The gradient of an objective with respect to the state between two steps.
struct LstmGradient {
  std::vector<double> hidden;
  std::vector<double> cell;
};

/// One layer of long short-term memory whose weights the caller keeps: for each of the 4 x units
/// gates a row of weights of the input, weights of the hidden state, and a bias. Source: Hochreiter
/// and Schmidhuber, 1997, with the forget gate of Gers et al., 2000.
class Lstm {
 public:
  Lstm(std::size_t inputs, std::size_t units) : inputs_(inputs), units_(units) {}

  std::size_t weights() const { return 4 * units_ * (inputs_ + units_ + 1); }

  /// The state before the first step: zeros.
  LstmStep start() const;
  /// The step that follows `before`.
  LstmStep forward(std::span<const double> weights, std::span<const double> input,
                   const LstmStep& before) const;
  /// Takes the gradient with respect to the state after `step` back through the step: `state`
  /// becomes that with respect to the state before; those of weights and input are added to
  /// `weight_gradient` and `input_gradient`.
  void backward(std::span<const double> weights, const LstmStep& step, LstmGradient& state,
                std::span<double> weight_gradient, std::span<double> input_gradient) const;

 private:
  std::size_t inputs_;
  std::size_t units_;
};

}  // namespace hsconas
