#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "hsconas/base/log.hpp"
#include "hsconas/base/process_group.hpp"
#include "hsconas/base/stop_token.hpp"
#include "hsconas/config/config.hpp"

namespace CLI {
class App;
}

namespace hsconas {

/// Options every command takes.
struct CommonOptions {
  bool json = false;  ///< One JSON object on stdout instead of text.
  int quiet = 0;
  int verbose = 0;

  Verbosity verbosity() const {
    return quiet > 0 ? Verbosity::Quiet : verbose > 0 ? Verbosity::Verbose : Verbosity::Normal;
  }
};

/// What a command gets to work with.
struct CommandContext {
  const CommonOptions& options;
  Log& log;
  const StopToken& stop;
  std::shared_ptr<ProcessGroup> group;  ///< Of this process alone.
};

/// What main() runs once the command line is read.
using Command = std::function<void(CommandContext&)>;

/// Each adds its subcommands to `app` and stores in `chosen` what runs when one of them is named.
void add_run_commands(CLI::App& app,
                      Command& chosen);  ///< search, profile, train, shrink, codesign
void add_model_commands(CLI::App& app, Command& chosen);    ///< retrain, evaluate, export
void add_predict_command(CLI::App& app, Command& chosen);   ///< predict
void add_accel_command(CLI::App& app, Command& chosen);     ///< accel
void add_latency_commands(CLI::App& app, Command& chosen);  ///< latency import, adapt, ...
void add_report_command(CLI::App& app, Command& chosen);    ///< report
void add_config_commands(CLI::App& app, Command& chosen);   ///< config print, check, new, keys

/// The config options that several commands share.
struct ConfigOptions {
  std::string file;
  std::vector<std::string> set, bare;  ///< Overrides with and without --set.
  std::string seed, threads, device;

  /// --config, --set, bare key=value, --seed, --threads, --device.
  void add_to(CLI::App& command);
  /// A bare word that is no key=value is meant as the config where there is no --config.
  void take_bare_file();
  /// The config with all overrides: --set, bare, short options. Throws Error(Usage) without a file.
  Config load();
  /// All overrides in the order in which they apply.
  std::vector<std::string> all_overrides() const;
};

/// From now on a closed pipe, as of `| tee log`, asks for a stop like TERM, instead of ending the
/// program where it stands: for commands whose work must not be lost.
void stop_on_closed_pipe();

}  // namespace hsconas
