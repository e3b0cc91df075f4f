#pragma once

#include <chrono>

namespace hsconas {

/// How much of the machine other programs kept busy since a moment. Linux only (/proc/stat);
/// elsewhere the answer is "not known".
class CpuLoad {
 public:
  /// Starts now.
  CpuLoad();

  /// Mean number of CPUs that were busy with something else than this process (other programs, or
  /// other virtual machines on the same host); negative when not known.
  double other_cpus() const;

  /// CPUs of the machine, at least 1.
  static int cpus();

 private:
  struct Seconds {
    double machine = -1.0;  ///< CPU time of everything; negative: not known.
    double own = 0.0;
  };
  static Seconds now();

  Seconds start_;
  std::chrono::steady_clock::time_point begin_;
};

}  // namespace hsconas
