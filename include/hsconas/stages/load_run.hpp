#pragma once

#include <filesystem>

#include "hsconas/report/run_record.hpp"

namespace hsconas {

/// What a run has left in `folder`. It counts as finished when its search has ended with the
/// settings and the latency table that are there now; else there is no result, and `unfinished`
/// says why.
/// Throws Error(Data) that names the folder when it holds no run, and the file when one is broken.
RunRecord load_run(const std::filesystem::path& folder);

}  // namespace hsconas
