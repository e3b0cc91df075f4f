#pragma once

#include <string>

#include "hsconas/report/run_record.hpp"

namespace hsconas {

// The sections of run_report(), each with its heading. Each is a sentence when the run has no data
// for it.

/// All scored architectures, with the Pareto front.
std::string candidates_section(const RunRecord& run);
/// The winner, layer by layer. Throws Error(Data) when it does not fit the space or the table.
std::string layers_section(const RunRecord& run);
std::string search_section(const RunRecord& run);
std::string shrink_section(const RunRecord& run);
std::string latency_section(const RunRecord& run);
std::string training_section(const RunRecord& run);
std::string settings_section(const RunRecord& run);

/// A fraction in percent: "87.65 %".
std::string percent(double fraction);
/// The label of a latency axis: "predicted latency, ms per batch of 16".
std::string ms_axis(const char* what, int batch);
/// The labels of plots of accuracy over latency, for batches of `batch` images.
std::string latency_axis(const RunRecord& run, int batch);
std::string accuracy_axis(const RunRecord& run);

}  // namespace hsconas
