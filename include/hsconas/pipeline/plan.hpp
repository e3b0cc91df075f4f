#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "hsconas/base/log.hpp"
#include "hsconas/base/stop_token.hpp"
#include "hsconas/config/config.hpp"
#include "hsconas/pipeline/scaling.hpp"
#include "hsconas/space/search_space.hpp"

namespace hsconas {

/// Upper estimate of the bytes that training and scoring need. It counts, for the largest network
/// of the space, weights with momentum and all activations of a batch with their gradients, and the
/// images that are kept for scoring.
std::int64_t estimate_memory(const SearchSpace& space, const Config& config);

/// A sentence, without a full stop, that says that a search on the CPU may need more memory than
/// `available_bytes`, and what to lower; empty if it does not, or if that is not known (negative).
std::string memory_doubt(const Config& config, double available_bytes);

/// The text of `hsconas search --dry-run`: sizes, steps, evaluations, memory and files. Opens the
/// data set, so that a data set that does not match the config is reported, and measures for about
/// ten seconds, see forecast_search(). If there is no data set at data.path, logs a warning and
/// describes a search on 100,000 images. Throws Error(Interrupted) if a stop is requested.
/// Throws Error(Usage) for a number of processes that cannot share a training step.
std::string describe_plan(const Config& config, Log& log, const StopToken& stop,
                          const PlanOptions& options = {});

}  // namespace hsconas
