#pragma once

#include <string>
#include <vector>

#include "hsconas/config/config.hpp"

namespace hsconas {

/// A connection between processes, which exchange data over Gloo.
struct Link {
  double gigabytes_per_second = 1.1;  ///< Each way; 10-Gigabit Ethernet.
  double message_us = 60.0;           ///< Microseconds until a small message has arrived.
};

/// The options of a plan (`--dry-run`): predictions that it makes only on request.
struct PlanOptions {
  std::vector<int> processes{};  ///< Numbers of processes whose training step is predicted.
  Link link{};                   ///< Between them.
};

/// The main reason why several processes train less than proportionally faster; Images: none.
enum class ScalingLimit { Images, Latency, Bandwidth, Groups };

/// A training step by `processes` processes.
struct ScaledStep {
  int processes = 1;
  int images = 0;  ///< Of the process that has the most.
  double compute_ms = 0.0;
  double exchange_ms = 0.0;  ///< Of gradients.
  double speed_up = 1.0;     ///< Against one process.
  ScalingLimit limit = ScalingLimit::Images;

  double milliseconds() const { return compute_ms + exchange_ms; }
  double efficiency() const { return speed_up / processes; }
};

/// Predicts the training step of processes that train on `images_per_second` images each alone, and
/// exchange `gradient_bytes` per step. A ring all-reduce over N processes sends 2 (N - 1) / N times
/// the data and waits for 4 (N - 1) messages; a step makes three of them, two of which carry next
/// to nothing. The processes that have one group more than others determine the time.
ScaledStep scaled_step(const SupernetConfig& training, double images_per_second,
                       double gradient_bytes, const Link& link, int processes);

/// A table of `steps`: images, times, speed-up, efficiency, and what limits each.
std::string describe_scaling(const std::vector<ScaledStep>& steps);

}  // namespace hsconas
