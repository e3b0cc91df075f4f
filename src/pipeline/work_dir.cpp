#include "hsconas/pipeline/work_dir.hpp"

#include <algorithm>
#include <system_error>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>

#include "hsconas/base/error.hpp"
#include "hsconas/base/files.hpp"
#include "hsconas/base/hash.hpp"

namespace hsconas {

namespace fs = std::filesystem;
using nlohmann::json;

WorkDir WorkDir::open(const fs::path& root, WorkDirMode mode) {
  WorkDir dir{root};
  make_folder(root);
  if (::access(root.c_str(), W_OK) != 0) {
    throw Error(ErrorKind::Data, root.string() + ": cannot write here; choose another --work-dir");
  }
  std::error_code ignored;  // What cannot be looked into fails again, by name, when it is written.
  if (mode == WorkDirMode::Fresh && !fs::is_empty(root, ignored)) {
    throw Error(ErrorKind::Usage, root.string() +
                                      " is not empty; continue with --resume or start over with "
                                      "--overwrite");
  }
  if (mode == WorkDirMode::Overwrite) {
    for (const auto& file :
         {dir.config(), dir.version(), dir.log(), dir.metrics(), dir.stages(), dir.latency(),
          dir.shrink(), dir.candidates(), dir.result(), dir.model(), dir.architecture()}) {
      fs::remove(file, ignored);
    }
    fs::remove_all(dir.checkpoints(), ignored);
  }
  return dir;
}

StageRecord::StageRecord(fs::path file) : file_(std::move(file)), stages_(json::object()) {
  std::error_code unknown;
  if (!fs::exists(file_, unknown)) return;
  stages_ = read_json(file_);
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
  if (stages_.erase(stage) > 0) write_json(file_, stages_);
}

void StageRecord::finish(const std::string& stage, const json& inputs) {
  stages_[stage] = inputs;
  write_json(file_, stages_);
}

std::string fingerprint_of(const json& inputs) {
  return fingerprint(inputs.dump());
}

}  // namespace hsconas
