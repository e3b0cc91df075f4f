#pragma once

#include <concepts>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "hsconas/base/log.hpp"
#include "hsconas/base/process_group.hpp"
#include "hsconas/base/stop_token.hpp"
#include "hsconas/config/config.hpp"

namespace CLI {
class App;
}

namespace hsconas {

struct TorchCommands;

/// Options that every command takes.
struct CommonOptions {
  bool json = false;  ///< Print one JSON object to stdout instead of text.
  int quiet = 0;      ///< Times that -q was given.
  int verbose = 0;    ///< Times that -v was given.

  Verbosity verbosity() const {
    return quiet > 0 ? Verbosity::Quiet : verbose > 0 ? Verbosity::Verbose : Verbosity::Normal;
  }
};

/// The parts of the program that a command works with.
struct CommandContext {
  const CommonOptions& options;
  Log& log;
  const StopToken& stop;
  std::shared_ptr<ProcessGroup> group;  ///< Of the processes that do this run together.
};

using PlainCommand = std::function<void(CommandContext&)>;
/// A command that needs LibTorch, which is loaded before it is called.
using TorchCommand = std::function<void(const TorchCommands&, CommandContext&)>;

template <typename Work>
concept CommandWork =
    std::convertible_to<Work, PlainCommand> || std::convertible_to<Work, TorchCommand>;

/// The work of a subcommand, which main() calls after the command line has been parsed.
struct Command {
  Command() = default;
  template <CommandWork Work>
  Command(Work work) : run(std::move(work)) {}

  std::variant<PlainCommand, TorchCommand> run;
  /// For a command that needs LibTorch with some configs only: called before LibTorch is loaded, it
  /// returns what to do without, or an empty function if LibTorch is needed. Null: it is.
  std::function<PlainCommand()> without_torch;
  /// Reads, before `run`, how long the processes of a run wait for each other. Empty: the defaults.
  std::function<ClusterConfig()> waits;
};

// Each of these functions adds subcommands to `app`. Parsing one of them stores its Command in
// `chosen`.
void add_run_commands(CLI::App& app,
                      Command& chosen);  ///< search, profile, train, shrink, codesign
void add_model_commands(CLI::App& app, Command& chosen);    ///< retrain, evaluate, export
void add_predict_command(CLI::App& app, Command& chosen);   ///< predict
void add_accel_command(CLI::App& app, Command& chosen);     ///< accel
void add_latency_commands(CLI::App& app, Command& chosen);  ///< latency import, adapt, ...
void add_report_command(CLI::App& app, Command& chosen);    ///< report
void add_methods_command(CLI::App& app, Command& chosen);   ///< compare-methods
void add_embed_command(CLI::App& app, Command& chosen);     ///< embed
void add_config_commands(CLI::App& app, Command& chosen);   ///< config print, check, new, keys
void add_doctor_command(CLI::App& app, Command& chosen);    ///< doctor
void add_help_commands(CLI::App& app, Command& chosen);     ///< completion, manual

/// The options for choosing a config, which several commands share.
struct ConfigOptions {
  std::string file;
  std::vector<std::string> set, bare;  ///< Overrides with and without --set.
  std::string seed, threads, device;
  std::optional<Config> read;  ///< What load() has read: a pipe can be read only once.

  /// Adds --config, --set, bare key=value, --seed, --threads and --device to `command`.
  void add_to(CLI::App& command);
  /// Without --config, takes the first bare word that is not key=value as the config file.
  void take_bare_file();
  /// Reads the config with all overrides. Throws Error(Usage) if no config is named.
  const Config& load();
  /// All overrides in the order in which they apply: --set, then bare ones, then short options.
  std::vector<std::string> all_overrides() const;
};

/// Throws Error(Usage) if the ranks of `group` read different configs. Collective, see
/// ProcessGroup.
void require_same_config(ProcessGroup& group, const Config& config);

/// From this call on, writing to a closed pipe (`hsconas ... | tee log`) requests a stop like
/// SIGTERM instead of killing the process. For commands that must save their work first.
void stop_on_closed_pipe();

}  // namespace hsconas
