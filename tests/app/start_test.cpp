#include <cstdlib>
#include <filesystem>
#include <string>
#include <sys/wait.h>
#include <vector>

#include "app/program.hpp"
#include "catch.hpp"

using namespace hsconas;
using namespace hsconas::test;

namespace {

namespace fs = std::filesystem;

/// Runs the program while the dynamic loader prints to stderr which libraries it loads.
Outcome run_watched(const Bench& bench, const std::vector<std::string>& arguments) {
  const Outcome outcome = bench.start(arguments, {"LD_DEBUG=libs"}).wait();
  REQUIRE(contains(outcome.err, "libstdc++"));  // Otherwise a missing name would mean nothing.
  return outcome;
}

/// A copy of the program without its module.
class LoneProgram {
 public:
  LoneProgram() {
    fs::create_directories(folder_ / "bin");
    fs::create_directories(module().parent_path());
    fs::copy_file(HSCONAS_PROGRAM, folder_ / "bin/hsconas");
  }

  fs::path module() const { return folder_ / "lib/hsconas/module/hsconas_torch.so"; }

  /// Runs a command line; `out` and `err` hold the same.
  Outcome run(const std::string& arguments) const {
    const fs::path out = folder_ / "out";
    const int status = std::system(
        ((folder_ / "bin/hsconas").string() + " " + arguments + " > " + out.string() + " 2>&1")
            .c_str());
    return {.exit_code = WEXITSTATUS(status), .out = read_file(out), .err = read_file(out)};
  }

 private:
  TemporaryFolder folder_;
};

}  // namespace

TEST_CASE("commands that need no LibTorch do not load it", "[app]") {
  const Bench bench;
  const std::string space = shipped("spaces/quickstart-32.json");
  const std::vector<std::vector<std::string>> commands{
      {"--help"},
      {"--version"},
      {"search", "--help"},
      {"report", "--help"},
      {"completion", "bash"},
      {"manual", "man"},
      {"config", "keys"},
      {"config", "check", "--config", "micro.json"},
      {"latency", "keys", "--space", space},
      {"predict", "--config", "micro.json", "--arch", "0:1-0:1-0:1",
       "latency.accelerator=" + shipped("accelerators/kc-p.json")},
      {"accel", "--design", shipped("accelerators/kc-p.json"), "--network",
       shipped("networks/resnet18.json")}};
  for (const auto& command : commands) {
    const Outcome outcome = run_watched(bench, command);
    INFO(outcome.err.substr(outcome.err.rfind("hsconas: ") + 1));
    CHECK(outcome.exit_code == 0);
    CHECK_FALSE(contains(outcome.err, "libtorch"));
    CHECK_FALSE(contains(outcome.err, "libc10"));
  }
}

TEST_CASE("a command that needs LibTorch loads it", "[app]") {
  const Bench bench;
  const Outcome outcome = run_watched(bench, {"doctor"});
  CHECK(outcome.exit_code == 0);
  CHECK(contains(outcome.err, "libtorch"));
}

TEST_CASE("without the module, the error names its file and what to do", "[app]") {
  const LoneProgram program;
  const Outcome missing = program.run("doctor");
  CHECK(missing.exit_code == 5);
  CHECK(missing.out == "hsconas: this command needs LibTorch, which is not available: " +
                           fs::canonical(program.module().parent_path()).string() +
                           "/hsconas_torch.so is missing; reinstall hsconas, or build it with "
                           "LibTorch\n");
  write_file(program.module(), "not a library");
  const Outcome broken = program.run("doctor");
  CHECK(broken.exit_code == 5);
  CHECK(contains(broken.out, "loading " + program.module().string() + " failed: "));
  CHECK(contains(broken.out, "; install LibTorch, or reinstall hsconas\n"));
  CHECK(program.run("config check --config quickstart").exit_code == 0);
}

TEST_CASE("an installed program finds its module in ../lib/hsconas/module", "[app]") {
  const LoneProgram program;
  fs::create_symlink(fs::path(HSCONAS_PROGRAM).parent_path() / "hsconas_torch.so",
                     program.module());
  CHECK(program.run("doctor").exit_code == 0);
}
