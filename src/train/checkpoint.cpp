#include "hsconas/train/checkpoint.hpp"

#include <charconv>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <torch/types.h>
#include <torch/utils.h>

#include "hsconas/base/error.hpp"
#include "hsconas/base/files.hpp"
#include "hsconas/supernet/safetensors.hpp"

namespace hsconas {

namespace fs = std::filesystem;

namespace {

constexpr const char* kFormat = "hsconas-checkpoint-1";

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

std::int64_t step_of(const TensorFile& file, const fs::path& path) {
  const std::string text = value_of(file, "next_step", path);
  std::int64_t step = 0;
  const char* last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, step);
  if (error != std::errc() || end != last || step < 0) {
    throw Error(ErrorKind::Data, fmt::format("{}: next_step '{}' is no step", path.string(), text));
  }
  return step;
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

CheckpointStore::CheckpointStore(fs::path folder, const std::string& stage, std::string fingerprint,
                                 GroupFiles files)
    : newest_(folder / (stage + ".safetensors")),
      previous_(folder / (stage + ".previous.safetensors")),
      fingerprint_(std::move(fingerprint)),
      files_(std::move(files)) {}

void CheckpointStore::save(const Checkpoint& checkpoint) const {
  files_.on_root([&] {
    check_finite(checkpoint, newest_.stem().string());
    // The file is first written completely under a third name, so that a full disk or a kill does
    // not affect the other two.
    const fs::path next = newest_.string() + ".next";
    save_tensors(next, {checkpoint.tensors,
                        {{"format", kFormat},
                         {"fingerprint", fingerprint_},
                         {"next_step", std::to_string(checkpoint.next_step)}}});
    if (is_there(newest_)) rename_file(newest_, previous_);
    rename_file(next, newest_);
  });
}

std::optional<CheckpointStore::UsableFile> CheckpointStore::read(const fs::path& path) const {
  if (!is_there(path)) return std::nullopt;
  UsableFile usable{.contents = read_file(path, kMostTensorBytes)};
  const TensorFile file = parse_tensors(usable.contents, path);
  const std::string format = value_of(file, "format", path);
  if (format != kFormat) {
    throw Error(ErrorKind::Data, fmt::format("{}: its format is '{}', not '{}'; use --overwrite",
                                             path.string(), format, kFormat));
  }
  if (value_of(file, "fingerprint", path) != fingerprint_) return std::nullopt;
  usable.next_step = step_of(file, path);
  return usable;
}

std::string CheckpointStore::usable_contents(Log& log) const {
  try {
    auto usable = read(newest_);
    // Without a newest file, save() was killed between its two renames, so the second file is the
    // newest. A newest file with another fingerprint belongs to other settings.
    if (!usable && !is_there(newest_)) usable = read(previous_);
    return usable ? std::move(usable->contents) : "";
  } catch (const Error& damage) {
    std::optional<UsableFile> usable;
    try {
      if (is_there(newest_)) usable = read(previous_);
    } catch (const Error& error) {
      log.warn(error.what());
    }
    if (!usable) throw;
    log.warn(fmt::format("{}; going on from the checkpoint before it, step {}", damage.what(),
                         usable->next_step));
    // Otherwise the next save would replace the good file by the damaged one.
    rename_file(previous_, newest_);
    return std::move(usable->contents);
  }
}

std::optional<Checkpoint> CheckpointStore::load(Log& log) const {
  const std::string contents = files_.from_root([&] { return usable_contents(log); });
  if (contents.empty()) return std::nullopt;
  TensorFile file = parse_tensors(contents, newest_);
  const std::int64_t next_step = step_of(file, newest_);
  return Checkpoint{.tensors = std::move(file.tensors), .next_step = next_step};
}

}  // namespace hsconas
