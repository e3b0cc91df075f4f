#include "hsconas/pipeline/trained_model.hpp"

#include <string>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "hsconas/base/error.hpp"
#include "hsconas/base/files.hpp"
#include "hsconas/stages/run_kind.hpp"
#include "hsconas/stages/work_dir.hpp"

namespace hsconas {

namespace fs = std::filesystem;

namespace {

/// Whether `dir` holds a finished model. While a run repeats its search or retraining, the files of
/// the earlier model are still there but do not count.
bool has_model(const WorkDir& dir) {
  if (!is_there(dir.architecture())) return false;
  if (!is_there(dir.stages())) return true;  // Not a run, but a folder with a copied model.
  const StageRecord record(dir.stages());
  return record.has("search") || record.has("retrain") || record.has("codesign");
}

std::string arch_in(const WorkDir& dir) {
  return read_json(dir.architecture()).at("arch").get<std::string>();
}

}  // namespace

fs::path find_model(const fs::path& folder, ModelChoice choice) {
  const WorkDir dir{folder};
  const WorkDir retrained{dir.retraining()};
  if (choice == ModelChoice::Best && retrained.holds_work()) {
    if (has_model(retrained)) {
      // They differ if the search was repeated with other settings after the retraining.
      if (!has_model(dir) || arch_in(dir) == arch_in(retrained)) return retrained.root;
      throw Error(ErrorKind::Data,
                  fmt::format("{}: holds another architecture than the winner of the search; "
                              "retrain with --overwrite, or use the supernet's weights with "
                              "--shared",
                              retrained.root.string()));
    }
    throw Error(ErrorKind::Data,
                fmt::format("{0}: the retraining has not finished; continue it with hsconas "
                            "retrain {1} --resume, or use the supernet's weights with --shared",
                            retrained.root.string(), folder.string()));
  }
  if (has_model(dir)) return folder;
  if (!is_there(dir.config())) {
    throw Error(ErrorKind::Data,
                fmt::format("{}: is neither a run nor a model: it holds no {}", folder.string(),
                            dir.architecture().filename().string()));
  }
  throw Error(ErrorKind::Data, folder.string() + ": " + why_no_search(dir));
}

}  // namespace hsconas
