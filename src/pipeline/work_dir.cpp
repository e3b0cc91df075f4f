#include "hsconas/pipeline/work_dir.hpp"

#include <algorithm>
#include <string>
#include <system_error>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>

#include "hsconas/base/error.hpp"
#include "hsconas/base/files.hpp"
#include "hsconas/latency/source.hpp"
#include "hsconas/report/tensorboard.hpp"

namespace hsconas {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

constexpr const char* kLockName = "lock";

/// The files of a run in `dir`, its folders aside.
std::vector<fs::path> files_of(const WorkDir& dir) {
  return {dir.config(),       dir.version(),  dir.log(),
          dir.metrics(),      dir.stages(),   dir.latency(),
          dir.latency_plot(), dir.shrink(),   dir.candidates(),
          dir.result(),       dir.report(),   dir.model(),
          dir.architecture(), dir.codesign(), dir.codesign_candidates(),
          dir.pairs(),        dir.ranks(),    dir.ranks_plot()};
}

/// The names in `folder`; none where it cannot be read.
std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code ignored;
  for (fs::directory_iterator it(folder, ignored), end; it != end; it.increment(ignored)) {
    names.push_back(it->path().filename().string());
  }
  return names;
}

bool is_there(const fs::path& path) {
  std::error_code unknown;
  return fs::exists(path, unknown);
}

/// Whether `root` holds more than the lock.
bool holds_files(const fs::path& root) {
  const auto names = names_in(root);
  return std::any_of(names.begin(), names.end(),
                     [](const std::string& name) { return name != kLockName; });
}

/// Whether `dir` holds anything that is no run's.
bool holds_other_files(const WorkDir& dir) {
  std::vector<std::string> own{kLockName, dir.checkpoints().filename(),
                               dir.retraining().filename()};
  for (const fs::path& file : files_of(dir)) own.push_back(file.filename().string());
  for (const std::string& name : names_in(dir.root)) {
    if (std::find(own.begin(), own.end(), name) == own.end() && !is_event_file(name)) return true;
  }
  return false;
}

/// Whether the table of the finished stage with these inputs was measured, not read or computed.
bool was_measured(const json& latency_inputs) {
  const auto settings = latency_inputs.find("latency");
  if (settings == latency_inputs.end()) return false;
  // The value of a key is a name, or what stands for the file's content; empty where there is none.
  const json none("");
  const auto sources = latency_sources();
  return std::all_of(sources.begin(), sources.end(), [&](const LatencySource& source) {
    return source.is_measured || settings->value(std::string(source.key), none) == none;
  });
}

void remove_or_throw(const fs::path& path) {
  std::error_code error;
  fs::remove_all(path, error);
  if (error) {
    throw Error(ErrorKind::Data, fmt::format("{}: cannot be removed to start over: {}",
                                             path.string(), error.message()));
  }
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

WorkDir WorkDir::open(const fs::path& root, WorkDirMode mode, bool is_new) {
  WorkDir dir{.root = root, .lock = nullptr};
  is_new = is_new || !is_there(root);
  make_folder(root);
  if (::access(root.c_str(), W_OK) != 0) {
    throw Error(ErrorKind::Data, root.string() + ": cannot write here; choose another folder");
  }
  dir.lock = {new LockFile(root / kLockName), [root, is_new](const LockFile* held) {
                delete held;
                if (is_new) ::rmdir(root.c_str());  // Fails where there is anything in it.
              }};
  if (mode == WorkDirMode::Fresh && holds_files(root) &&
      (holds_other_files(dir) || dir.holds_work())) {
    throw Error(ErrorKind::Usage, root.string() +
                                      " is not empty; continue with --resume or start over with "
                                      "--overwrite");
  }
  dir.starts_over = mode != WorkDirMode::Resume;
  std::error_code ignored;  // What cannot be removed fails again, by name, when it is written.
  for (const fs::path& file : files_of(dir)) fs::remove(unfinished(file), ignored);
  remove_unfinished_checkpoints(dir.checkpoints());
  return dir;
}

void WorkDir::begin() const {
  if (!starts_over) return;
  // First the record: without it nothing that is still there counts as finished.
  remove_or_throw(stages());
  for (const fs::path& file : files_of(*this)) remove_or_throw(file);
  for (const std::string& name : names_in(root)) {
    if (is_event_file(name)) remove_or_throw(root / name);
  }
  remove_or_throw(checkpoints());
  remove_or_throw(retraining());
}

bool WorkDir::holds_work() const {
  for (const fs::path& file :
       {candidates(), codesign_candidates(), result(), codesign(), model(), shrink()}) {
    if (is_there(file)) return true;
  }
  for (const std::string& name : names_in(checkpoints())) {
    if (name.ends_with(".safetensors")) return true;
  }
  if (is_there(retraining()) && WorkDir{.root = retraining(), .lock = nullptr}.holds_work()) {
    return true;
  }
  if (!is_there(stages())) return false;
  try {
    return was_measured(StageRecord(stages()).inputs("latency"));
  } catch (const Error&) {
    return true;  // A damaged record does not say; better to ask.
  }
}

StageRecord::StageRecord(fs::path file, bool anew)
    : file_(std::move(file)), stages_(json::object()) {
  if (anew || !is_there(file_)) return;
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

json StageRecord::inputs(const std::string& stage) const {
  const auto it = stages_.find(stage);
  return it == stages_.end() ? json() : *it;
}

std::vector<std::string> StageRecord::stages_with(const std::string& value) const {
  std::vector<std::string> names;
  for (const auto& [name, inputs] : stages_.items()) {
    const json flat = inputs.flatten();
    if (std::any_of(flat.begin(), flat.end(), [&](const json& one) { return one == value; })) {
      names.push_back(name);
    }
  }
  return names;
}

void StageRecord::begin(const std::string& stage) {
  if (stages_.erase(stage) > 0) write_sealed_json(file_, stages_);
}

void StageRecord::finish(const std::string& stage, const json& inputs) {
  stages_[stage] = inputs;
  write_sealed_json(file_, stages_);
}

}  // namespace hsconas
