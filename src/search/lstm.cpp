#include "lstm.hpp"

#include <cmath>

namespace hsconas {

namespace {

double sigmoid(double value) {
  return 1.0 / (1.0 + std::exp(-value));
}

/// The gradient of a step with respect to the gates before their sigmoid or tanh, where `hidden`
/// and `cell` are those with respect to the state after the step. `cell` becomes the one with
/// respect to the cell before.
std::vector<double> gate_gradient(const LstmStep& step, std::span<const double> hidden,
                                  std::span<double> cell) {
  const std::size_t units = hidden.size();
  std::vector<double> result(4 * units);
  for (std::size_t u = 0; u < units; ++u) {
    const double in = step.gates[u];
    const double forget = step.gates[units + u];
    const double out = step.gates[2 * units + u];
    const double candidate = step.gates[3 * units + u];
    const double shown = std::tanh(step.cell[u]);
    const double at_cell = cell[u] + hidden[u] * out * (1.0 - shown * shown);
    result[u] = at_cell * candidate * in * (1.0 - in);
    result[units + u] = at_cell * step.cell_before[u] * forget * (1.0 - forget);
    result[2 * units + u] = hidden[u] * shown * out * (1.0 - out);
    result[3 * units + u] = at_cell * in * (1.0 - candidate * candidate);
    cell[u] = at_cell * forget;
  }
  return result;
}

}  // namespace

LstmStep Lstm::start() const {
  LstmStep none;
  none.cell.resize(units_);
  none.hidden.resize(units_);
  return none;
}

LstmStep Lstm::forward(std::span<const double> weights, std::span<const double> input,
                       const LstmStep& before) const {
  LstmStep step{.input = {input.begin(), input.end()},
                .hidden_before = before.hidden,
                .cell_before = before.cell,
                .gates = std::vector<double>(4 * units_),
                .cell = std::vector<double>(units_),
                .hidden = std::vector<double>(units_)};
  const double* row = weights.data();
  for (std::size_t gate = 0; gate < step.gates.size(); ++gate) {
    double sum = row[inputs_ + units_];
    for (std::size_t i = 0; i < inputs_; ++i) sum += row[i] * input[i];
    for (std::size_t u = 0; u < units_; ++u) sum += row[inputs_ + u] * before.hidden[u];
    step.gates[gate] = gate < 3 * units_ ? sigmoid(sum) : std::tanh(sum);
    row += inputs_ + units_ + 1;
  }
  for (std::size_t u = 0; u < units_; ++u) {
    step.cell[u] =
        step.gates[units_ + u] * before.cell[u] + step.gates[u] * step.gates[3 * units_ + u];
    step.hidden[u] = step.gates[2 * units_ + u] * std::tanh(step.cell[u]);
  }
  return step;
}

void Lstm::backward(std::span<const double> weights, const LstmStep& step, LstmGradient& state,
                    std::span<double> weight_gradient, std::span<double> input_gradient) const {
  const std::vector<double> gates = gate_gradient(step, state.hidden, state.cell);
  state.hidden.assign(units_, 0.0);
  std::size_t first = 0;
  for (const double gate : gates) {
    const auto row = weights.subspan(first, inputs_ + units_ + 1);
    const auto row_gradient = weight_gradient.subspan(first, inputs_ + units_ + 1);
    for (std::size_t i = 0; i < inputs_; ++i) {
      row_gradient[i] += gate * step.input[i];
      input_gradient[i] += gate * row[i];
    }
    for (std::size_t u = 0; u < units_; ++u) {
      row_gradient[inputs_ + u] += gate * step.hidden_before[u];
      state.hidden[u] += gate * row[inputs_ + u];
    }
    row_gradient[inputs_ + units_] += gate;
    first += row.size();
  }
}

}  // namespace hsconas
