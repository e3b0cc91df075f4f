#pragma once

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <sys/types.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "hsconas/base/files.hpp"
#include "hsconas/base/text.hpp"
#include "support/errors.hpp"
#include "support/temporary_folder.hpp"

namespace hsconas::test {

/// The result of a finished process. A process ended by signal N has exit code 128 + N.
struct Outcome {
  int exit_code = -1;
  std::string out;
  std::string err;
  double seconds = 0.0;
};

/// Runs the built program as a process with `folder` as its working directory. `variables`, each
/// NAME=VALUE, are set in its environment.
class Process {
 public:
  Process(const std::filesystem::path& folder, const std::vector<std::string>& arguments,
          std::vector<std::string> variables = {})
      : begin_(Clock::now()) {
    static int count = 0;
    out_ = folder / (".stdout-" + std::to_string(++count));
    err_ = folder / (".stderr-" + std::to_string(count));
    std::vector<std::string> words{HSCONAS_PROGRAM};
    words.insert(words.end(), arguments.begin(), arguments.end());
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    std::vector<char*> environment;  // The first of equal names counts.
    for (std::string& variable : variables) environment.push_back(variable.data());
    for (char** it = environ; *it != nullptr; ++it) environment.push_back(*it);
    environment.push_back(nullptr);
    pid_ = ::fork();
    if (pid_ < 0) throw std::runtime_error("cannot fork");
    if (pid_ > 0) return;
    // The child may only use calls that are safe between fork and exec.
    constexpr int kFlags = O_WRONLY | O_CREAT | O_TRUNC;
    const bool ready = ::dup2(::open(out_.c_str(), kFlags, 0600), STDOUT_FILENO) >= 0 &&
                       ::dup2(::open(err_.c_str(), kFlags, 0600), STDERR_FILENO) >= 0 &&
                       ::chdir(folder.c_str()) == 0;
    if (ready) ::execve(HSCONAS_PROGRAM, argv.data(), environment.data());
    ::_exit(127);
  }
  ~Process() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  /// Waits until `text` is on stderr.
  void wait_for(const std::string& text) {
    while (!contains(contents(err_), text)) {
      if (has_ended()) throw std::runtime_error("ended before it said: " + text + contents(err_));
      pause();
    }
  }

  pid_t pid() const { return pid_; }
  /// Waits until `is_true()`; throws when the program ends first.
  template <typename Condition>
  void wait_until(Condition is_true) {
    while (!is_true()) {
      if (has_ended()) throw std::runtime_error("ended too early: " + contents(err_));
      pause();
    }
  }

  /// Whether the program has `file` open now.
  bool has_open(const std::filesystem::path& file) const {
    std::error_code ignored;  // The program opens and closes files meanwhile.
    const std::filesystem::path folder = "/proc/" + std::to_string(pid_) + "/fd";
    for (std::filesystem::directory_iterator it(folder, ignored), end; it != end;
         it.increment(ignored)) {
      if (std::filesystem::read_symlink(it->path(), ignored) == file) return true;
    }
    return false;
  }

  void send(int signal) { ::kill(pid_, signal); }

  Outcome wait() {
    while (!has_ended()) pause();
    const double seconds = std::chrono::duration<double>(Clock::now() - begin_).count();
    return {exit_code_, contents(out_), contents(err_), seconds};
  }

 private:
  using Clock = std::chrono::steady_clock;

  bool has_ended() {
    if (pid_ < 0) return true;
    int status = 0;
    if (::waitpid(pid_, &status, WNOHANG) != pid_) return false;
    exit_code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    pid_ = -1;
    return true;
  }

  void pause() const {
    constexpr std::chrono::minutes kPatience{5};
    if (Clock::now() - begin_ > kPatience) throw std::runtime_error("the program hangs");
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }

