#pragma once

#include <optional>
#include <span>
#include <string>

#include <nlohmann/json.hpp>

#include "hsconas/base/log.hpp"
#include "hsconas/base/stop_token.hpp"
#include "hsconas/codesign/codesign.hpp"
#include "hsconas/codesign/design_space.hpp"
#include "hsconas/config/config.hpp"
#include "hsconas/pipeline/work_dir.hpp"
#include "hsconas/score/evaluator.hpp"

namespace hsconas {

/// Who tells accuracies in a co-design run.
struct CodesignJudge {
  Evaluator& evaluator;
  std::span<const Architecture> networks;  ///< All it knows; none: every one of the space.
  nlohmann::json inputs;                   ///< What its answers depend on.
  bool is_expensive = false;               ///< Its answers are kept for a resumed run.
};

/// Searches network and accelerator together by config.codesign and writes, besides config.json and
/// the log, into the work directory:
/// - codesign.json: format "hsconas-codesign-1"; the best pair, the front, counters and seconds;
///   everything but "seconds" repeats with the same seed;
/// - pairs.csv: every pair that was scored, see CodesignConfig::pairs_written;
/// - ranks.csv, ranks.svg: how alike the designs rank networks (semi-decoupled, decoupled).
/// Returns the content of codesign.json. A finished run with the same inputs is only read back; one
/// that was stopped repeats its decisions and judges only what is missing.
/// Throws as codesign() does, and Error(Usage) for a power limit on designs whose energies are not
/// in pJ.
nlohmann::json run_codesign(const Config& config, const WorkDir& dir, StageRecord& record,
                            const CodesignJudge& judge, Log& log, const StopToken& stop);

/// The result of an earlier codesign with these inputs, if there is one; else the log says what
/// changed and the stage is forgotten. Throws Error(Data) for a file that is something else.
std::optional<nlohmann::json> finished_codesign(const WorkDir& dir, StageRecord& record,
                                                const nlohmann::json& inputs, Log& log);

/// The content of codesign.json but for seconds, ranks and what a method adds.
nlohmann::json codesign_report(const Config& config, const CodesignResult& result,
                               const SearchSpace& space, const DesignSpace& designs);

/// Writes pairs.csv and codesign.json.
void write_codesign(const WorkDir& dir, const CodesignResult& result, const SearchSpace& space,
                    const DesignSpace& designs, const nlohmann::json& report);

/// codesign.json for people.
std::string format_codesign(const nlohmann::json& result);

/// What --dry-run prints: networks, designs, limits, how many pairs will be costed.
std::string describe_codesign(const Config& config, std::size_t networks);

/// The designs of config.codesign.designs; throws Error(Usage) when none are named, when their
/// energies have different units, or for a power limit on energies that are not in pJ.
DesignSpace designs_of(const Config& config);

}  // namespace hsconas
