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
  Fresh,     ///< Refuse it, unless it has come to nothing: see WorkDir::holds_work().
  Resume,    ///< Continue the run in it, or start one.
  Overwrite  ///< Remove what a run leaves there (and nothing else), then start.
};

/// The folder of one run and the names of everything in it. Where several processes do the run,
/// all of them go through `files`: open(), begin() and holds_work() are collective.
struct WorkDir {
  std::filesystem::path root;
  std::shared_ptr<const LockFile> lock;  ///< Held while a run uses the folder, by rank 0.
  bool starts_over = false;              ///< What a run has left here goes at begin().
  GroupFiles files{};                    ///< What reads and writes here.

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
  std::filesystem::path retraining() const { return root / "retrain"; }  ///< A WorkDir of its own.

  /// Makes the folder ready, `root` itself and nothing in it but the lock, and removes what a
  /// killed process left unfinished. A folder made here, or by the caller (`is_new`), that stays
  /// empty goes with the lock.
  /// Throws Error(Usage) when another process uses it, or when it is not empty and `mode` is Fresh;
  /// Error(Data) when it cannot be made or written.
  static WorkDir open(const std::filesystem::path& root, WorkDirMode mode, bool is_new = false,
                      GroupFiles files = {});

  /// Before the first file is written, once the inputs have been checked: removes what open() was
  /// asked to overwrite. Until then a start that fails leaves everything as it was.
  /// Throws Error(Data) that names what cannot be removed.
  void begin() const;

  /// Whether a run has left here what took time to make: a checkpoint, accuracies, a result, or a
  /// latency table that was measured.
  bool holds_work() const;
};

/// What each finished stage was made from, in stages.json, with a checksum: a rerun with the same
/// inputs reuses the stage's output, other inputs say what changed. All ranks of a group keep the
/// same record; the constructor, begin() and finish() are collective, see GroupFiles.
class StageRecord {
 public:
  /// Reads the file when it is there; throws Error(Data) when it is broken. With `anew` it counts
  /// as absent.
  explicit StageRecord(std::filesystem::path file, bool anew = false, GroupFiles files = {});

  const GroupFiles& files() const { return files_; }

  /// True when `stage` was finished with exactly these inputs.
  bool is_done(const std::string& stage, const nlohmann::json& inputs) const;

  /// True when `stage` was finished, with whatever inputs.
  bool has(const std::string& stage) const { return stages_.contains(stage); }

  /// What `stage` was finished with; null when it was not.
  nlohmann::json inputs(const std::string& stage) const;

  /// The stages, one at least, whose inputs hold the text `value` somewhere.
  std::vector<std::string> stages_with(const std::string& value) const;

  /// "supernet.epochs changed from 5 to 10" for every input of a finished stage that differs now;
  /// empty when it was never finished.
  std::vector<std::string> changes(const std::string& stage, const nlohmann::json& inputs) const;

  /// Forgets a stage before its output is overwritten.
  void begin(const std::string& stage);
  void finish(const std::string& stage, const nlohmann::json& inputs);

 private:
  std::filesystem::path file_;
  GroupFiles files_;
  nlohmann::json stages_;
};

}  // namespace hsconas
