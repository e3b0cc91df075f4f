#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <malloc.h>
#include <map>
#include <memory>
#include <new>
#include <string>
#include <unistd.h>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "hsconas/app/commands.hpp"
#include "hsconas/app/torch_commands.hpp"
#include "hsconas/base/error.hpp"
#include "hsconas/base/launch.hpp"
#include "hsconas/base/stop_token.hpp"
#include "hsconas/base/text.hpp"
#include "hsconas/base/usable_cpus.hpp"
#include "hsconas/base/version.hpp"
#include "signals.hpp"
#include "usage.hpp"

namespace {

using namespace hsconas;

/// Executes the program again with environment variables that libraries read when they are loaded;
/// does nothing if the user has set them, or without /proc. Call it before anything is printed
/// or read.
///
/// GOMP_SPINCOUNT: OpenMP threads spin while they wait for each other. If the machine is shared,
/// the thread that they wait for may not be running, and a step takes ten times as long. Spinning
/// for about 0.1 ms is still worth it, because waking a sleeping thread takes as long.
///
/// GLIBC_TUNABLES: memory in pages of 2 MiB, on systems that provide them on request. A step on a
/// CPU touches hundreds of MiB, and translating addresses of 4 KiB pages slows it down.
void restart_with_settings(char** argv) {
  const auto is_set = [](const char* name) { return std::getenv(name) != nullptr; };
  const bool spins = !is_set("OMP_WAIT_POLICY") && !is_set("GOMP_SPINCOUNT");
  const bool tunes = !is_set("GLIBC_TUNABLES");
  if (!spins && !tunes) return;
  std::error_code error;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) return;
  if (spins) ::setenv("GOMP_SPINCOUNT", "20000", 0);
  if (tunes) ::setenv("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1", 0);
  ::execv(self.c_str(), argv);
}

/// Keeps freed large blocks in the process. Training allocates the same large blocks in every step;
/// returning them to the system in between costs 10 to 40 % of a step on a CPU.
void keep_large_blocks() {
  ::mallopt(M_MMAP_THRESHOLD, 1 << 30);
  ::mallopt(M_TRIM_THRESHOLD, 1 << 30);
}

/// Prints an error to stderr and returns the exit code. The message is always one line, so that
/// scripts can show the last line; messages of libraries may have more and are joined.
int report(ErrorKind kind, std::string sentence) {
  for (char& c : sentence) c = c == '\n' ? ' ' : c;
  // fmt::print() would throw if stderr were a closed pipe; fputs() does not.
  std::fputs(("hsconas: " + printable(sentence) + "\n").c_str(), stderr);
  return static_cast<int>(kind);
}

/// Whether everything that was printed to stdout has been written. False for example if the disk is
/// full or the pipe is closed.
bool is_output_written() {
  return std::fflush(stdout) == 0 && std::ferror(stdout) == 0;
}

Error lost_output() {
  return {ErrorKind::Data,
          "standard output could not be written; is the disk full, or was it closed?"};
}

/// The exit code of the program: success only if the output could be written.
int finish(int exit_code) {
  if (exit_code != 0 || is_output_written()) return exit_code;
  const Error error = lost_output();
  return report(error.kind(), error.what());
}

constexpr const char* kOutOfMemory =
    "out of memory; lower supernet.batch, score.batch, score.memory_mb or data.memory_mb "
    "(--dry-run estimates what a run takes)";

/// Whether the message of an exception means that memory ran out. LibTorch's allocators, cuBLAS and
/// cuDNN have no exception type for it; a thread that cannot be started throws a system error.
bool is_out_of_memory(const std::string& what) {
  for (const char* words :
       {"out of memory", "allocate memory", "ALLOC_FAILED", "Resource temporarily unavailable"}) {
    if (what.find(words) != std::string::npos) return true;
  }
  return false;
}

/// The exception that is being handled, as the Error to report. `torch` is null if LibTorch is not
/// loaded.
Error current_error(const CommonOptions& options, const TorchCommands* torch) {
  const auto bug = [](const std::string& what) -> Error {
    return {ErrorKind::Internal, "this is a bug, please report it: " + what};
  };
  const bool is_verbose = options.verbose > 0;
  if (const auto what = torch == nullptr ? std::nullopt : torch->message_of_torch(is_verbose)) {
    return is_out_of_memory(*what) ? Error(ErrorKind::Device, kOutOfMemory) : bug(*what);
  }
  try {
    throw;
  } catch (const Error& error) {
    return error;
  } catch (const std::bad_alloc&) {
    return {ErrorKind::Device, kOutOfMemory};
  } catch (const nlohmann::json::type_error& error) {
    constexpr int kNotUtf8 = 316;
    if (error.id != kNotUtf8) return bug(error.what());
    return {ErrorKind::Data,
            "a file name or text that is not UTF-8 cannot be written as JSON; rename the file or "
            "folder, or save the input as UTF-8"};
  } catch (const std::exception& error) {
    if (!is_output_written()) return lost_output();
    if (is_out_of_memory(error.what())) return {ErrorKind::Device, kOutOfMemory};
    return bug(error.what());
  }
}

