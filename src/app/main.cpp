#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <exception>
#include <fcntl.h>
#include <iterator>
#include <malloc.h>
#include <memory>
#include <new>
#include <signal.h>
#include <string>
#include <sys/syscall.h>
#include <unistd.h>
#include <vector>

#include <CLI/CLI.hpp>
#include <c10/util/Exception.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "hsconas/app/commands.hpp"
#include "hsconas/base/error.hpp"
#include "hsconas/base/files.hpp"
#include "hsconas/base/text.hpp"
#include "hsconas/pipeline/version.hpp"

namespace {

using namespace hsconas;

StopToken stop_token;  // A signal handler can only reach global objects.

constexpr int kExitSecondInterrupt = 130;

/// Milliseconds of a monotonic clock. Safe to call in a signal handler.
long long now_ms() {
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000LL + time.tv_nsec / 1'000'000;
}

std::atomic<long long> first_interrupt_ms{0};

/// Requests a stop after the current step; a second Ctrl-C exits at once. A terminal and timeout(1)
/// may signal both the process and its group, so signals within a short time count as one.
extern "C" void on_signal(int signal) {
  constexpr long long kSameRequestMs = 300;
  if (!stop_token.requested()) {
    first_interrupt_ms = now_ms();
    stop_token.request();
    ::alarm(1);
  } else if (signal == SIGINT && now_ms() - first_interrupt_ms > kSameRequestMs) {
    ::_exit(kExitSecondInterrupt);
  }
}

/// Waiting for a pipe ends when a signal comes. Once a stop was requested there is one every
/// second, so that a wait which began just after the request ends as well.
extern "C" void on_alarm(int /*signal*/) {
  ::alarm(1);
}

void handle(int signal, void (*handler)(int) = on_signal) {
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  ::sigaction(signal, &action, nullptr);
}

// The functions marked HSCONAS_EARLY run before the shared libraries are initialised, for two
// reasons. The program executes itself again there, and LibTorch's initialisation, which takes 0.3
// s, would otherwise run twice. And libfabric, a library that LibTorch needs on Debian 13, catches
// SIGHUP during its initialisation, so the signal's disposition must be read before. The C library
// and the sanitizers may not be ready at that time, so these functions only make system calls.
#define HSCONAS_EARLY [[gnu::no_sanitize("address", "undefined", "thread")]]

bool ignores_hangup = false;  ///< SIGHUP was ignored when the program was started: nohup does that.

/// Whether `entry`, NAME=VALUE, begins with `start`.
HSCONAS_EARLY bool begins(const char* entry, const char* start) {
  while (*start != '\0' && *entry == *start) {
    ++entry;
    ++start;
  }
  return *start == '\0';
}

HSCONAS_EARLY bool is_set(char** environment, const char* name) {
  for (; *environment != nullptr; ++environment) {
    if (begins(*environment, name)) return true;
  }
  return false;
}

/// Executes the program again with environment variables that libraries read when they are loaded;
/// does nothing if the user has set them, or without /proc.
///
/// GOMP_SPINCOUNT: OpenMP threads spin while they wait for each other. If the machine is shared,
/// the thread that they wait for may not be running, and a step takes ten times as long. Spinning
/// for about 0.1 ms is still worth it, because waking a sleeping thread takes as long.
///
/// GLIBC_TUNABLES: memory in pages of 2 MiB, on systems that provide them on request. A step on a
/// CPU touches hundreds of MiB, and translating addresses of 4 KiB pages slows it down.
HSCONAS_EARLY void start_with_settings(char** argv, char** environment) {
  static char spin_count[] = "GOMP_SPINCOUNT=20000";
  static char large_pages[] = "GLIBC_TUNABLES=glibc.malloc.hugetlb=1";
  static char self[4096];
  static char* all[8192];
  const bool spins =
      !is_set(environment, "OMP_WAIT_POLICY=") && !is_set(environment, "GOMP_SPINCOUNT=");
  const bool tunes = !is_set(environment, "GLIBC_TUNABLES=");
  if (!spins && !tunes) return;
  std::size_t count = 0;
  if (spins) all[count++] = spin_count;
  if (tunes) all[count++] = large_pages;
  for (; *environment != nullptr && count + 1 < std::size(all); ++environment) {
    all[count++] = *environment;
  }
  const long length = ::syscall(SYS_readlinkat, AT_FDCWD, "/proc/self/exe", self, sizeof(self) - 1);
  if (*environment == nullptr && length > 0) ::syscall(SYS_execve, self, argv, all);
}

HSCONAS_EARLY void before_libraries(int, char** argv, char** environment) {
  start_with_settings(argv, environment);
  long action[8] = {};  // The kernel's struct begins with the handler.
  constexpr long kMaskBytes = 8;
  ignores_hangup = ::syscall(SYS_rt_sigaction, SIGHUP, nullptr, action, kMaskBytes) == 0 &&
                   action[0] == 1;  // SIG_IGN
}
[[gnu::section(".preinit_array"),
  gnu::used]] void (*const run_before_libraries)(int, char**, char**) = before_libraries;

/// Handles the signals that batch schedulers, and a terminal that is closed, send before they kill.
void handle_signals() {
  for (const int signal : {SIGINT, SIGTERM, SIGUSR1, SIGUSR2, SIGXCPU}) handle(signal);
  handle(SIGALRM, on_alarm);
  handle(SIGHUP, ignores_hangup ? SIG_IGN : on_signal);
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

int report_lost_output() {
  return report(ErrorKind::Data,
                "standard output could not be written; is the disk full, or was it closed?");
}

/// The exit code of the program: success only if the output could be written.
int finish(int exit_code) {
  if (exit_code != 0 || is_output_written()) return exit_code;
  return report_lost_output();
}

/// Whether an argument, or what follows its equals sign, is the path of a file that exists.
bool names_a_file(const std::string& argument) {
  const std::size_t equals = argument.find('=');
  return is_there(argument) ||
         (equals != std::string::npos && is_there(argument.substr(equals + 1)));
}

/// Throws Error(Usage) for an argument that is not UTF-8: arguments end up in JSON files, which can
/// only hold UTF-8.
void check_arguments(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    if (is_utf8(argv[i])) continue;
    throw Error(ErrorKind::Usage,
                fmt::format("argument {} is not UTF-8: '{}'; {}", i, printable(argv[i]),
                            names_a_file(argv[i]) ? "rename the file or folder"
                                                  : "type it in UTF-8 or in plain ASCII"));
  }
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

/// " (did you mean '--x'?)" with the option of the command `at`, or of the program, that is nearest
/// to `word`; "" if none is near.
std::string option_suggestion(const CLI::App& app, const CLI::App& at, const std::string& word) {
  const std::string name = word.substr(0, word.find('='));
  std::string nearest;
  std::size_t distance = 3;  // With three or more edits, another option was probably meant.
  for (const CLI::App* one : {&at, &app}) {
    for (const CLI::Option* option : one->get_options()) {
      for (const std::string& known : option->get_lnames()) {
        const std::size_t d = edit_distance(name, "--" + known);
        if (d >= distance) continue;
        distance = d;
        nearest = "--" + known;
      }
    }
  }
  return nearest.empty() ? "" : fmt::format(" (did you mean '{}'?)", nearest);
}

/// The arguments in reverse, as CLI11 expects them, with two shortcuts expanded: `help search`
/// means `search --help`, and an option with a dot, such as `--search.population=30`, is an
/// override.
std::vector<std::string> words_of(int argc, char** argv) {
  std::vector<std::string> words(argv + 1, argv + argc);
  if (!words.empty() && words.front() == "help") {
    words.erase(words.begin());
    words.emplace_back("--help");
  }
  for (std::string& word : words) {
    const std::size_t equals = word.find('=');
    if (word.starts_with("--") && word.substr(0, equals).find('.') != std::string::npos) {
      word = equals == std::string::npos ? word : word.substr(2);
    }
  }
  std::reverse(words.begin(), words.end());
  return words;
}

std::vector<std::string> command_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands({})) names.push_back(command->get_name());
  return names;
}

