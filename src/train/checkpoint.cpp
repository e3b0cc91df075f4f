#include "hsconas/train/checkpoint.hpp"

#include <charconv>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <torch/torch.h>

#include "hsconas/base/error.hpp"
#include "hsconas/base/files.hpp"
#include "hsconas/supernet/safetensors.hpp"

namespace hsconas {

namespace fs = std::filesystem;

namespace {

constexpr const char* kFormat = "hsconas-checkpoint-1";

bool is_there(const fs::path& file) {
  std::error_code unknown;  // Ignored: reading the file reports the same problem.
  return fs::exists(file, unknown);
}

void check_finite(const Checkpoint& checkpoint, const std::string& stage) {
  for (const auto& [name, tensor] : checkpoint.tensors) {
    if (!tensor.is_floating_point() || torch::isfinite(tensor).all().item<bool>()) continue;
    throw Error(ErrorKind::Usage,
                fmt::format("{}: {} is not finite after step {}; the checkpoint before it is kept: "
                            "lower the learning rate or set supernet.clip_norm",
                            stage, name, checkpoint.next_step));
  }
}

std::string value_of(const TensorFile& file, const std::string& key, const fs::path& path) {
  const auto found = file.metadata.find(key);
  if (found != file.metadata.end()) return found->second;
  throw Error(ErrorKind::Data,
              fmt::format("{}: not a checkpoint: it has no {}", path.string(), key));
}

}  // namespace

void copy_tensors(const std::map<std::string, torch::Tensor>& to,
                  const std::map<std::string, torch::Tensor>& from, const std::string& source) {
  for (const auto& [name, tensor] : to) {
    const auto it = from.find(name);
    if (it == from.end() || it->second.sizes() != tensor.sizes()) {
      throw Error(ErrorKind::Data,
                  fmt::format("{}: lacks the tensor {}, or has it in another shape", source, name));
    }
  }
  const torch::NoGradGuard guard;
  for (const auto& [name, tensor] : to) tensor.detach().copy_(from.at(name));
}

CheckpointStore::CheckpointStore(fs::path folder, const std::string& stage, std::string fingerprint)
    : newest_(folder / (stage + ".safetensors")),
      previous_(folder / (stage + ".previous.safetensors")),
      fingerprint_(std::move(fingerprint)) {}

void CheckpointStore::save(const Checkpoint& checkpoint) const {
  check_finite(checkpoint, newest_.stem().string());
  // The file is first written completely under a third name, so that a full disk or a kill does not
  // affect the other two.
  const fs::path next = newest_.string() + ".next";
  save_tensors(next, {checkpoint.tensors,
                      {{"format", kFormat},
                       {"fingerprint", fingerprint_},
                       {"next_step", std::to_string(checkpoint.next_step)}}});
  if (is_there(newest_)) rename_file(newest_, previous_);
  rename_file(next, newest_);
}

std::optional<Checkpoint> CheckpointStore::read(const fs::path& path) const {
  if (!is_there(path)) return std::nullopt;
  TensorFile file = load_tensors(path);
  const std::string format = value_of(file, "format", path);
  if (format != kFormat) {
    throw Error(ErrorKind::Data, fmt::format("{}: its format is '{}', not '{}'; use --overwrite",
                                             path.string(), format, kFormat));
  }
  if (value_of(file, "fingerprint", path) != fingerprint_) return std::nullopt;
  const std::string step = value_of(file, "next_step", path);
  Checkpoint checkpoint{.tensors = std::move(file.tensors)};
  const char* last = step.data() + step.size();
  const auto [end, error] = std::from_chars(step.data(), last, checkpoint.next_step);
  if (error != std::errc() || end != last || checkpoint.next_step < 0) {
    throw Error(ErrorKind::Data, fmt::format("{}: next_step '{}' is no step", path.string(), step));
  }
  return checkpoint;
}

std::optional<Checkpoint> CheckpointStore::load(Log& log) const {
  try {
    if (auto checkpoint = read(newest_)) return checkpoint;
    // Without a newest file, save() was killed between its two renames, so the second file is the
    // newest. A newest file with another fingerprint belongs to other settings.
    return is_there(newest_) ? std::nullopt : read(previous_);
  } catch (const Error& damage) {
    std::optional<Checkpoint> checkpoint;
    try {
      if (is_there(newest_)) checkpoint = read(previous_);
    } catch (const Error& error) {
      log.warn(error.what());
    }
    if (!checkpoint) throw;
    log.warn(fmt::format("{}; going on from the checkpoint before it, step {}", damage.what(),
                         checkpoint->next_step));
    // Otherwise the next save would replace the good file by the damaged one.
    rename_file(previous_, newest_);
    return checkpoint;
  }
}

}  // namespace hsconas
