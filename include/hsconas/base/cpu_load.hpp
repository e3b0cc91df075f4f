#pragma once

#include <chrono>

namespace hsconas {

/// Measures how many CPUs other programs keep busy from construction on. Linux only (/proc/stat);
/// elsewhere the answer is "not known".
class CpuLoad {
 public:
  /// Starts the measurement.
  CpuLoad();

  /// Mean number of CPUs that others kept busy since construction: other programs, or other virtual
  /// machines on the same host. Negative when not known.
  double other_cpus() const;

  /// CPUs of the machine, even if this process may use only some of them; at least 1.
  static int cpus();

 private:
  struct Seconds {
    double machine = -1.0;  ///< CPU time of the whole machine; negative: not known.
    double own = 0.0;       ///< CPU time of this process.
  };
  static Seconds now();

  Seconds start_;
  std::chrono::steady_clock::time_point begin_;
};

}  // namespace hsconas
