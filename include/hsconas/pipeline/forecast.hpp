#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "hsconas/base/stop_token.hpp"
#include "hsconas/config/config.hpp"
#include "hsconas/space/search_space.hpp"

namespace hsconas {

class RunData;

/// The work of one stage of a search that takes long.
struct StageWork {
  std::string stage;       ///< "supernet", "baseline", "shrink-1", ..., "search".
  int evaluations = 0;     ///< Architectures that are scored, at most.
  int middle_layer = -1;   ///< See ShrinkForecast.
  std::int64_t steps = 0;  ///< Of training, after the scoring.
  double passes = 1.0;     ///< Passes through one path that take as long as a step.
};

/// The stages of a search with `images` training images, in their order, besides the measuring of
/// latencies.
std::vector<StageWork> stage_works(const Config& config, const SearchSpace& space,
                                   std::int64_t images);

/// The number of training images of a data set that does not exist yet.
inline constexpr std::int64_t kAssumedImages = 100'000;

/// How long a search takes on this machine.
struct Forecast {
  struct Stage {
    std::string name;
    double seconds = 0.0;
  };
  std::int64_t images = 0;         ///< The number of training images for which the times hold.
  double images_per_second = 0.0;  ///< Of the training of the supernet.
  std::vector<Stage> stages;

  double seconds() const;
};

/// Trains and scores for at most about ten seconds and a tenth of the search (longer if a step
/// takes longer) and extrapolates to the whole search. Measures on the images of `data`, so that
/// decoding counts; if it is null, on random ones, and forecasts the time for kAssumedImages. The
/// times of scoring are upper limits: candidates that are given up early and those that share more
/// layers than the measured ones take less. So is the time for measuring latencies, which the
/// config limits. Sets the number of torch's threads as a run does. Throws what a run would throw
/// for the device and the images, and Error(Interrupted) if a stop is requested.
Forecast forecast_search(const Config& config, const RunData* data, const StopToken& stop);

/// "time: latency 24 s, supernet 50 s, ...; about 1 min 20 s in all (3,500 images/s in training)".
std::string describe_forecast(const Forecast& forecast);

}  // namespace hsconas