  static std::string contents(const std::filesystem::path& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  std::filesystem::path out_;
  std::filesystem::path err_;
  Clock::time_point begin_;
  pid_t pid_ = -1;
  int exit_code_ = -1;
};

/// A config whose whole search takes a second or two.
inline nlohmann::json micro_config() {
  return nlohmann::json::parse(R"({
    "space": {"name": "micro", "image_size": 32, "classes": 10,
              "stem": {"channels": 8, "kernel": 3, "stride": 2},
              "stages": [{"layers": 2, "channels": 16}, {"layers": 1, "channels": 32}],
              "head": {"channels": 32},
              "operators": ["shuffle_k3", "xception", "skip"], "widths": [0.5, 1.0]},
    "device": {"threads": 1},
    "data": {"holdout_images": 200, "train_images": 400, "test_images": 200, "workers": 1},
    "latency": {"rounds": 3, "sample_ms": 0, "budget_minutes": 0, "bias_networks": 4, "test_networks": 3},
    "supernet": {"batch": 64, "epochs": 2, "lr": 0.05},
    "score": {"calibration_images": 64, "validation_images": 100, "batch": 64},
    "shrink": {"samples": 2, "stages": [{"layers": 1, "tune_epochs": 0.5, "lr": 0.01}]},
    "search": {"population": 4, "generations": 2, "parents": 2, "baseline_samples": 4}
  })");
}

/// A file below configs/.
inline std::string shipped(const std::string& config) {
  return (std::filesystem::path(HSCONAS_SOURCE_DIR) / "configs" / config).string();
}

/// A temporary folder with micro.json, in which the program can be run.
class Bench {
 public:
  Bench() { write_json(folder_ / "micro.json", micro_config()); }

  std::filesystem::path operator/(const std::string& name) const { return folder_ / name; }

  Process start(const std::vector<std::string>& arguments,
                std::vector<std::string> variables = {}) const {
    return {folder_ / "", arguments, std::move(variables)};
  }
  Outcome run(const std::vector<std::string>& arguments) const { return start(arguments).wait(); }
  /// Runs the program in another folder.
  static Outcome run_in(const std::filesystem::path& folder,
                        const std::vector<std::string>& arguments) {
    return Process(folder, arguments).wait();
  }
  /// Runs the commands in order, two at a time.
  std::vector<Outcome> run_all(const std::vector<std::vector<std::string>>& commands) const {
    std::vector<Outcome> outcomes;
    for (std::size_t i = 0; i + 1 < commands.size(); i += 2) {
      Process first = start(commands[i]);
      Process second = start(commands[i + 1]);
      outcomes.push_back(first.wait());
      outcomes.push_back(second.wait());
    }
    if (commands.size() % 2 == 1) outcomes.push_back(run(commands.back()));
    return outcomes;
  }

  /// The command line `search --config micro.json --work-dir <name>`, followed by `more`.
  static std::vector<std::string> search(const std::string& name,
                                         const std::vector<std::string>& more = {}) {
    std::vector<std::string> words{"search", "--config", "micro.json", "--work-dir", name};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }

 private:
  TemporaryFolder folder_;
};

/// One finished run, shared by all tests that only read it or use its latency table.
struct FinishedRun {
  Bench bench;
  Outcome outcome = bench.run(Bench::search("run"));

  std::filesystem::path file(const std::string& name) const { return bench / "run" / name; }
  std::string table_override() const { return "latency.table=" + file("latency.json").string(); }
};

inline const FinishedRun& finished_run() {
  static const FinishedRun run;
  return run;
}

/// A result without measured latencies, which differ between runs.
inline nlohmann::json without_measurements(nlohmann::json value) {
  if (value.is_object()) value.erase("measured_ms");
  if (value.is_structured()) {
    for (auto& part : value) part = without_measurements(std::move(part));
  }
  return value;
}

inline nlohmann::json result_of(const std::filesystem::path& run) {
  return without_measurements(read_json(run / "result.json"));
}

inline std::vector<std::string> lines_of(const std::string& text) {
  auto lines = split(text, '\n');
  if (!lines.empty() && lines.back().empty()) lines.pop_back();
  return lines;
}

}  // namespace hsconas::test
