#pragma once

#include <algorithm>
#include <map>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "hsconas/base/rng.hpp"
#include "hsconas/base/stop_token.hpp"
#include "hsconas/latency/op_timer.hpp"

namespace hsconas {

/// A device with known times: a block takes `block_ms()`, a whole network the sum of its blocks
/// plus `overhead_ms`, each multiplied by a random factor. The first timing of a chain is slow, as
/// on real devices.
class FakeTimer : public OpTimer {
 public:
  struct Settings {
    double overhead_ms = 0.25;
    double noise = 0.0;  ///< Relative error of a timing, uniform in [-noise, noise].
    double first_pass_factor = 100.0;
    int stop_after = -1;  ///< Requests a stop at this many timings; -1: never.
    StopToken* stop = nullptr;
  };

  FakeTimer() = default;
  explicit FakeTimer(Settings settings) : settings_(settings) {}

  static double block_ms(const Block& block) {
    if (block.is_identity()) return 0.0;
    const Cost cost = cost_of(block);
    return 0.002 + 1e-6 * static_cast<double>(cost.macs) + 1e-7 * static_cast<double>(cost.weights);
  }

  int prepare(std::span<const Block> chain) override {
    double ms = chain.size() > 1 ? settings_.overhead_ms : 0.0;
    for (const Block& block : chain) ms += block_ms(block);
    chains_[next_id_] = {.ms = ms, .is_network = chain.size() > 1};
    most_ready = std::max(most_ready, chains_.size());
    return next_id_++;
  }

  double time_ms(int id, int runs) override {
    Chain& chain = chains_.at(id);
    if (runs < 1) throw std::logic_error("runs must be at least 1");
    calls.push_back({id, runs, chain.is_network});
    if (settings_.stop != nullptr && std::ssize(calls) == settings_.stop_after) {
      settings_.stop->request();
    }
    const double first = chain.timed ? 1.0 : settings_.first_pass_factor;
    chain.timed = true;
    return first * chain.ms * (1.0 + rng_.uniform(-settings_.noise, settings_.noise));
  }

  void release(int id) override {
    if (chains_.erase(id) != 1) throw std::logic_error("released twice");
  }

  DeviceInfo info() const override { return {.device = "fake", .precision = "fp32"}; }

  std::size_t ready() const { return chains_.size(); }

  struct Call {
    int id = 0;
    int runs = 0;
    bool is_network = false;
  };
  std::vector<Call> calls;
  std::size_t most_ready = 0;

 private:
  struct Chain {
    double ms = 0.0;
    bool is_network = false;
    bool timed = false;
  };

  Settings settings_;
  Rng rng_{1, "fake-timer"};
  std::map<int, Chain> chains_;
  int next_id_ = 0;
};

}  // namespace hsconas