std::map<std::string, std::string> environment() {
  std::map<std::string, std::string> variables;
  for (char** it = environ; *it != nullptr; ++it) {
    const std::string entry = *it;
    const std::size_t equals = entry.find('=');
    if (equals != std::string::npos)
      variables.emplace(entry.substr(0, equals), entry.substr(equals + 1));
  }
  return variables;
}

/// Ends the process where other threads may hang, without destroying anything.
[[noreturn]] void end_now(const Error& error) {
  ::_exit(finish(report(error.kind(), error.what())));
}

/// For exceptions in the threads of a library, which nobody can catch: Gloo's throw one if a
/// connection breaks at the wrong moment.
[[noreturn]] void end_lost() {
  std::string what = "unknown";
  try {
    if (const auto exception = std::current_exception()) std::rethrow_exception(exception);
  } catch (const std::exception& error) {
    what = error.what();
  } catch (...) {
  }
  end_now({ErrorKind::Lost, "another process of this run is gone; --resume continues (" +
                                what.substr(0, what.find('\n')) + ")"});
}

std::chrono::milliseconds milliseconds_of(double seconds) {
  return std::chrono::milliseconds(std::llround(1000.0 * seconds));
}

/// How long the processes that do `command` wait for each other.
ClusterConfig waits_of(const Command& command) {
  try {
    return command.waits ? command.waits() : ClusterConfig{};
  } catch (const Error&) {
    return {};  // The command itself reports the error, so that all processes end with it.
  }
}

/// Throws Error(Usage) if several processes were started for a command that works with one.
void check_launch(const std::string& command, const ProcessLaunch& launch) {
  constexpr std::array kOfSeveral{"search", "profile", "train", "shrink", "codesign", "retrain"};
  if (launch.size == 1 ||
      std::find(kOfSeveral.begin(), kOfSeveral.end(), command) != kOfSeveral.end()) {
    return;
  }
  throw Error(ErrorKind::Usage,
              fmt::format("{} works with one process, but {} were started ({}): start it once",
                          command, launch.size, launch.launcher));
}

/// Loads LibTorch, with the settings that it needs.
const TorchCommands& load_torch(const ProcessLaunch& launch, char** argv) {
  restart_with_settings(argv);
  if (launch.size > 1 && std::getenv("GLOG_minloglevel") == nullptr) {
    // LibTorch would print warnings about lost connections, which the program reports itself.
    ::setenv("TORCH_CPP_LOG_LEVEL", "FATAL", 0);
  }
  handle_signals();
  return load_torch_commands();
}

/// Meets the other processes of the run that `launch` describes.
std::shared_ptr<ProcessGroup> join_run(const Command& command, const std::string& name,
                                       const ProcessLaunch& launch, const TorchCommands& torch) {
  std::set_terminate(end_lost);
  const ClusterConfig waits = waits_of(command);
  auto group = torch.join(launch, stop_of_signals(),
                          {.program = version_line() + " " + name,
                           .join_timeout = milliseconds_of(waits.join),
                           .timeout = milliseconds_of(waits.timeout),
                           .on_hang = end_now});
  share_cpus(group->local_size());
  return group;
}

/// Tells the other ranks of `group` how this one ends, and returns the exit code.
int end_with(const Error& error, ProcessGroup& group) {
  const std::string rank = group.rank() == 0 ? "" : fmt::format("[rank {}] ", group.rank());
  const int exit_code = report(error.kind(), rank + error.what());
  // All ranks stop together; any other error may be this one's alone.
  if (error.kind() != ErrorKind::Interrupted) {
    group.fail(error);
    return exit_code;
  }
  try {
    group.leave();
    return exit_code;
  } catch (const Error& other) {
    // If only this rank was stopped, the calls of the others do not fit, and they stop with it.
    const bool is_stop =
        other.kind() == ErrorKind::Interrupted || other.kind() == ErrorKind::Internal;
    group.fail(is_stop ? error : other);
    return is_stop ? exit_code : report(other.kind(), rank + other.what());
  }
}

/// What the command does without LibTorch; empty if it needs LibTorch.
PlainCommand without_torch(const Command& command) {
  if (const auto* plain = std::get_if<PlainCommand>(&command.run)) return *plain;
  return command.without_torch ? command.without_torch() : nullptr;
}

