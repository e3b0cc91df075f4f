#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "hsconas/base/group_files.hpp"
#include "hsconas/base/lock_file.hpp"

namespace hsconas {

/// What to do when the work directory already holds a run.
enum class WorkDirMode {
  Fresh,     ///< Reject it if it holds work, see WorkDir::holds_work(); otherwise start over.
  Resume,    ///< Continue the run, or start one if there is none.
  Overwrite  ///< Remove the files of the run, and no others, then start.
};

/// The folder of one run and the paths of all files in it. If several processes do the run
/// together, all of them use `files`, and call open(), begin() and holds_work() together.
struct WorkDir {
  std::filesystem::path root;
  std::shared_ptr<const LockFile> lock;  ///< Held by rank 0 while a run uses the folder.
  bool starts_over = false;              ///< True if begin() removes the files of an earlier run.
  GroupFiles files{};                    ///< Reads and writes all files of the folder.

  std::filesystem::path config() const { return root / "config.json"; }
  std::filesystem::path version() const { return root / "version.txt"; }
  std::filesystem::path log() const { return root / "log.txt"; }
  std::filesystem::path metrics() const { return root / "metrics.jsonl"; }
  std::filesystem::path stages() const { return root / "stages.json"; }
  std::filesystem::path latency() const { return root / "latency.json"; }
  std::filesystem::path latency_plot() const { return root / "latency.svg"; }
  std::filesystem::path checkpoints() const { return root / "checkpoints"; }
  std::filesystem::path checkpoint(const std::string& stage) const {
    return checkpoints() / (stage + ".safetensors");
  }
  std::filesystem::path shrink() const { return root / "shrink.json"; }
  std::filesystem::path candidates() const { return root / "candidates.csv"; }
  std::filesystem::path result() const { return root / "result.json"; }
  std::filesystem::path report() const { return root / "report.html"; }
  std::filesystem::path codesign() const { return root / "codesign.json"; }
  std::filesystem::path codesign_candidates() const { return root / "codesign-candidates.csv"; }
  std::filesystem::path pairs() const { return root / "pairs.csv"; }
  std::filesystem::path ranks() const { return root / "ranks.csv"; }
  std::filesystem::path ranks_plot() const { return root / "ranks.svg"; }
  std::filesystem::path model() const { return root / "model.safetensors"; }
  std::filesystem::path architecture() const { return root / "architecture.json"; }
  std::filesystem::path depths() const { return root / "depths"; }       ///< Shallower models.
  std::filesystem::path retraining() const { return root / "retrain"; }  ///< A WorkDir of its own.
  /// The folder of WorkDirs, one for each target of a search with several.
  std::filesystem::path targets() const { return root / "targets"; }
  std::filesystem::path target(const std::string& name) const { return targets() / name; }
  std::filesystem::path comparison() const { return root / "comparison.json"; }

  /// Creates the folder if necessary, locks it, and removes incomplete files that a killed process
  /// left. If the folder was created here, or by the caller (`is_new`), and is still empty when the
  /// lock is released, it is removed again.
  /// Throws Error(Usage) when another process uses the folder, and when `mode` is Fresh and the
  /// folder holds work or files that are not a run's; Error(Data) when it cannot be created or
  /// written.
  static WorkDir open(const std::filesystem::path& root, WorkDirMode mode, bool is_new = false,
                      GroupFiles files = {});

  /// Removes the files of an earlier run if `starts_over`. Call it after all inputs have been
  /// checked and before the first file is written, so that a start that fails changes nothing.
  /// Throws Error(Data) that names the file that cannot be removed.
  void begin() const;

  /// Whether the folder holds results of a run that took time to compute: a checkpoint, accuracies,
  /// a result, or a measured latency table.
  bool holds_work() const;
};

/// The inputs of each finished stage, stored in stages.json with a checksum. A stage whose inputs
/// are the same as before can reuse its output; otherwise changes() lists the differences. All
/// ranks of a group have the same record, and call the constructor, begin() and finish() together.
class StageRecord {
 public:
  /// Reads `file` if it exists, unless `anew`. Throws Error(Data) when it is damaged.
  explicit StageRecord(std::filesystem::path file, bool anew = false, GroupFiles files = {});

  const GroupFiles& files() const { return files_; }

  /// Whether `stage` is finished with exactly these inputs.
  bool is_done(const std::string& stage, const nlohmann::json& inputs) const;

  /// Whether `stage` is finished, with any inputs.
  bool has(const std::string& stage) const { return stages_.contains(stage); }

  /// The inputs with which `stage` was finished; null if it is not finished.
  nlohmann::json inputs(const std::string& stage) const;

  /// The stages whose inputs contain the text `value` at any key.
  std::vector<std::string> stages_with(const std::string& value) const;

  /// One text for every input of `stage` that differs from the recorded one, such as
  /// "supernet.epochs changed from 5 to 10"; none if the stage is not finished.
  std::vector<std::string> changes(const std::string& stage, const nlohmann::json& inputs) const;

  /// Removes `stage` from the file. Call it before the stage's output is overwritten.
  void begin(const std::string& stage);
  /// Records that `stage` is finished with these inputs.
  void finish(const std::string& stage, const nlohmann::json& inputs);

 private:
  std::filesystem::path file_;
  GroupFiles files_;
  nlohmann::json stages_;
};

}  // namespace hsconas
