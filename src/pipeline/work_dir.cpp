#include "hsconas/pipeline/work_dir.hpp"

#include <algorithm>
#include <system_error>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>

#include "hsconas/base/error.hpp"
#include "hsconas/base/files.hpp"
#include "hsconas/base/hash.hpp"
#include "hsconas/report/tensorboard.hpp"

namespace hsconas {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

constexpr const char* kLockName = "lock";

/// Whether there is anything in `root` but the lock.
bool holds_files(const fs::path& root) {
  std::error_code ignored;
  for (fs::directory_iterator it(root, ignored), end; it != end; it.increment(ignored)) {
    if (it->path().filename() != kLockName) return true;
  }
  return false;
}

/// What a process that was killed has not brought to its name.
void remove_unfinished_checkpoints(const fs::path& folder) {
  std::error_code ignored;
  std::vector<fs::path> files;
  for (fs::directory_iterator it(folder, ignored), end; it != end; it.increment(ignored)) {
    const std::string name = it->path().filename().string();
    if (name.ends_with(".tmp") || name.ends_with(".next")) files.push_back(it->path());
  }
  for (const fs::path& file : files) fs::remove(file, ignored);
}

}  // namespace

WorkDir WorkDir::open(const fs::path& root, WorkDirMode mode) {
  WorkDir dir{.root = root, .lock = nullptr};
  make_folder(root);
  if (::access(root.c_str(), W_OK) != 0) {
    throw Error(ErrorKind::Data, root.string() + ": cannot write here; choose another --work-dir");
  }
  std::error_code ignored;  // What cannot be looked into fails again, by name, when it is written.
  dir.lock = std::make_shared<LockFile>(root / kLockName);
  if (mode == WorkDirMode::Fresh && holds_files(root)) {
    throw Error(ErrorKind::Usage, root.string() +
                                      " is not empty; continue with --resume or start over with "
                                      "--overwrite");
  }
  const bool starts_over = mode == WorkDirMode::Overwrite;
  for (const auto& file :
       {dir.config(), dir.version(), dir.log(), dir.metrics(), dir.stages(), dir.latency(),
        dir.latency_plot(), dir.shrink(), dir.candidates(), dir.result(), dir.report(), dir.model(),
        dir.architecture(), dir.codesign(), dir.codesign_candidates(), dir.pairs(), dir.ranks(),
        dir.ranks_plot()}) {
    fs::remove(unfinished(file), ignored);
    if (starts_over) fs::remove(file, ignored);
  }
  if (starts_over) {
    remove_event_files(root);
    fs::remove_all(dir.checkpoints(), ignored);
    fs::remove_all(dir.retraining(), ignored);
  }
  remove_unfinished_checkpoints(dir.checkpoints());
  return dir;
}

StageRecord::StageRecord(fs::path file) : file_(std::move(file)), stages_(json::object()) {
  std::error_code unknown;
  if (!fs::exists(file_, unknown)) return;
  stages_ = read_sealed_json(file_);
  const bool is_record =
      stages_.is_object() && std::all_of(stages_.begin(), stages_.end(),
                                         [](const json& inputs) { return inputs.is_object(); });
  if (!is_record) {
    throw Error(ErrorKind::Data, file_.string() + ": not a record of stages; use --overwrite");
  }
}

bool StageRecord::is_done(const std::string& stage, const json& inputs) const {
  const auto it = stages_.find(stage);
  return it != stages_.end() && *it == inputs;
}

std::vector<std::string> StageRecord::changes(const std::string& stage, const json& inputs) const {
  const auto it = stages_.find(stage);
  if (it == stages_.end()) return {};
  const json before = it->flatten();
  const json now = inputs.flatten();
  std::vector<std::string> result;
  const auto name = [](std::string pointer) {
    for (char& c : pointer) c = c == '/' ? '.' : c;
    return pointer.substr(1);
  };
  for (const auto& [key, value] : now.items()) {
    const auto old = before.find(key);
    if (old == before.end()) {
      result.push_back(fmt::format("{} is new", name(key)));
    } else if (*old != value) {
      result.push_back(
          fmt::format("{} changed from {} to {}", name(key), old->dump(), value.dump()));
    }
  }
  for (const auto& [key, value] : before.items()) {
    if (!now.contains(key)) result.push_back(fmt::format("{} is gone", name(key)));
  }
  return result;
}

void StageRecord::begin(const std::string& stage) {
  if (stages_.erase(stage) > 0) write_sealed_json(file_, stages_);
}

void StageRecord::finish(const std::string& stage, const json& inputs) {
  stages_[stage] = inputs;
  write_sealed_json(file_, stages_);
}

std::string fingerprint_of(const json& inputs) {
  return fingerprint(inputs.dump());
}

}  // namespace hsconas
