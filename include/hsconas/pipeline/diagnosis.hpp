#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "hsconas/base/error.hpp"
#include "hsconas/base/log.hpp"
#include "hsconas/base/machine.hpp"
#include "hsconas/base/stop_token.hpp"
#include "hsconas/config/config.hpp"
#include "hsconas/pipeline/forecast.hpp"

namespace hsconas {

/// Something that makes a run slow or, if it is a fault, impossible.
struct Finding {
  std::optional<ErrorKind> fault;  ///< The error with which a run would end; empty: it is slow.
  std::string sentence;
};

/// The facts about this machine, as names and values: processor, CPUs, kernels, memory, disk, GPUs,
/// libraries.
std::vector<std::pair<std::string, std::string>> describe_machine(const Machine& machine);

/// Each reason for which runs on this machine are slow.
std::vector<Finding> diagnose_machine(const Machine& machine);

/// The result of examining a search before it starts.
struct Diagnosis {
  std::vector<Finding> findings;     ///< Each reason for which it would fail or be slow.
  std::optional<Forecast> forecast;  ///< Empty if it would fail or may need too much memory.
  std::string limits;                ///< Lines of check_latency(), by target if there are some.
};

/// Throws unless the config's latency table can be made and its budget and limits can be met. A
/// table that the run measures is not known yet: then only the limits are checked.
/// Returns lines about the limits, as describe_limits(); empty if there are none.
std::string check_latency(const Config& config, Log& log, const StopToken& stop);

/// Examines a search with `config` on this machine: the device, the threads, the memory, the data
/// set, and the latency table with the budget. Opens the data set and makes the table, unless it is
/// one that a run measures. If nothing is wrong, measures for about ten seconds how long it will
/// take. Throws Error(Interrupted) if a stop is requested.
Diagnosis diagnose_config(const Config& config, const Machine& machine, Log& log,
                          const StopToken& stop);

}  // namespace hsconas
