#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <exception>
#include <malloc.h>
#include <memory>
#include <new>
#include <signal.h>
#include <string>
#include <unistd.h>
#include <vector>

#include <CLI/CLI.hpp>
#include <c10/util/Exception.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "hsconas/app/commands.hpp"
#include "hsconas/base/error.hpp"
#include "hsconas/base/text.hpp"
#include "hsconas/pipeline/version.hpp"

namespace {

using namespace hsconas;

StopToken stop_token;  // A signal handler can reach nothing that is not global.

constexpr int kExitSecondInterrupt = 130;

/// Monotonic milliseconds; safe to ask in a signal handler.
long long now_ms() {
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000LL + time.tv_nsec / 1'000'000;
}

std::atomic<long long> first_interrupt_ms{0};

/// Asks for a stop after the current step; a second Ctrl-C exits at once. Both a terminal and
/// timeout(1) may deliver one request twice, to the process and to its group: that is one.
extern "C" void on_signal(int signal) {
  constexpr long long kSameRequestMs = 300;
  if (!stop_token.requested()) {
    first_interrupt_ms = now_ms();
    stop_token.request();
  } else if (signal == SIGINT && now_ms() - first_interrupt_ms > kSameRequestMs) {
    ::_exit(kExitSecondInterrupt);
  }
}

void handle(int signal) {
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  ::sigaction(signal, &action, nullptr);
}

/// Whatever schedulers, and a terminal that is closed, send before they kill.
void handle_signals() {
  for (const int signal : {SIGINT, SIGTERM, SIGUSR1, SIGUSR2, SIGXCPU}) handle(signal);
  struct sigaction before {};
  const bool is_ignored =  // By nohup.
      ::sigaction(SIGHUP, nullptr, &before) == 0 && before.sa_handler == SIG_IGN;
  if (!is_ignored) handle(SIGHUP);
}

/// Training frees and takes again the same large blocks every step. Giving them back to the system
/// in between costs 10 to 40 % of a CPU step.
void keep_large_blocks() {
  ::mallopt(M_MMAP_THRESHOLD, 1 << 30);
  ::mallopt(M_TRIM_THRESHOLD, 1 << 30);
}

/// Sets `name` unless the user did; whether it is new.
bool set_default(const char* name, const char* value) {
  return std::getenv(name) == nullptr && ::setenv(name, value, 1) == 0;
}

/// Settings that libraries read when they are loaded, so that the program is started once more.
///
/// OpenMP threads spin while they wait for each other. On a machine that other work shares, the one
/// they wait for is not running, and a step takes ten times as long. A spin of some 0.1 ms still
/// bridges the gaps of a step: waking a thread that sleeps takes as long.
///
/// Memory in pages of 2 MiB, where the system gives them to who asks: a CPU step walks through
/// hundreds of MiB and looks up a small page at every stride.
void start_with_settings(char** argv) {
  bool is_new = false;
  if (std::getenv("OMP_WAIT_POLICY") == nullptr) is_new |= set_default("GOMP_SPINCOUNT", "20000");
  is_new |= set_default("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1");
  if (!is_new) return;
  std::error_code error;  // Without /proc the program runs as it is.
  const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
  if (!error) ::execv(self.c_str(), argv);
}

/// Every error is one line, so that scripts can show the last one; libraries' may have more.
int report(ErrorKind kind, std::string sentence) {
  for (char& c : sentence) c = c == '\n' ? ' ' : c;
  // fputs() throws nothing at a closed pipe.
  std::fputs(("hsconas: " + printable(sentence) + "\n").c_str(), stderr);
  return static_cast<int>(kind);
}

/// Whether all that was printed so far has arrived: a full disk, a closed pipe.
bool is_output_written() {
  return std::fflush(stdout) == 0 && std::ferror(stdout) == 0;
}

int report_lost_output() {
  return report(ErrorKind::Data,
                "standard output could not be written; is the disk full, or was it closed?");
}

/// What every command ends with: success only when its output has arrived.
int finish(int exit_code) {
  if (exit_code != 0 || is_output_written()) return exit_code;
  return report_lost_output();
}

/// File names and texts from the command line end up in JSON files, which hold UTF-8 alone.
void check_arguments(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    if (is_utf8(argv[i])) continue;
    throw Error(ErrorKind::Usage,
                fmt::format("argument {} is not UTF-8: '{}'; rename the file or folder", i,
                            printable(argv[i])));
  }
}

constexpr const char* kOutOfMemory =
    "out of memory; lower supernet.batch, score.batch, score.memory_mb or data.memory_mb "
    "(--dry-run estimates what a run takes)";

/// LibTorch's allocators and cuBLAS and cuDNN say it in words; a thread that cannot be started for
/// want of memory throws the system's error.
bool is_out_of_memory(const std::string& what) {
  for (const char* words :
       {"out of memory", "allocate memory", "ALLOC_FAILED", "Resource temporarily unavailable"}) {
    if (what.find(words) != std::string::npos) return true;
  }
  return false;
}

/// `word` as an option of the command `at` or of the program, the nearest one.
std::string option_suggestion(const CLI::App& app, const CLI::App& at, const std::string& word) {
  const std::string name = word.substr(0, word.find('='));
  std::string nearest;
  std::size_t distance = 3;  // From here on it was something else.
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

/// Short for what is meant: `help search` is `search --help`, and `--search.population=30`, a dot
/// in its name, can only be a setting. CLI11 wants the words in reverse.
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

/// Help and version are no errors; of the others, CLI11 does not name a misspelt command.
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
                  "JSON; rename the file or folder");
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
  start_with_settings(argv);
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
  add_model_commands(app, chosen);
  add_predict_command(app, chosen);
  add_accel_command(app, chosen);
  add_latency_commands(app, chosen);
  add_report_command(app, chosen);
  add_config_commands(app, chosen);
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
