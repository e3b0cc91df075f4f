#pragma once

#include <filesystem>
#include <initializer_list>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "hsconas/config/config.hpp"
#include "hsconas/report/run_record.hpp"

namespace hsconas {

/// What a run has left in `folder`. It counts as finished when its search has ended with the
/// settings and the latency table that are there now; else there is no result, and `unfinished`
/// says why.
/// Throws Error(Data) that names the folder when it holds no run, and the file when one is broken.
RunRecord load_run(const std::filesystem::path& folder);

/// `object` less some of its keys.
nlohmann::json without(nlohmann::json object, std::initializer_list<const char*> keys);

/// What the weights of a supernet depend on; `images` is the fingerprint of the training part of
/// the data set (DataIdentity), which counts instead of where it lies.
nlohmann::json weights_inputs(const Config& config, const std::string& images);

/// What F depends on beside the weights, T and the latency table.
nlohmann::json score_inputs(const Config& config);

}  // namespace hsconas
