#pragma once

#include <filesystem>

#include "hsconas/report/codesign_report.hpp"
#include "hsconas/report/run_record.hpp"

namespace hsconas {

/// Reads the files of a run from `folder`. The result is set if the search has finished with the
/// settings and the latency table that the folder holds now; otherwise `unfinished` says why not.
/// Throws Error(Data) that names the folder when it holds no run, or the file that is damaged.
RunRecord load_run(const std::filesystem::path& folder);

/// Likewise for a co-design run: the pair is set if the co-design has finished with the settings
/// that the folder holds now.
CodesignRun load_codesign_run(const std::filesystem::path& folder);

}  // namespace hsconas