/// `error` with the right remedy. A StopToken does not know for which command it stops.
Error with_remedy(const Error& error, const CLI::App& subcommand) {
  const bool is_resumable = subcommand.get_option_no_throw("--resume") != nullptr;
  if (is_resumable || error.what() != std::string(StopToken::stopped().what())) return error;
  return {error.kind(), fmt::format("{} was stopped on request and has no --resume: start it again",
                                    subcommand.get_name())};
}

int run_command(const Command& command, const CLI::App& subcommand, const CommonOptions& options,
                char** argv) {
  const std::string& name = subcommand.get_name();
  std::shared_ptr<ProcessGroup> group = std::make_shared<SingleGroup>();
  const TorchCommands* torch = nullptr;
  try {
    const ProcessLaunch launch = read_launch(environment());
    check_launch(name, launch);
    // Before the config is read, because a config from a pipe can be read only once.
    if (command.without_torch) restart_with_settings(argv);
    const PlainCommand plain = without_torch(command);
    const auto* needs_torch = plain ? nullptr : std::get_if<TorchCommand>(&command.run);
    if (plain && launch.size > 1) {
      throw Error(ErrorKind::Usage,
                  fmt::format("{} on known accuracies works with one process, but {} were started "
                              "({}): start it once",
                              name, launch.size, launch.launcher));
    }
    if (needs_torch != nullptr) torch = &load_torch(launch, argv);
    // After LibTorch, too: it needs libfabric on Debian 13, which catches SIGHUP when it is loaded.
    handle_signals();
    if (launch.size > 1) group = join_run(command, name, launch, *torch);
    Log log(options.verbosity(), group->rank() == 0);
    if (!launch.warning.empty()) log.warn(launch.warning);
    if (group->size() > 1) log.info("this run has " + group->description());
    CommandContext context{options, log, stop_of_signals(), group};
    if (needs_torch != nullptr) {
      (*needs_torch)(*torch, context);
    } else {
      plain(context);
    }
    group->leave();
    return 0;
  } catch (...) {
    const Error error = with_remedy(current_error(options, torch), subcommand);
    const int exit_code = end_with(error, *group);
    // Threads of the libraries may hang after a failure.
    if (group->size() > 1) ::_exit(finish(exit_code));
    return exit_code;
  }
}

}  // namespace

// NOLINTNEXTLINE(bugprone-exception-escape): only a lack of memory can throw in the catch clauses
int main(int argc, char** argv) {
  keep_large_blocks();

  CLI::App app(
      "Finds, for your images and your device, the convolutional network with the best\n"
      "accuracy inside a latency budget (HSCoNAS, DATE 2021).");
  app.name("hsconas");
  app.set_version_flag("--version", version_line());
  app.require_subcommand(1);
  app.fallthrough();
  CommonOptions options;
  app.add_flag("--json", options.json, "Print one JSON object instead of text");
  app.add_flag("-q,--quiet", options.quiet, "Print only warnings and results");
  app.add_flag("-v,--verbose", options.verbose, "Print more details");
  app.footer(
      "Examples:\n"
      "  hsconas search --config configs/quickstart.json\n"
      "  hsconas search --config configs/cifar10.json data.path=cifar-10 latency.target_ms=2.5\n"
      "  hsconas config keys\n"
      "Exit codes: 0 done, 1 bug, 2 usage or config, 3 data or file, 4 infeasible budget,\n"
      "            5 device or memory, 6 another process of the run was lost,\n"
      "            75 stopped on request (--resume continues)");

  Command chosen;
  add_run_commands(app, chosen);
  add_model_commands(app, chosen);
  add_predict_command(app, chosen);
  add_accel_command(app, chosen);
  add_latency_commands(app, chosen);
  add_report_command(app, chosen);
  add_methods_command(app, chosen);
  add_embed_command(app, chosen);
  add_config_commands(app, chosen);
  add_doctor_command(app, chosen);
  add_help_commands(app, chosen);
  if (argc == 1) {
    fmt::print(stderr, "{}", app.help());
    return static_cast<int>(ErrorKind::Usage);
  }
  try {
    check_arguments(argc, argv);
    app.parse(words_of(argc, argv));
  } catch (const CLI::ParseError& error) {
    // --help and --version are not errors.
    if (error.get_exit_code() == 0) return finish(app.exit(error));
    return report(ErrorKind::Usage, usage_error(app, error));
  } catch (const Error& error) {
    return report(error.kind(), error.what());
  }
  return finish(run_command(chosen, *app.get_subcommands().front(), options, argv));
}
