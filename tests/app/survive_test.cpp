// Runs under kills, signals, a second process, a full disk and lack of memory.
#include <cmath>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <sys/mount.h>
#include <sys/resource.h>
#include <thread>
#include <vector>

#include "app/program.hpp"
#include "catch.hpp"
#include "hsconas/base/rng.hpp"
#include "hsconas/stages/work_dir.hpp"
#include "support/skip.hpp"

using namespace hsconas;
using namespace hsconas::test;
using nlohmann::json;

namespace {

namespace fs = std::filesystem;

/// Settings of a run that takes a few seconds, with a fixed latency table.
std::vector<std::string> settings(const std::vector<std::string>& more = {}) {
  std::vector<std::string> words{finished_run().table_override(), "--resume", "supernet.epochs=10"};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

/// The uninterrupted run with these settings.
struct Whole {
  Bench bench;
  Outcome outcome = bench.run(Bench::search("whole", settings()));
};

const Whole& whole() {
  static const Whole run;
  return run;
}

void check_same_as_whole(const fs::path& run) {
  CHECK(result_of(run) == result_of(whole().bench / "whole"));
  for (const char* file : {"candidates.csv", "shrink.json"}) {
    CHECK(read_file(run / file) == read_file(whole().bench / "whole" / file));
  }
}

/// The number after `mark` in `text`; -1 if there is no `mark`.
int number_after(const std::string& text, const std::string& mark) {
  const auto at = text.find(mark);
  return at == std::string::npos ? -1 : std::stoi(text.substr(at + mark.size()));
}

/// A small file system in memory, mounted at `path` during the object's lifetime. is_there() is
/// false when this process may not mount one.
class SmallDisk {
 public:
  SmallDisk(const fs::path& path, const char* size) : path_(path) {
    fs::create_directory(path);
    is_there_ = ::mount("hsconas-test", path.c_str(), "tmpfs", 0, size) == 0;
  }
  ~SmallDisk() {
    if (is_there_) ::umount2(path_.c_str(), MNT_DETACH);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

  bool is_there() const { return is_there_; }
  fs::path operator/(const std::string& name) const { return path_ / name; }

  void fill() const {
    std::ofstream ballast(path_ / "ballast", std::ios::binary);
    const std::string block(1024, 'x');
    while (ballast) ballast << block << std::flush;
  }
  void free() const { fs::remove(path_ / "ballast"); }

 private:
  fs::path path_;
  bool is_there_ = false;
};

}  // namespace

TEST_CASE("a run killed at any instant continues to the same result", "[app]") {
  const Bench bench;
  REQUIRE(whole().outcome.exit_code == 0);
  constexpr int kKills = 4;
  Rng rng(1, "kills");
  int killed = 0;
  for (int i = 0; i < kKills; ++i) {
    const std::string name = "run" + std::to_string(i);
    const auto words = Bench::search(name, settings({"checkpoint_steps=5"}));
    const double at = whole().outcome.seconds * (i + rng.uniform(0.0, 1.0)) / kKills;
    {
      Process process = bench.start(words);
      std::this_thread::sleep_for(std::chrono::duration<double>(at));
      process.send(SIGKILL);
      killed += process.wait().exit_code == 128 + SIGKILL ? 1 : 0;
    }
    const Outcome continued = bench.run(words);
    CAPTURE(at, continued.err);
    REQUIRE(continued.exit_code == 0);
    check_same_as_whole(bench / name);
    for (const auto& entry : fs::recursive_directory_iterator(bench / name)) {
      CHECK(entry.path().extension() != ".tmp");
      CHECK(entry.path().extension() != ".next");
    }
  }
  CHECK(killed > kKills / 2);  // Otherwise most runs ended before the kill.
}

TEST_CASE("signals: a run stopped by a signal continues after its last finished step", "[app]") {
  const Bench bench;
  const auto words = Bench::search("run", settings({"checkpoint_minutes=1000"}));
  // These include the signals of a closed terminal and of schedulers before they kill.
  for (const int signal : {SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGXCPU, SIGPIPE}) {
    fs::remove_all(bench / "run");
    Process process = bench.start(words);
    process.wait_for("supernet: 60 steps");
    std::this_thread::sleep_for(std::chrono::milliseconds(30));  // All steps take half a second.
    process.send(signal);
    const Outcome stopped = process.wait();
    INFO(stopped.err);
    REQUIRE(stopped.exit_code == 75);
    const int step = number_after(stopped.err, "stopped on request after step ");
    REQUIRE(step > 0);
    CHECK(json::parse(lines_of(read_file(bench / "run/metrics.jsonl")).back())["step"] == step);
    const Outcome continued = bench.run(words);
    REQUIRE(continued.exit_code == 0);
    CHECK(number_after(continued.err, "supernet: continues at step ") == step);
    check_same_as_whole(bench / "run");
  }
}

TEST_CASE("signals: a run started with nohup continues when the terminal is closed", "[app]") {
  const Bench bench;
  ::signal(SIGHUP, SIG_IGN);     // Like nohup; the new process inherits this.
  ::unsetenv("GLIBC_TUNABLES");  // So that the program executes itself again, as for a user.
  Process process = bench.start(Bench::search("run", settings()));
  ::setenv("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1", 1);
  ::signal(SIGHUP, SIG_DFL);
  process.wait_for("supernet: 60 steps");
  process.send(SIGHUP);
  CHECK(process.wait().exit_code == 0);
}

TEST_CASE("metrics.jsonl has every step once, however often a run was killed", "[app]") {
  const Bench bench;
  const auto words = Bench::search("run", settings({"checkpoint_steps=7", "supernet.epochs=20"}));
  for (const int checkpoint : {7, 42}) {
    Process process = bench.start(words);
    const std::string mark = R"("step":)" + std::to_string(checkpoint) + ",";
    process.wait_until([&] {
      return fs::exists(bench / "run/metrics.jsonl") &&
             contains(read_file(bench / "run/metrics.jsonl"), mark);
    });
    process.send(SIGKILL);
    process.wait();
  }
  write_file(bench / "run/metrics.jsonl", read_file(bench / "run/metrics.jsonl") + "{\"sta");
  REQUIRE(bench.run(words).exit_code == 0);
  int last = 0;
  for (const std::string& line : lines_of(read_file(bench / "run/metrics.jsonl"))) {
    const json object = json::parse(line);
    if (object["stage"] != "supernet") continue;
    CHECK(object["step"] > last);
    last = object["step"];
  }
  CHECK(last == 120);
}

TEST_CASE("a second process on a work directory is a one-line error that names the first",
          "[app]") {
  const Bench bench;
  Process first = bench.start(Bench::search("run", settings()));
  first.wait_for("supernet: 60 steps");
  first.send(SIGSTOP);  // Keeps it alive until the second one starts.
  for (const char* how : {"--resume", "--overwrite"}) {
    const Outcome second = bench.run(Bench::search("run", {how}));
    INFO(second.err);
    CHECK(second.exit_code == 2);
    CHECK(lines_of(second.err).size() == 1);
    CHECK(contains(second.err, "run is in use by pid " + std::to_string(first.pid()) + " on "));
  }
  first.send(SIGCONT);
  CHECK(first.wait().exit_code == 0);
  check_same_as_whole(bench / "run");
  CHECK_FALSE(fs::exists(bench / "run/lock"));
}

TEST_CASE("--resume with another config lists what changed, unless it changes no result", "[app]") {
  const Bench bench;
  fs::copy(finished_run().bench / "run", bench / "run", fs::copy_options::recursive);
  const Outcome changed = bench.run(
      Bench::search("run", {"--resume", "search.population=6", "supernet.lr=0.1", "seed=4"}));
  CHECK(changed.exit_code == 2);
  for (const char* part :
       {"search.population changed from 4 to 6", "supernet.lr changed from 0.05 to 0.1",
        "seed changed from 1 to 4", "--allow-changes", "--work-dir"}) {
    CHECK(contains(lines_of(changed.err).back(), part));
  }
  const Outcome harmless = bench.run(
      Bench::search("run", {"--resume", "name=other", "checkpoint_minutes=1", "checkpoint_steps=3",
                            "data.workers=2", "data.memory_mb=99", "score.memory_mb=99"}));
  INFO(harmless.err);
  CHECK(harmless.exit_code == 0);
  CHECK(contains(harmless.err, "search: finished before"));
  CHECK(read_file(bench / "run/result.json") == read_file(finished_run().file("result.json")));
}

TEST_CASE("a damaged checkpoint is replaced by the previous one, with a warning", "[app]") {
  const Bench bench;
  const auto words = Bench::search("run", settings({"checkpoint_steps=5"}));
  Process process = bench.start(words);
  process.wait_until(
      [&] { return fs::exists(bench / "run/checkpoints/supernet.previous.safetensors"); });
  process.send(SIGTERM);
  REQUIRE(process.wait().exit_code == 75);
  const fs::path newest = bench / "run/checkpoints/supernet.safetensors";
  fs::resize_file(newest, fs::file_size(newest) / 2);
  const Outcome continued = bench.run(words);
  INFO(continued.err);
  REQUIRE(continued.exit_code == 0);
  CHECK(contains(continued.err, "warning: "));
  CHECK(contains(continued.err, "going on from the checkpoint before it"));
  CHECK(contains(read_file(bench / "run/log.txt"), "going on from the checkpoint before it"));
  check_same_as_whole(bench / "run");
}

TEST_CASE("a loss that is not finite stops the run, names the step and keeps the checkpoint",
          "[app]") {
  const Bench bench;
  const Outcome outcome = bench.run(Bench::search(
      "run",
      settings({"--quiet", "supernet.lr=1000", "supernet.weight_decay=1", "checkpoint_steps=1"})));
  INFO(outcome.err);
  CHECK(outcome.exit_code == 2);
  CHECK(lines_of(outcome.err).size() == 1);
  CHECK(contains(outcome.err, "not finite"));
  CHECK(contains(outcome.err, " step "));
  CHECK(contains(outcome.err, "lower the learning rate or set supernet.clip_norm"));
  CHECK(fs::exists(bench / "run/checkpoints/supernet.safetensors"));
}

TEST_CASE("a full disk stops a run, and it finishes once there is space again", "[app]") {
  const Bench bench;
  const SmallDisk disk(bench / "disk", "size=4m");
  if (!disk.is_there()) return skip_test("only root may mount a small tmpfs");
  const std::vector<std::string> arguments =
      Bench::search("disk/run", settings({"checkpoint_steps=3", "-v", "latency.sample_ms=100"}));
  const auto check_stopped = [](const Outcome& outcome, const std::string& file) {
    INFO(outcome.err);
    CHECK(outcome.exit_code == 3);
    const std::string last = lines_of(outcome.err).back();
    CHECK(last.starts_with("hsconas: "));
    CHECK(contains(last, file));
    CHECK(contains(last, "No space left on device"));
  };
  {
    Process process = bench.start(arguments);
    process.wait_until(
        [&] { return fs::exists(disk / "run/checkpoints/supernet.previous.safetensors"); });
    disk.fill();
    check_stopped(process.wait(), "checkpoints/supernet.safetensors");
  }
  disk.free();
  {
    // The winner is being timed, so only the results are still to be written.
    Process process = bench.start(arguments);
    process.wait_for("winner: ");
    disk.fill();
    const Outcome outcome = process.wait();
    CHECK(contains(outcome.err, "supernet: continues at step "));
    check_stopped(outcome, "model.safetensors");
    CHECK_FALSE(fs::exists(disk / "run/result.json"));
  }
  disk.free();
  const Outcome last = bench.run(arguments);
  INFO(last.err);
  REQUIRE(last.exit_code == 0);
  check_same_as_whole(disk / "run");
}

TEST_CASE("running out of memory is an error that names the setting to lower", "[app]") {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  return skip_test("a sanitizer's own addresses do not fit the limit");
#endif
  const Bench bench;
  // LibTorch alone needs about one gigabyte of address space; the training step would need six.
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_AS, &before) == 0);
  rlimit limit = before;
  limit.rlim_cur = rlim_t{3} << 30U;
  REQUIRE(::setrlimit(RLIMIT_AS, &limit) == 0);
  const Outcome outcome = bench.run(Bench::search(
      "run",
      {"--quiet", "latency.accelerator=" HSCONAS_SOURCE_DIR "/configs/accelerators/kc-p.json",
       "space.stem.stride=1", "supernet.batch=9000", "data.train_images=0",
       "data.holdout_images=100", "score.validation_images=0"}));
  REQUIRE(::setrlimit(RLIMIT_AS, &before) == 0);
  INFO(outcome.err);
  CHECK(outcome.exit_code == 5);
  CHECK(lines_of(outcome.err).size() == 1);
  CHECK(contains(outcome.err, "out of memory; lower supernet.batch"));
}
