// Several processes that do one run together, on this machine.
#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <filesystem>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "app/program.hpp"
#include "catch.hpp"
#include "data/support.hpp"
#include "support/free_port.hpp"

using namespace hsconas;
using namespace hsconas::test;

#ifdef HSCONAS_HAVE_GLOO

namespace {

namespace fs = std::filesystem;

std::vector<std::string> rank_variables(int rank, int size, int port) {
  return {"RANK=" + std::to_string(rank), "WORLD_SIZE=" + std::to_string(size),
          "MASTER_ADDR=127.0.0.1", "MASTER_PORT=" + std::to_string(port)};
}

/// Several processes with the same arguments.
class Ranks {
 public:
  Ranks(const Bench& bench, int size, const std::vector<std::string>& arguments)
      : Ranks(std::vector<fs::path>(static_cast<std::size_t>(size), bench / ""),
              std::vector(static_cast<std::size_t>(size), arguments)) {}
  /// Each with its own working directory and arguments.
  Ranks(const std::vector<fs::path>& folders,
        const std::vector<std::vector<std::string>>& arguments) {
    const int port = free_port();
    const auto size = static_cast<int>(folders.size());
    for (int rank = 0; rank < size; ++rank) {
      const auto i = static_cast<std::size_t>(rank);
      processes_.push_back(
          std::make_unique<Process>(folders[i], arguments[i], rank_variables(rank, size, port)));
    }
  }

  Process& operator[](std::size_t rank) { return *processes_[rank]; }
  std::vector<Outcome> wait() {
    std::vector<Outcome> outcomes;
    for (const auto& process : processes_) outcomes.push_back(process->wait());
    return outcomes;
  }
  /// Waits for all, which must end with `exit_code`.
  void check_all(int exit_code) {
    for (const Outcome& outcome : wait()) {
      CAPTURE(outcome.err);
      CHECK(outcome.exit_code == exit_code);
    }
  }

 private:
  std::vector<std::unique_ptr<Process>> processes_;
};

/// A search that up to four processes can share. Its latencies are modelled, so that results can be
/// compared to the bit.
std::vector<std::string> search(const std::string& folder,
                                const std::vector<std::string>& more = {}) {
  std::vector<std::string> words{"supernet.groups=4", "latency.accelerator=" HSCONAS_SOURCE_DIR
                                                      "/configs/accelerators/kc-p.json"};
  words.insert(words.end(), more.begin(), more.end());
  return Bench::search(folder, words);
}

std::vector<std::string> resumed(std::vector<std::string> words) {
  words.emplace_back("--resume");
  return words;
}

/// Compares all files that a search leaves, except for those that hold times.
void check_same(const fs::path& one, const fs::path& other) {
  for (const char* file :
       {"result.json", "candidates.csv", "shrink.json", "stages.json", "architecture.json",
        "model.safetensors", "checkpoints/supernet.safetensors",
        "checkpoints/shrink-1.safetensors"}) {
    CAPTURE(file);
    CHECK((read_file(one / file) == read_file(other / file)));
  }
}

constexpr int kLost = 6;
constexpr int kStopped = 75;

}  // namespace

TEST_CASE("a search by any number of processes is that of one, to the bit", "[app][cluster]") {
  const Bench bench;
  CHECK(bench.run(search("1")).exit_code == 0);
  for (const int size : {2, 3, 4}) {
    CAPTURE(size);
    const std::string folder = std::to_string(size);
    const auto outcomes = Ranks(bench, size, search(folder)).wait();
    CHECK(contains(outcomes[0].err, "this run has " + folder + " processes on 1 host"));
    CHECK(contains(outcomes[0].out, "winner"));
    CHECK(outcomes[0].exit_code == 0);
    for (std::size_t rank = 1; rank < outcomes.size(); ++rank) {
      CHECK(outcomes[rank].exit_code == 0);
      CHECK(outcomes[rank].out.empty());
      CHECK(outcomes[rank].err.empty());
    }
    check_same(bench / folder, bench / "1");
  }
}

