#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>

#include <nlohmann/json.hpp>

#include "hsconas/base/log.hpp"
#include "hsconas/base/stop_token.hpp"
#include "hsconas/codesign/compressed_network.hpp"
#include "hsconas/config/config.hpp"
#include "hsconas/report/codesign_record.hpp"
#include "hsconas/space/architecture.hpp"
#include "hsconas/stages/stage.hpp"
#include "hsconas/stages/work_dir.hpp"

namespace hsconas {

/// A trained network that a compression starts from.
struct StartNetwork {
  std::string name;       ///< Its folder as the config names it, for people.
  Architecture arch;      ///< In the space of the config.
  double accuracy = 0.0;  ///< Before it is compressed, on the images that the evaluator tests on.
};

/// What a compression run starts from, and who says how accurate a compressed network is.
struct CompressionSource {
  std::span<const StartNetwork> starts;  ///< At least one; CompressedNetwork::start counts in them.
  CompressedEvaluator& evaluator;
  nlohmann::json inputs;            ///< StageInputs::start_accuracies().
  ImageCount images_per_network{};  ///< That the evaluator processes.
  /// Called once with the best network before codesign.json is written: exports it, and returns its
  /// accuracy on the test images. Not called when a finished result is read back. Empty: the
  /// network is not tested on others than the evaluator's images.
  std::function<std::optional<double>(const CompressedNetwork& best)> finish{};
  /// What `finish` writes. A finished result is read back only if all of it is there.
  std::vector<std::filesystem::path> files{};
};

/// Compresses trained networks and chooses an accelerator for them, as codesign.method compress
/// does: searches widths and bits below the starts by search.method; the design of a network is
/// the best one for it. Writes codesign.json, pairs.csv with every network on its best design and,
/// while it searches, codesign-candidates.csv with every accuracy, so that a run that was stopped
/// evaluates only what is missing. The result of a finished run with the same inputs is read back.
/// All ranks of the group of `dir` call it together and get the same content, except for "seconds".
///
/// Throws Error(Usage) when no design supports the word widths to choose from, Error(Infeasible)
/// that names the nearest candidate when none meets the limits, Error(Interrupted) when `stop` is
/// requested.
CodesignRecord run_compression(const Config& config, const WorkDir& dir, StageRecord& stages,
                               const CompressionSource& source, Log& log, const StopToken& stop);

}  // namespace hsconas
