#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include <torch/types.h>

#include "hsconas/base/group_files.hpp"
#include "hsconas/base/log.hpp"

namespace hsconas {

/// Everything that a training stage needs to continue: its weights and momentum, and the next step.
/// Random streams need no state, because they depend only on the seed, the stage's name and the
/// step.
struct Checkpoint {
  std::map<std::string, torch::Tensor> tensors;
  std::int64_t next_step = 0;
};

/// Copies the values of `from` into the tensors of the same names in `to`. Throws Error(Data) that
/// names `source` and a tensor that is missing or of another shape, before anything is changed.
void copy_tensors(const std::map<std::string, torch::Tensor>& to,
                  const std::map<std::string, torch::Tensor>& from, const std::string& source);

/// The last two checkpoints of one stage: FOLDER/STAGE.safetensors is the newest and
/// FOLDER/STAGE.previous.safetensors the one before. Each is a safetensors file with the metadata
///   format       "hsconas-checkpoint-1"
///   fingerprint  identifies the training settings; checkpoints of other settings are not loaded
///   next_step    decimal
///   crc32        of the whole file, see save_tensors()
/// A kill during save() never loses the newest complete checkpoint. save() and load() are
/// collective, see GroupFiles: rank 0's checkpoint is saved, and all ranks load the same one.
class CheckpointStore {
 public:
  CheckpointStore(std::filesystem::path folder, const std::string& stage, std::string fingerprint,
                  GroupFiles files = {});

  /// Saves `checkpoint` as the newest; the previous newest is kept as the second. Throws
  /// Error(Data) that names the file when it cannot be written, Error(Usage) when a tensor holds a
  /// value that is not finite; in both cases the stored checkpoints do not change.
  void save(const Checkpoint& checkpoint) const;

  /// The newest checkpoint, or nothing when there is none or it has another fingerprint. When the
  /// newest file is damaged, the second replaces it, with a warning; without a usable second,
  /// throws Error(Data) that names the damaged file.
  std::optional<Checkpoint> load(Log& log) const;

  const std::filesystem::path& newest() const { return newest_; }
  const std::filesystem::path& previous() const { return previous_; }

 private:
  /// A file whose checkpoint can be used.
  struct UsableFile {
    std::string contents;
    std::int64_t next_step = 0;
  };
  std::optional<UsableFile> read(const std::filesystem::path& file) const;
  /// The contents of the file that load() takes; empty when there is none.
  std::string usable_contents(Log& log) const;

  std::filesystem::path newest_;
  std::filesystem::path previous_;
  std::string fingerprint_;
  GroupFiles files_;
};

}  // namespace hsconas