TEST_CASE("a retraining and a search by gradient by three processes are those of one",
          "[app][cluster]") {
  const Bench bench;
  CHECK(bench.run(search("searched")).exit_code == 0);
  const auto retrain = [](const std::string& out) -> std::vector<std::string> {
    return {"retrain",
            "searched",
            "--out",
            out,
            "retrain.epochs=2",
            "retrain.warmup_epochs=0",
            "retrain.batch=64",
            "retrain.groups=4",
            "retrain.from_supernet=true",
            "retrain.distillation=0.3"};
  };
  const auto dance = [](const std::string& folder) -> std::vector<std::string> {
    return {"codesign",
            "--config",
            "micro.json",
            "--work-dir",
            folder,
            "supernet.groups=4",
            "codesign.method=dance",
            "codesign.designs=" HSCONAS_SOURCE_DIR "/configs/designs/semi-decoupled.json",
            "codesign.dance.cost_steps=100",
            "codesign.dance.generator_steps=50",
            "codesign.dance.generator_networks=50",
            "codesign.dance.test_networks=20"};
  };
  CHECK(bench.run(retrain("retrained-1")).exit_code == 0);
  CHECK(bench.run(dance("dance-1")).exit_code == 0);
  Ranks(bench, 3, retrain("retrained-3")).check_all(0);
  Ranks(bench, 3, dance("dance-3")).check_all(0);
  for (const char* file : {"result.json", "model.safetensors", "checkpoints/retrain.safetensors"}) {
    CAPTURE(file);
    CHECK((read_file(bench / "retrained-1" / file) == read_file(bench / "retrained-3" / file)));
  }
  for (const char* file : {"pairs.csv", "stages.json", "checkpoints/dance.safetensors"}) {
    CAPTURE(file);
    CHECK((read_file(bench / "dance-1" / file) == read_file(bench / "dance-3" / file)));
  }
}

TEST_CASE("a signal to one process stops all, and any other number of them continues the run",
          "[app][cluster]") {
  const Bench bench;
  const std::vector<std::string> longer{"supernet.epochs=30"};
  CHECK(bench.run(search("alone", longer)).exit_code == 0);
  const auto words = search("together", longer);
  {
    Ranks two(bench, 2, words);
    two[0].wait_for("supernet: 180 steps");
    two[1].send(SIGUSR1);
    for (const Outcome& outcome : two.wait()) {
      CAPTURE(outcome.err);
      CHECK(outcome.exit_code == kStopped);
      CHECK(contains(outcome.err, "supernet: stopped on request after step"));
    }
  }
  Process one = bench.start(resumed(words));
  one.wait_for("supernet: continues at step");
  one.send(SIGUSR1);
  CHECK(one.wait().exit_code == kStopped);
  Ranks(bench, 3, resumed(words)).check_all(0);
  check_same(bench / "together", bench / "alone");
}

TEST_CASE("when one process is killed the others soon end with code 6, and the run can continue",
          "[app][cluster]") {
  const std::vector<std::string> longer{"supernet.epochs=60", "checkpoint_steps=10"};
  const Bench bench;
  CHECK(bench.run(search("alone", longer)).exit_code == 0);
  const auto words = search("run", longer);
  for (const std::size_t victim : {0U, 1U}) {
    CAPTURE(victim);
    Ranks three(bench, 3, resumed(words));
    three[0].wait_for(victim == 0 ? "supernet: 360 steps" : "supernet: continues at step");
    if (victim == 0) {
      three[0].wait_until(
          [&] { return fs::exists(bench / "run/checkpoints/supernet.safetensors"); });
    }
    three[victim].send(SIGKILL);
    const auto begin = std::chrono::steady_clock::now();
    const auto outcomes = three.wait();
    CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(20));
    for (std::size_t rank = 0; rank < outcomes.size(); ++rank) {
      if (rank == victim) continue;
      CAPTURE(rank, outcomes[rank].err);
      CHECK(outcomes[rank].exit_code == kLost);
      // No message of a library comes in between.
      const auto lines = lines_of(outcomes[rank].err);
      CHECK(contains(lines.back(), "another process of this run is gone"));
      CHECK(std::all_of(lines.begin(), std::prev(lines.end()), [](const std::string& line) {
        return line.size() > 8 && line[2] == ':' && line[5] == ':';
      }));
    }
  }
  Ranks(bench, 2, resumed(words)).check_all(0);
  check_same(bench / "run", bench / "alone");
}

TEST_CASE("when one process hangs the others end with code 6 after cluster.timeout",
          "[app][cluster]") {
  const Bench bench;
  Ranks ranks(bench, 3, search("run", {"supernet.epochs=500", "cluster.timeout=3"}));
  ranks[0].wait_for("supernet: 3000 steps");
  ranks[1].send(SIGSTOP);
  for (const std::size_t rank : {0U, 2U}) {
    const Outcome outcome = ranks[rank].wait();
    CAPTURE(outcome.err);
    CHECK(outcome.exit_code == kLost);
    CHECK(contains(outcome.err, "raise cluster.timeout"));
  }
}

TEST_CASE("a process that does not come is missed after cluster.join", "[app][cluster]") {
  const Bench bench;
  const Outcome outcome =
      bench.start(search("run", {"cluster.join=1"}), rank_variables(0, 2, free_port())).wait();
  CHECK(outcome.exit_code == kLost);
  CHECK(contains(outcome.err, "only 1 of 2 processes came within 1 s; missing: 1"));
}

