#pragma once

#include <vector>

#include "hsconas/base/log.hpp"
#include "hsconas/base/stop_token.hpp"
#include "hsconas/config/config.hpp"
#include "hsconas/pipeline/run.hpp"
#include "hsconas/report/run_record.hpp"
#include "hsconas/stages/work_dir.hpp"

namespace hsconas {

/// Searches a network for each target of `config`, which has some, with the weights of one
/// supernet. The supernet is trained in `dir`; each target has a Run in dir.targets(). The latency
/// tables come first, so that an infeasible target is known before the training. Writes
/// comparison.json and report.html, which compare the winners, and returns the finished runs, on
/// rank 0 only.
///
/// Targets that are added to the config of a finished search are searched without training again.
/// `options` holds for all runs, except for its goal. Throws the errors of Run.
/// All ranks of the group of `dir` call it together.
std::vector<RunRecord> search_targets(const Config& config, const WorkDir& dir, Log& log,
                                      const StopToken& stop, const RunOptions& options);

/// The first part of search_targets(): the latency tables and the supernet.
void train_for_targets(const Config& config, const WorkDir& dir, Log& log, const StopToken& stop,
                       const RunOptions& options);

}  // namespace hsconas
