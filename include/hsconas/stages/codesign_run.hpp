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
#include "hsconas/report/codesign_record.hpp"
#include "hsconas/score/evaluator.hpp"
#include "hsconas/stages/work_dir.hpp"

namespace hsconas {

/// The accuracies that a co-design run uses.
struct AccuracySource {
  Evaluator& evaluator;
  /// The networks whose accuracy is known; empty: all networks of the space can be evaluated.
  std::span<const Architecture> networks;
  nlohmann::json inputs;      ///< Everything that the accuracies depend on, for StageRecord.
  bool is_expensive = false;  ///< True if accuracies are to be stored for a resumed run.
};

/// Searches a network and an accelerator together as config.codesign says. Writes, in addition to
/// config.json and the log, these files into the work directory:
/// - codesign.json: format "hsconas-codesign-1"; the best pair, the Pareto front, counters and
///   seconds. The same seed gives the same content, except for "seconds".
/// - pairs.csv: every pair that was scored, see CodesignConfig::pairs_written.
/// - ranks.csv, ranks.svg: rank correlations between designs (semi-decoupled, decoupled only).
/// Returns the content of codesign.json. The result of a finished run with the same inputs is read
/// back; an interrupted run repeats its decisions and evaluates only the accuracies it lacks.
/// All ranks of the group of `dir` call it together and get the same content, except for "seconds".
/// Throws the errors of codesign() and designs_of().
CodesignRecord run_codesign(const Config& config, const WorkDir& dir, StageRecord& stages,
                            const AccuracySource& source, Log& log, const StopToken& stop);

/// Runs the stage "codesign". `produce` must write codesign.json and return its content. If the
/// stage is already finished with the same inputs, codesign.json is read back instead; throws
/// Error(Data) when it is damaged or has another format. The stage runs again when one of `others`,
/// files that `produce` writes too, is gone.
CodesignRecord codesign_stage(const WorkDir& dir, StageRecord& stages, nlohmann::json inputs,
                              const std::function<CodesignRecord()>& produce, Log& log,
                              std::vector<std::filesystem::path> others = {});

/// Writes report.html of the run in `dir`, which has begun and whose co-design is finished; see
/// codesign_report().
void write_codesign_report(const WorkDir& dir);

/// The content of codesign.json without "seconds", "ranks", "optimum" and what only DANCE has.
CodesignRecord codesign_record(const Config& config, const CodesignResult& result,
                               const SearchSpace& space, const DesignSpace& designs);

/// What codesign.json says whatever was found: the name, the designs, the limits.
CodesignRecord start_record(const Config& config, const DesignSpace& designs);

/// Sets the best pair of `record`, whose energy unit is set; `layers` is the network for people.
void set_best(CodesignRecord& record, CodesignPair pair, std::string layers,
              const Accelerator& design);

/// Writes pairs.csv and codesign.json.
void write_codesign(const WorkDir& dir, const CodesignResult& result, const SearchSpace& space,
                    const DesignSpace& designs, const CodesignRecord& record);

/// The text of `hsconas codesign --dry-run`: networks, designs, limits and the number of pairs
/// whose cost will be computed. `networks` is the number of known accuracies; 0: the supernet is
/// used, or trained networks are compressed.
std::string describe_codesign(const Config& config, std::size_t networks);

/// The limits that the config sets.
Limits limits_of(const CodesignConfig& config);

/// The unit of the designs' energies. Throws Error(Usage) when designs have different units,
/// because their energies are compared, and when a power limit needs another unit.
std::string energy_unit(const DesignSpace& designs, const CodesignConfig& config);

/// The design space that config.codesign.designs names. Throws Error(Usage) when the key is empty,
/// when the section `limits` is used, which has no effect here, when the designs' energies have
/// different units, and when a power limit is set but energies are not in pJ.
DesignSpace designs_of(const Config& config);

}  // namespace hsconas
