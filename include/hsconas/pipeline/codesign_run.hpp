#pragma once

#include <functional>
#include <span>
#include <string>

#include <nlohmann/json.hpp>

#include "hsconas/base/log.hpp"
#include "hsconas/base/stop_token.hpp"
#include "hsconas/codesign/codesign.hpp"
#include "hsconas/codesign/design_space.hpp"
#include "hsconas/config/config.hpp"
#include "hsconas/pipeline/work_dir.hpp"
#include "hsconas/report/codesign_record.hpp"
#include "hsconas/score/evaluator.hpp"

namespace hsconas {

/// Where the accuracies of a co-design run come from.
struct AccuracySource {
  Evaluator& evaluator;
  std::span<const Architecture> networks;  ///< All that have an accuracy; empty: the whole space.
  nlohmann::json inputs;                   ///< What the accuracies depend on.
  bool is_expensive = false;               ///< Accuracies are kept for a resumed run.
};

/// Searches network and accelerator together by config.codesign and writes, besides config.json and
/// the log, into the work directory:
/// - codesign.json: format "hsconas-codesign-1"; the best pair, the front, counters and seconds;
///   everything but "seconds" repeats with the same seed;
/// - pairs.csv: every pair that was scored, see CodesignConfig::pairs_written;
/// - ranks.csv, ranks.svg: how alike the designs rank networks (semi-decoupled, decoupled).
/// Returns the content of codesign.json. A finished run with the same inputs is only read back; one
/// that was stopped repeats its decisions and judges only what is missing. All ranks of dir's group
/// call it together and get the same content, but for "seconds".
/// Throws as codesign() does, and Error(Usage) for a power limit on designs whose energies are not
/// in pJ.
CodesignRecord run_codesign(const Config& config, const WorkDir& dir, StageRecord& stages,
                            const AccuracySource& source, Log& log, const StopToken& stop);

/// The stage "codesign": `produce` writes and returns what was found, which is returned, read back
/// where the stage was finished with the same inputs. Throws Error(Data) for a file that is
/// something else.
CodesignRecord codesign_stage(const WorkDir& dir, StageRecord& stages, nlohmann::json inputs,
                              const std::function<CodesignRecord()>& produce, Log& log);

/// The content of codesign.json, except for seconds, ranks and what a method adds.
CodesignRecord codesign_record(const Config& config, const CodesignResult& result,
                               const SearchSpace& space, const DesignSpace& designs);

/// Writes pairs.csv and codesign.json.
void write_codesign(const WorkDir& dir, const CodesignResult& result, const SearchSpace& space,
                    const DesignSpace& designs, const CodesignRecord& record);

/// What --dry-run prints: networks, designs, limits, how many pairs will be costed.
std::string describe_codesign(const Config& config, std::size_t networks);

/// The designs of config.codesign.designs; throws Error(Usage) when none are named, when their
/// energies have different units, or for a power limit on energies that are not in pJ.
DesignSpace designs_of(const Config& config);

}  // namespace hsconas