TEST_CASE("what one process cannot do ends all with its code", "[app][cluster]") {
  const Bench bench;
  for (const Outcome& outcome :
       Ranks({bench / "", bench / ""}, {search("run"), search("run", {"seed=2"})}).wait()) {
    CAPTURE(outcome.err);
    CHECK(outcome.exit_code == 2);
    CHECK(contains(outcome.err,
                   "rank 1 has another config than rank 0: give all processes the "
                   "same arguments and files"));
  }
  CHECK_FALSE(fs::exists(bench / "run"));
}

TEST_CASE("more processes than groups, and one GPU for several, are refused", "[app][cluster]") {
  const Bench bench;
  for (const Outcome& outcome : Ranks(bench, 2, search("run", {"supernet.groups=1"})).wait()) {
    CAPTURE(outcome.err);
    CHECK(outcome.exit_code == 2);
    CHECK(contains(outcome.err,
                   "2 processes but supernet.groups is 1: set supernet.groups=2 (32 images each)"));
  }
  for (const Outcome& outcome :
       Ranks(bench, 2, search("run", {"supernet.groups=1", "device.type=cuda:1"})).wait()) {
    CAPTURE(outcome.err);
    CHECK(outcome.exit_code == 2);
    CHECK(contains(outcome.err, "device.type is cuda:1, but 2 processes were started"));
  }
  CHECK_FALSE(fs::exists(bench / "run"));
}

#if HSCONAS_HAVE_PNG
TEST_CASE("an image that one process cannot read ends all with code 3", "[app][cluster]") {
  const Bench bench;
  for (const char* part : {"train", "val"}) {
    for (const std::uint8_t shade : {std::uint8_t{50}, std::uint8_t{200}}) {
      const fs::path folder = bench / "0/images" / part / std::to_string(shade);
      make_folder(folder);
      for (int i = 0; i < 40; ++i) {
        const std::vector<std::uint8_t> pixels(3 * 32 * 32, static_cast<std::uint8_t>(shade + i));
        write_file(folder / (std::to_string(i) + ".png"),
                   encode_png(32, 32, PNG_FORMAT_RGB, pixels.data()));
      }
    }
  }
  fs::create_directory(bench / "1");
  fs::copy(bench / "0/images", bench / "1/images", fs::copy_options::recursive);
  // The same name of the folder leads each process to its own copy.
  const auto words = [&] {
    auto all = search((bench / "run").string(),
                      {"data.format=folder", "data.path=/proc/self/cwd/images",
                       "data.augment=imagenet", "space.classes=2", "data.holdout_images=8",
                       "data.train_images=0", "data.test_images=0", "score.validation_images=0",
                       "score.calibration_images=8", "score.batch=8", "supernet.epochs=2000"});
    all[2] = (bench / "micro.json").string();
    return all;
  };
  Ranks ranks({bench / "0", bench / "1"}, {words(), words()});
  ranks[0].wait_for("supernet: 2000 steps");
  fs::remove_all(bench / "1/images/train");
  for (const Outcome& outcome : ranks.wait()) {
    CAPTURE(outcome.err);
    CHECK(outcome.exit_code == 3);
    CHECK(contains(outcome.err, "/proc/self/cwd/images/train/"));
  }
}
#endif

TEST_CASE("a plan is printed by one of two processes", "[app][cluster]") {
  const Bench bench;
  auto words = search("run");
  words.emplace_back("--dry-run");
  const auto outcomes = Ranks(bench, 2, words).wait();
  CAPTURE(outcomes[0].err, outcomes[1].err);
  CHECK(outcomes[0].exit_code == 0);
  CHECK(outcomes[1].exit_code == 0);
  CHECK(contains(outcomes[0].out, "supernet"));
  CHECK(outcomes[1].out.empty());
}

#endif

TEST_CASE("commands that have no use for several processes refuse them", "[app][cluster]") {
  const Bench bench;
  const Outcome outcome = bench
                              .start({"config", "print", "--config", "micro.json"},
                                     {"RANK=1", "WORLD_SIZE=8", "MASTER_ADDR=127.0.0.1"})
                              .wait();
  CHECK(outcome.exit_code == 2);
  CHECK(outcome.err ==
        "hsconas: config works with one process, but 8 were started (torchrun): start it once\n");
}

TEST_CASE("half of a launcher's variables is refused", "[app][cluster]") {
  const Bench bench;
  const Outcome outcome = bench.start(Bench::search("run"), {"RANK=1"}).wait();
  CHECK(outcome.exit_code == 2);
  CHECK(outcome.err == "hsconas: RANK is set but WORLD_SIZE is not; set both or neither\n");
}
