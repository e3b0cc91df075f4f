// Several processes that do one run together, on this machine.
#include <algorithm>
#include <array>
#include <csignal>
#include <filesystem>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "app/program.hpp"
#include "catch.hpp"
#include "support/free_port.hpp"

using namespace hsconas;
using namespace hsconas::test;

#ifdef HSCONAS_HAVE_GLOO

namespace {

std::vector<std::string> rank_variables(int rank, int size, int port) {
  return {"RANK=" + std::to_string(rank), "WORLD_SIZE=" + std::to_string(size),
          "MASTER_ADDR=127.0.0.1", "MASTER_PORT=" + std::to_string(port)};
}

/// Two processes with the same arguments.
struct Pair {
  Pair(const Bench& bench, const std::vector<std::string>& arguments)
      : Pair(bench, arguments, arguments) {}
  Pair(const Bench& bench, const std::vector<std::string>& first,
       const std::vector<std::string>& second)
      : port(free_port()),
        ranks{std::make_unique<Process>(bench / "", first, rank_variables(0, 2, port)),
              std::make_unique<Process>(bench / "", second, rank_variables(1, 2, port))} {}

  std::array<Outcome, 2> wait() { return {ranks[0]->wait(), ranks[1]->wait()}; }

  int port;
  std::array<std::unique_ptr<Process>, 2> ranks;
};

/// A search without measured latencies, whose results can be compared.
std::vector<std::string> search(const std::string& folder,
                                const std::vector<std::string>& more = {}) {
  std::vector<std::string> words{"latency.accelerator=" HSCONAS_SOURCE_DIR
                                 "/configs/accelerators/kc-p.json"};
  words.insert(words.end(), more.begin(), more.end());
  return Bench::search(folder, words);
}

}  // namespace

TEST_CASE("two processes do one run, with the result of one process", "[app][cluster]") {
  const Bench bench;
  CHECK(bench.run(search("alone")).exit_code == 0);
  const auto [root, other] = Pair(bench, search("together")).wait();
  CAPTURE(root.err, other.err);
  CHECK(root.exit_code == 0);
  CHECK(other.exit_code == 0);
  CHECK(contains(root.err, "this run has 2 processes on 1 host"));
  CHECK(contains(root.out, "winner"));
  CHECK(other.out.empty());
  CHECK(other.err.empty());
  CHECK(result_of(bench / "together") == result_of(bench / "alone"));
  CHECK(read_file(bench / "together" / "candidates.csv") ==
        read_file(bench / "alone" / "candidates.csv"));
}

TEST_CASE("a signal to one of two processes stops both, and one process continues their run",
          "[app][cluster]") {
  const Bench bench;
  const std::vector<std::string> longer{"supernet.epochs=20"};
  CHECK(bench.run(search("alone", longer)).exit_code == 0);
  Pair pair(bench, search("together", longer));
  pair.ranks[0]->wait_for("supernet: 120 steps");
  pair.ranks[1]->send(SIGUSR1);
  for (const Outcome& outcome : pair.wait()) {
    CAPTURE(outcome.err);
    CHECK(outcome.exit_code == 75);
    CHECK(contains(outcome.err, "supernet: stopped on request after step"));
  }
  std::vector<std::string> words = search("together", longer);
  words.emplace_back("--resume");
  const Outcome resumed = bench.run(words);
  CAPTURE(resumed.err);
  CHECK(resumed.exit_code == 0);
  CHECK(result_of(bench / "together") == result_of(bench / "alone"));
}

TEST_CASE("when one of two processes is killed the other ends with code 6", "[app][cluster]") {
  for (const std::size_t victim : {0U, 1U}) {
    CAPTURE(victim);
    const Bench bench;
    Pair pair(bench, search("run", {"supernet.epochs=500"}));
    pair.ranks[0]->wait_for("supernet: 3000 steps");
    pair.ranks[victim]->send(SIGKILL);
    const Outcome left = pair.ranks[1 - victim]->wait();
    CAPTURE(left.err);
    CHECK(left.exit_code == 6);
    // No message of a library comes in between.
    const auto lines = lines_of(left.err);
    CHECK(contains(lines.back(), "another process of this run is gone"));
    CHECK(std::all_of(lines.begin(), std::prev(lines.end()), [](const std::string& line) {
      return line.size() > 8 && line[2] == ':' && line[5] == ':';
    }));
  }
}

TEST_CASE("what one process cannot do ends both with its code", "[app][cluster]") {
  const Bench bench;
  for (const Outcome& outcome : Pair(bench, search("run"), search("run", {"seed=2"})).wait()) {
    CAPTURE(outcome.err);
    CHECK(outcome.exit_code == 2);
    CHECK(contains(outcome.err,
                   "rank 1 has another config than rank 0: give all processes the "
                   "same arguments and files"));
  }
  CHECK_FALSE(std::filesystem::exists(bench / "run"));
}

TEST_CASE("a plan is printed by one of two processes", "[app][cluster]") {
  const Bench bench;
  auto words = search("run");
  words.emplace_back("--dry-run");
  const auto [root, other] = Pair(bench, words).wait();
  CAPTURE(root.err, other.err);
  CHECK(root.exit_code == 0);
  CHECK(other.exit_code == 0);
  CHECK(contains(root.out, "supernet"));
  CHECK(other.out.empty());
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
