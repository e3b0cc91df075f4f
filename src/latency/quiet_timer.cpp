#include "quiet_timer.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "hsconas/base/error.hpp"
#include "hsconas/base/statistics.hpp"

namespace hsconas {

namespace {

constexpr int kMaxRuns = 1 << 20;
constexpr int kTimingsPerReference = 8;
constexpr double kReferenceLasts = 2.0;  // In units of sample_ms; longer timings are steadier.
// The machine is slow while the reference takes more than kSlow times its 25 % quantile.
constexpr double kSlow = 1.15;
constexpr double kBetterQuarter = 0.25;
constexpr std::size_t kFewest = 3;
constexpr std::size_t kDriftParts = 10;
constexpr double kNinetyPercent = 1.645;  // Standard deviations of a normal distribution.

}  // namespace

QuietTimer::QuietTimer(OpTimer& timer, const Block& reference, double sample_ms,
                       const StopToken& stop)
    : timer_(timer), stop_(stop), reference_(timer.prepare({&reference, 1})) {
  try {
    warm_up(reference_);
    reference_runs_ = choose_runs(reference_, kReferenceLasts * sample_ms);
    time_reference();
  } catch (...) {  // The destructor will not run.
    timer_.release(reference_);
    throw;
  }
}

QuietTimer::~QuietTimer() {
  timer_.release(reference_);
}

int QuietTimer::prepare(std::span<const Block> chain) {
  stop_.check();
  return timer_.prepare(chain);
}

double QuietTimer::time_once(int id, int runs) {
  stop_.check();
  const double ms = timer_.time_ms(id, runs);
  if (!(std::isfinite(ms) && ms >= 0.0)) {
    throw Error(ErrorKind::Device, fmt::format("the device's timer gave {} ms", ms));
  }
  return ms;
}

int QuietTimer::choose_runs(int id, double sample_ms) {
  int runs = 1;
  while (runs < kMaxRuns) {
    const double total_ms = time_once(id, runs) * runs;
    if (total_ms >= sample_ms) break;
    // A timing that is far too short is imprecise, so the runs grow tenfold at most.
    const double growth = std::min(total_ms > 0.0 ? 1.1 * sample_ms / total_ms : 10.0, 10.0);
    runs = std::clamp(static_cast<int>(std::ceil(growth * runs)), runs + 1, kMaxRuns);
  }
  return runs;
}

void QuietTimer::time_reference() {
  reference_ms_.push_back(time_once(reference_, reference_runs_));
  since_reference_ = 0;
}

QuietTimer::Sample QuietTimer::time(int id, int runs) {
  if (since_reference_ == kTimingsPerReference) time_reference();
  ++since_reference_;
  return {.ms = time_once(id, runs), .reference = reference_ms_.size() - 1};
}

double QuietTimer::limit_ms() const {
  return kSlow * quantile(reference_ms_, kBetterQuarter);
}

std::vector<double> QuietTimer::keep_quiet(std::span<const Sample> samples) const {
  const double limit = limit_ms();
  const auto is_slow = [&](std::size_t reference) {
    return reference < reference_ms_.size() && reference_ms_[reference] > limit;
  };
  std::vector<double> quiet;
  std::vector<double> all;
  for (const Sample& sample : samples) {
    all.push_back(sample.ms);
    if (!is_slow(sample.reference) && !is_slow(sample.reference + 1)) quiet.push_back(sample.ms);
  }
  return quiet.size() >= std::max(kFewest, all.size() / 2) ? quiet : all;
}

MachineNoise QuietTimer::noise() const {
  const double typical = median(reference_ms_);
  const double limit = limit_ms();
  std::vector<double> quiet;  // keep_quiet() drops the timings beside the slow ones.
  for (const double ms : reference_ms_) {
    if (ms <= limit) quiet.push_back(ms);
  }
  std::vector<double> parts;
  for (std::size_t part = 0; part < kDriftParts; ++part) {
    const std::size_t begin = part * quiet.size() / kDriftParts;
    const std::size_t end = (part + 1) * quiet.size() / kDriftParts;
    if (begin < end) parts.push_back(median(std::span(quiet).subspan(begin, end - begin)));
  }
  const double slow = static_cast<double>(reference_ms_.size() - quiet.size());
  return {.reference_ms = typical,
          .reference_spread_percent =
              typical > 0.0 ? 100.0 * (quantile(reference_ms_, 0.95) / typical - 1.0) : 0.0,
          .slow_percent = 100.0 * slow / static_cast<double>(reference_ms_.size()),
          .drift_percent =
              typical > 0.0 ? 100.0 * kNinetyPercent * standard_deviation(parts) / typical : 0.0,
          .other_cpus = load_.other_cpus(),
          .cpus = static_cast<double>(CpuLoad::cpus())};
}

}  // namespace hsconas