/// Reports an error that CLI11 found; --help and --version are not errors. CLI11's own message does
/// not name a misspelt command or option, so these get a better one.
int report_usage(const CLI::App& app, const CLI::ParseError& error) {
  if (error.get_exit_code() == 0) return app.exit(error);
  const CLI::App* at = &app;
  while (!at->get_subcommands().empty()) at = at->get_subcommands().front();
  const std::vector<std::string> words = app.remaining(true);
  std::string sentence = error.what();
  const auto option = std::find_if(words.begin(), words.end(),
                                   [](const std::string& word) { return word.starts_with('-'); });
  if (at != &app && option != words.end()) {
    const std::string name = option->substr(0, option->find('='));
    const bool is_setting = name.find('.') != std::string::npos;
    sentence = fmt::format("option {} is not known here{}", *option,
                           is_setting ? fmt::format(": write {}=VALUE", name.substr(2))
                                      : option_suggestion(app, *at, *option));
  } else if (dynamic_cast<const CLI::RequiredError*>(&error) != nullptr && !words.empty()) {
    sentence = words[0].starts_with('-') ? fmt::format("option {} is not known here", words[0])
                                         : fmt::format("command '{}' is not known{}", words[0],
                                                       suggestion(words[0], command_names(*at)));
  }
  return report(ErrorKind::Usage, sentence + " (run with --help)");
}

