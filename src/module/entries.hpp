#pragma once

#include <string>
#include <vector>

#include "hsconas/app/torch_commands.hpp"

// The functions in TorchCommands.

namespace hsconas {

void run_search(const RunCommandOptions& options, CommandContext& context);
void run_profile(const RunCommandOptions& options, CommandContext& context);
void run_train(const RunCommandOptions& options, CommandContext& context);
void run_shrink(const RunCommandOptions& options, CommandContext& context);
void run_codesign(const RunCommandOptions& options, CommandContext& context);
void run_retrain(RetrainOptions options, CommandContext& context);
void run_evaluate(EvaluateOptions options, CommandContext& context);
void run_rank(RankOptions options, CommandContext& context);
void run_export(ExportOptions options, CommandContext& context);

/// Prints the facts about this machine and what makes runs slow on it. If a config is named, also
/// prints why a search with it would fail, and then throws an Error of the kind of the first fault.
void run_doctor(ConfigOptions options, CommandContext& context);

}  // namespace hsconas
