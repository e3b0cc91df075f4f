#include <malloc.h>
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <exception>

#include <CLI/CLI.hpp>
#include <c10/util/Exception.h>
#include <fmt/format.h>

#include "hsconas/app/commands.hpp"
#include "hsconas/base/error.hpp"
#include "hsconas/pipeline/version.hpp"

namespace {

using namespace hsconas;

StopToken stop_token;  // A signal handler can reach nothing that is not global.

constexpr int kExitSecondInterrupt = 130;

extern "C" void on_signal(int signal) {
  if (signal == SIGINT && stop_token.requested()) ::_exit(kExitSecondInterrupt);
  stop_token.request();
}

void handle_signals() {
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  for (const int signal : {SIGINT, SIGTERM, SIGUSR1}) ::sigaction(signal, &action, nullptr);
}

/// Training frees and takes again the same large blocks every step. Giving them back to the system
/// in between costs 10 to 40 % of a CPU step.
void keep_large_blocks() {
  ::mallopt(M_MMAP_THRESHOLD, 1 << 30);
  ::mallopt(M_TRIM_THRESHOLD, 1 << 30);
}

int report(ErrorKind kind, const std::string& sentence) {
  fmt::print(stderr, "hsconas: {}\n", sentence);
  return static_cast<int>(kind);
}

int run_command(const Command& command, const CommonOptions& options) {
  Log log(options.verbosity());
  CommandContext context{options, log, stop_token};
  try {
    command(context);
    return 0;
  } catch (const Error& error) {
    return report(error.kind(), error.what());
  } catch (const c10::Error& error) {
    const std::string what = error.what_without_backtrace();
    if (what.find("out of memory") != std::string::npos ||
        what.find("allocate memory") != std::string::npos) {
      return report(ErrorKind::Device,
                    "out of memory; lower supernet.batch, score.batch or the kept images");
    }
    return report(ErrorKind::Internal,
                  "this is a bug, please report it: " +
                      (options.verbose > 0 ? std::string(error.what()) : what));
  } catch (const std::bad_alloc&) {
    return report(ErrorKind::Device, "out of memory; lower supernet.batch or score.batch");
  } catch (const std::exception& error) {
    return report(ErrorKind::Internal, std::string("this is a bug, please report it: ") + error.what());
  }
}

}  // namespace

int main(int argc, char** argv) {
  keep_large_blocks();
  handle_signals();

  CLI::App app(
      "Finds, for your images and your device, the convolutional network with the best\n"
      "accuracy inside a latency budget (HSCoNAS, DATE 2021).");
  app.name("hsconas");
  app.set_version_flag("--version", version_line());
  app.require_subcommand(1);
  app.fallthrough();
  CommonOptions options;
  app.add_flag("--json", options.json, "Print one JSON object instead of text");
  app.add_flag("-q,--quiet", options.quiet, "Only warnings and results");
  app.add_flag("-v,--verbose", options.verbose, "More about what is going on");
  app.footer(
      "Examples:\n"
      "  hsconas search --config configs/quickstart.json\n"
      "  hsconas search --config configs/cifar10.json data.path=cifar-10 latency.target_ms=2.5\n"
      "  hsconas config keys\n"
      "Exit codes: 0 done, 1 bug, 2 usage or config, 3 data or file, 4 infeasible budget,\n"
      "            5 device or memory, 75 stopped on request (--resume continues)");

  Command chosen;
  add_run_commands(app, chosen);
  add_predict_command(app, chosen);
  add_config_commands(app, chosen);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : static_cast<int>(ErrorKind::Usage);
  }
  return run_command(chosen, options);
}