int run_command(const Command& command, const CommonOptions& options) {
  const auto group = std::make_shared<SingleGroup>();
  Log log(options.verbosity(), group->rank() == 0);
  CommandContext context{options, log, stop_token, group};
  try {
    command(context);
    group->leave();
    return 0;
  } catch (const Error& error) {
    // All ranks stop together; any other error may be this one's alone.
    if (error.kind() == ErrorKind::Interrupted) {
      group->leave();
    } else {
      group->fail(error);
    }
    return report(error.kind(), error.what());
  } catch (const c10::Error& error) {
    const std::string what = error.what_without_backtrace();
    if (is_out_of_memory(what)) return report(ErrorKind::Device, kOutOfMemory);
    return report(ErrorKind::Internal,
                  "this is a bug, please report it: " +
                      (options.verbose > 0 ? std::string(error.what()) : what));
  } catch (const std::bad_alloc&) {
    return report(ErrorKind::Device, kOutOfMemory);
  } catch (const nlohmann::json::type_error& error) {
    constexpr int kNotUtf8 = 316;
    if (error.id != kNotUtf8) {
      return report(ErrorKind::Internal,
                    std::string("this is a bug, please report it: ") + error.what());
    }
    return report(ErrorKind::Data,
                  "a file name or text that is not UTF-8 cannot be written as "
                  "JSON; rename the file or folder, or save the input as UTF-8");
  } catch (const std::exception& error) {
    if (!is_output_written()) return report_lost_output();
    if (is_out_of_memory(error.what())) return report(ErrorKind::Device, kOutOfMemory);
    return report(ErrorKind::Internal,
                  std::string("this is a bug, please report it: ") + error.what());
  }
}

}  // namespace

void hsconas::stop_on_closed_pipe() {
  handle(SIGPIPE);
}

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
  app.add_flag("-q,--quiet", options.quiet, "Print only warnings and results");
  app.add_flag("-v,--verbose", options.verbose, "Print more details");
  app.footer(
      "Examples:\n"
      "  hsconas search --config configs/quickstart.json\n"
      "  hsconas search --config configs/cifar10.json data.path=cifar-10 latency.target_ms=2.5\n"
      "  hsconas config keys\n"
      "Exit codes: 0 done, 1 bug, 2 usage or config, 3 data or file, 4 infeasible budget,\n"
      "            5 device or memory, 75 stopped on request (--resume continues)");

  Command chosen;
  add_run_commands(app, chosen);
  add_model_commands(app, chosen);
  add_predict_command(app, chosen);
  add_accel_command(app, chosen);
  add_latency_commands(app, chosen);
  add_report_command(app, chosen);
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
    return finish(report_usage(app, error));
  } catch (const Error& error) {
    return report(error.kind(), error.what());
  }
  return finish(run_command(chosen, options));
}
