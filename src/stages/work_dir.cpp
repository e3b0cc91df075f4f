#include "hsconas/stages/work_dir.hpp"

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
#include "hsconas/stages/run_kind.hpp"

namespace hsconas {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

constexpr const char* kLockName = "lock";

/// The paths of all files that a run can write directly into `dir`.
std::vector<fs::path> files_of(const WorkDir& dir) {
  return {dir.config(),       dir.version(),  dir.log(),
          dir.metrics(),      dir.stages(),   dir.latency(),
          dir.latency_plot(), dir.shrink(),   dir.candidates(),
          dir.result(),       dir.report(),   dir.model(),
          dir.architecture(), dir.codesign(), dir.codesign_candidates(),
          dir.pairs(),        dir.ranks(),    dir.ranks_plot(),
          dir.comparison()};
}

/// The names of the entries of `folder`; none if it cannot be read.
std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code ignored;
  for (fs::directory_iterator it(folder, ignored), end; it != end; it.increment(ignored)) {
    names.push_back(it->path().filename().string());
  }
  return names;
}

/// Whether `root` holds anything besides the lock file.
bool holds_files(const fs::path& root) {
  const auto names = names_in(root);
  return std::any_of(names.begin(), names.end(),
                     [](const std::string& name) { return name != kLockName; });
}

/// Whether `dir` holds anything that does not belong to a run.
bool holds_other_files(const WorkDir& dir) {
  std::vector<std::string> own{kLockName, dir.checkpoints().filename(), dir.retraining().filename(),
                               dir.targets().filename(), dir.depths().filename()};
  for (const fs::path& file : files_of(dir)) own.push_back(file.filename().string());
  for (const std::string& name : names_in(dir.root)) {
    if (std::find(own.begin(), own.end(), name) == own.end() && !is_event_file(name)) return true;
  }
  return false;
}

/// Whether the latency stage with these inputs measured its table, instead of reading it from a
/// file or computing it for an accelerator.
bool was_measured(const json& latency_inputs) {
  const auto settings = latency_inputs.find("latency");
  if (settings == latency_inputs.end()) return false;
  // The value of a key is the identity of the named file; empty if none is named.
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

/// Removes the temporary files of checkpoints that a killed process has not renamed.
void remove_unfinished_checkpoints(const fs::path& folder) {
  std::error_code ignored;
  std::vector<fs::path> files;
  for (fs::directory_iterator it(folder, ignored), end; it != end; it.increment(ignored)) {
    const std::string name = it->path().filename().string();
    if (name.ends_with(".tmp") || name.ends_with(".next")) files.push_back(it->path());
  }
  for (const fs::path& file : files) fs::remove(file, ignored);
}

/// WorkDir::holds_work() of this process's own disk.
bool holds_work_here(const WorkDir& dir) {
  for (const fs::path& file : {dir.candidates(), dir.codesign_candidates(), dir.result(),
                               dir.codesign(), dir.model(), dir.shrink()}) {
    if (is_there(file)) return true;
  }
  for (const std::string& name : names_in(dir.checkpoints())) {
    if (name.ends_with(".safetensors")) return true;
  }
  if (is_there(dir.retraining()) &&
      holds_work_here(WorkDir{.root = dir.retraining(), .lock = nullptr})) {
    return true;
  }
  for (const std::string& name : names_in(dir.targets())) {
    if (holds_work_here(WorkDir{.root = dir.target(name), .lock = nullptr})) return true;
  }
  if (!is_there(dir.stages())) return false;
  try {
    return was_measured(StageRecord(dir.stages()).inputs("latency"));
  } catch (const Error&) {
    return true;  // The record is damaged; assume work, so that nothing is removed unasked.
  }
}

/// Makes the folder ready and locks it.
void open_here(WorkDir& dir, WorkDirMode mode, bool is_new) {
  const fs::path& root = dir.root;
  is_new = is_new || !is_there(root);
  make_folder(root);
  if (::access(root.c_str(), W_OK) != 0) {
    throw Error(ErrorKind::Data, root.string() + ": cannot write here; choose another folder");
  }
  dir.lock = {new LockFile(root / kLockName), [root, is_new](const LockFile* held) {
                delete held;
                if (is_new) ::rmdir(root.c_str());  // Fails if the folder is not empty.
              }};
  if (mode == WorkDirMode::Fresh && holds_files(root) &&
      (holds_other_files(dir) || holds_work_here(dir))) {
    const RunKind kind = kind_of(dir);
    const bool is_open = kind == RunKind::Open;
    throw Error(ErrorKind::Usage,
                fmt::format("{} is not empty{}; continue with {} or start over with --overwrite",
                            root.string(), is_open ? "" : ", it holds " + describe(kind),
                            is_open ? "--resume" : continuation(dir, kind)));
  }
  std::error_code ignored;  // A file that cannot be removed fails, by name, when it is written.
  for (const fs::path& file : files_of(dir)) fs::remove(unfinished(file), ignored);
  remove_unfinished_checkpoints(dir.checkpoints());
}

/// Removes what a run leaves in `dir`.
void empty_here(const WorkDir& dir) {
  // The record goes first, so that files that remain after an error do not count as finished.
  remove_or_throw(dir.stages());
  for (const fs::path& file : files_of(dir)) remove_or_throw(file);
  for (const std::string& name : names_in(dir.root)) {
    if (is_event_file(name)) remove_or_throw(dir.root / name);
  }
  remove_or_throw(dir.checkpoints());
  remove_or_throw(dir.retraining());
  remove_or_throw(dir.targets());
  remove_or_throw(dir.depths());
}

}  // namespace

WorkDir WorkDir::open(const fs::path& root, WorkDirMode mode, bool is_new, GroupFiles files) {
  WorkDir dir{.root = root,
              .lock = nullptr,
              .starts_over = mode != WorkDirMode::Resume,
              .files = std::move(files)};
  dir.files.on_root([&] { open_here(dir, mode, is_new); });
  return dir;
}

void WorkDir::begin() const {
  if (starts_over) files.on_root([this] { empty_here(*this); });
}

bool WorkDir::holds_work() const {
  return files.holds_on_root([this] { return holds_work_here(*this); });
}

StageRecord::StageRecord(fs::path file, bool anew, GroupFiles files)
    : file_(std::move(file)), files_(std::move(files)), stages_(json::object()) {
  if (anew || !files_.exists(file_)) return;
  stages_ = files_.read_sealed_json(file_);
  const bool is_record =
      stages_.is_object() && std::all_of(stages_.begin(), stages_.end(),
                                         [](const json& inputs) { return inputs.is_object(); });
  if (!is_record) {
    throw Error(ErrorKind::Data,
                file_.string() + ": is not a record of stages; start over with --overwrite");
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
    if (key.ends_with("/images") && old != before.end()) {
      if (*old == value) continue;
      result.push_back(fmt::format("the {} images have changed",
                                   key.ends_with("/test/images") ? "test" : "training"));
    } else if (old == before.end()) {
      result.push_back(fmt::format("{} was added", name(key)));
    } else if (*old != value) {
      result.push_back(
          fmt::format("{} changed from {} to {}", name(key), old->dump(), value.dump()));
    }
  }
  for (const auto& [key, value] : before.items()) {
    if (!now.contains(key)) result.push_back(fmt::format("{} was removed", name(key)));
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
  if (stages_.erase(stage) == 0) return;
  files_.on_root([this] { write_sealed_json(file_, stages_); });
}

void StageRecord::finish(const std::string& stage, const json& inputs) {
  stages_[stage] = inputs;
  files_.on_root([this] { write_sealed_json(file_, stages_); });
}

}  // namespace hsconas
