#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include <torch/types.h>

#include "hsconas/base/log.hpp"

namespace hsconas {

/// Everything a stage of training needs to go on: its tensors, weights and momentum alike, and the
/// step that follows. All that is random follows from the seed, the stage's name and the step.
struct Checkpoint {
  std::map<std::string, torch::Tensor> tensors;
  std::int64_t next_step = 0;
};

/// Copies the values of `from` into the tensors of the same names in `to`. Throws Error(Data) that
/// names `source` and a tensor that is missing or of another shape, before anything is changed.
void copy_tensors(const std::map<std::string, torch::Tensor>& to,
                  const std::map<std::string, torch::Tensor>& from, const std::string& source);

/// The last two checkpoints of one stage: FOLDER/STAGE.safetensors and, before it,
/// FOLDER/STAGE.previous.safetensors. Each is a safetensors file with the metadata
///   format       "hsconas-checkpoint-1"
///   fingerprint  of the settings it was trained with: others' checkpoints are not taken
///   next_step    decimal
///   crc32        of the whole file, see save_tensors()
/// At every instant at least one of the files that stood there before save() is still there whole.
class CheckpointStore {
 public:
  CheckpointStore(std::filesystem::path folder, const std::string& stage, std::string fingerprint);

  /// Makes `checkpoint` the newest one and the newest one the one before. Throws Error(Data) that
  /// names the file when it cannot be written, Error(Usage) when a tensor holds a value that is not
  /// finite; in both cases what was stored stays.
  void save(const Checkpoint& checkpoint) const;

  /// The newest checkpoint with the store's fingerprint; nothing when there is none. Where the
  /// newest file is damaged, the one before takes its place, with a warning; throws Error(Data)
  /// that names the file when there is no other.
  std::optional<Checkpoint> load(Log& log) const;

  const std::filesystem::path& newest() const { return newest_; }
  const std::filesystem::path& previous() const { return previous_; }

 private:
  std::optional<Checkpoint> read(const std::filesystem::path& file) const;

  std::filesystem::path newest_;
  std::filesystem::path previous_;
  std::string fingerprint_;
};

}  // namespace hsconas
