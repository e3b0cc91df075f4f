#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "hsconas/base/cpu_load.hpp"
#include "hsconas/base/stop_token.hpp"
#include "hsconas/latency/op_timer.hpp"
#include "hsconas/latency/table.hpp"

namespace hsconas {

/// Times chains with an OpTimer and watches the machine: after every few timings it times a
/// reference block, so that timings taken while the machine was slow can be dropped afterwards.
class QuietTimer {
 public:
  /// A timing and the index of the reference timing before it.
  struct Sample {
    double ms = 0.0;
    std::size_t reference = 0;
  };

  /// Throws the errors of measure_table().
  QuietTimer(OpTimer& timer, const Block& reference, double sample_ms, const StopToken& stop);
  ~QuietTimer();
  QuietTimer(const QuietTimer&) = delete;
  QuietTimer& operator=(const QuietTimer&) = delete;

  int prepare(std::span<const Block> chain);
  void release(int id) { timer_.release(id); }
  /// The first pass of a chain pays for allocations and for the library's choice of algorithm.
  void warm_up(int id) { time_once(id, 1); }
  /// Number of runs back to back that make a timing of `id` last at least `sample_ms`.
  int choose_runs(int id, double sample_ms);
  Sample time(int id, int runs);

  /// The milliseconds of `samples` taken while the machine was quiet; all of them if the quiet ones
  /// are fewer than three or than half.
  std::vector<double> keep_quiet(std::span<const Sample> samples) const;

  MachineNoise noise() const;

 private:
  double time_once(int id, int runs);
  void time_reference();
  /// Reference times above this are slow.
  double limit_ms() const;

  OpTimer& timer_;
  const StopToken& stop_;
  CpuLoad load_;
  int reference_ = 0;
  int reference_runs_ = 1;
  int since_reference_ = 0;
  std::vector<double> reference_ms_;
};

/// Chains prepared on the device; they are released when this goes out of scope.
class PreparedChains {
 public:
  explicit PreparedChains(QuietTimer& timer) : timer_(timer) {}
  ~PreparedChains() {
    for (const int id : ids_) timer_.release(id);
  }
  PreparedChains(const PreparedChains&) = delete;
  PreparedChains& operator=(const PreparedChains&) = delete;

  void add(std::span<const Block> chain) {
    ids_.push_back(timer_.prepare(chain));
    timer_.warm_up(ids_.back());
  }
  int operator[](std::size_t i) const { return ids_[i]; }
  std::size_t size() const { return ids_.size(); }

 private:
  QuietTimer& timer_;
  std::vector<int> ids_;
};

}  // namespace hsconas
