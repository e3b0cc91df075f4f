#pragma once

#include <cstdint>
#include <string>

#include "hsconas/base/log.hpp"
#include "hsconas/config/config.hpp"
#include "hsconas/space/search_space.hpp"

namespace hsconas {

/// "space hsconas-a: 20 layers, 5 operators x 10 widths, 9.54e33 architectures, ...".
std::string describe_space(const SearchSpace& space);

/// A line per shrinking stage: its layers, its evaluations, the size of the space before and after.
std::string describe_shrinking(const Config& config, const SearchSpace& space);

/// Bytes a training step and scoring need at most, estimated from the space's largest network:
/// weights and momentum, every activation of a batch with its gradient, the images kept for
/// scoring.
std::int64_t estimate_memory(const SearchSpace& space, const Config& config);

/// What `hsconas search --dry-run` prints: sizes, steps, evaluations, memory and files. Opens the
/// data set, so that what does not fit is found; of one that is not there it warns and counts
/// epochs instead of steps. Trains and times nothing.
std::string describe_plan(const Config& config, Log& log);

}  // namespace hsconas
