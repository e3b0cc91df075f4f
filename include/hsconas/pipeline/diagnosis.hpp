#pragma once

#include <string>
#include <vector>

#include "hsconas/base/log.hpp"
#include "hsconas/base/machine.hpp"
#include "hsconas/base/stop_token.hpp"
#include "hsconas/config/config.hpp"

namespace hsconas {

/// Something that slows a run down or, if it is a fault, stops it.
struct Finding {
  bool is_fault = false;
  std::string sentence;
};

/// The facts about this machine, as names and values: processor, CPUs, kernels, memory, disk, GPUs,
/// libraries.
std::vector<std::pair<std::string, std::string>> describe_machine(const Machine& machine);

/// What is slow on this machine, and why.
std::vector<Finding> diagnose_machine(const Machine& machine);

/// What is wrong with `config` on this machine: its device, threads, memory, data set, and its
/// latency table with the budget. Opens the data set and makes a table that is not measured.
/// Throws Error(Interrupted) if a stop is requested.
std::vector<Finding> diagnose_config(const Config& config, const Machine& machine, Log& log,
                                     const StopToken& stop);

}  // namespace hsconas
