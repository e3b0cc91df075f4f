// Searches on known accuracies, and the comparison of methods, from the command line.
#include <csignal>
#include <filesystem>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "app/program.hpp"
#include "catch.hpp"
#include "support/known_table.hpp"

using namespace hsconas;
using namespace hsconas::test;
using nlohmann::json;

namespace {

/// A folder with table.csv and known.json, which searches it.
struct KnownBench : Bench {
  KnownBench() {
    write_known_table(*this / "table.csv");
    write_json(*this / "known.json", known_config("table.csv"));
  }
  Outcome search(const std::string& folder, const std::vector<std::string>& more = {}) const {
    std::vector<std::string> words{"search", "--config",   "known.json",
                                   "--json", "--work-dir", folder};
    words.insert(words.end(), more.begin(), more.end());
    return run(words);
  }
};

}  // namespace

TEST_CASE("a search on known accuracies of a cell needs neither images nor LibTorch", "[app]") {
  const KnownBench bench;
  const Outcome outcome = bench.search("run", {"latency.column=ms", "latency.target_ms=5"});
  INFO(outcome.err);
  REQUIRE(outcome.exit_code == 0);
  const json result = json::parse(outcome.out);
  const json& winner = result["winner"];
  CHECK(winner["predicted_ms"] == 5.0);
  CHECK(winner["reported_accuracy"].get<double>() ==
        Approx(winner["accuracy"].get<double>() + 0.01));
  CHECK_FALSE(winner.contains("test_accuracy"));
  CHECK(result["known"]["accuracy_column"] == "acc");
  CHECK(result["known"]["latency_unit"] == "ms");
  CHECK(result["others"].size() == 1);  // Multiply-adds of cells are not known.
  CHECK(contains(outcome.err, "space small: a cell with 4 edges, 3 operators, 81 architectures"));
  for (const char* file : {"result.json", "candidates.csv", "report.html", "config.json"}) {
    CHECK(std::filesystem::exists(bench / (std::string("run/") + file)));
  }
  CHECK_FALSE(std::filesystem::exists(bench / "run/checkpoints"));
  const std::string page = read_file(bench / "run/report.html");
  CHECK(contains(page, "reported accuracy"));
  CHECK(contains(page, "T = 5 ms"));
  const Outcome report = bench.run({"report", "run"});
  CHECK(report.exit_code == 0);
  CHECK(contains(report.out, "In column full, which the search has not seen"));
}

TEST_CASE("a search on known accuracies shrinks, continues and starts over like any other",
          "[app]") {
  const KnownBench bench;
  const std::vector<std::string> shrinking{R"(shrink.stages=[{"layers":2}])", "shrink.samples=5"};
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.end(), shrinking.begin(), shrinking.end());
    return more;
  };
  const Outcome first = bench.search("run", shrinking);
  INFO(first.err);
  REQUIRE(first.exit_code == 0);
  CHECK(contains(first.err, "shrink-1: 81 -> 9 architectures"));
  const Outcome again = bench.search("run", with({"--resume"}));
  CHECK(again.exit_code == 0);
  CHECK(again.out == first.out);
  CHECK(contains(again.err, "search: finished before with the same settings, reused"));
  // Killed after some candidates: the file of candidates has them, stages.json not the search.
  std::filesystem::remove(bench / "run/result.json");
  const Outcome continued = bench.search("run", with({"--resume"}));
  CHECK(continued.out == first.out);
  const Outcome other = bench.search("run", with({"--resume", "search.population=8"}));
  CHECK(other.exit_code == 2);
  CHECK(contains(other.err, "search.population changed from 10 to 8"));
  write_file(bench / "table.csv", read_file(bench / "table.csv") + "\n");
  const Outcome changed = bench.search("run", with({"--resume"}));
  CHECK(changed.exit_code == 2);
  CHECK(contains(changed.err, "score.accuracies"));
  const Outcome shrunk = bench.run({"shrink", "--config", "known.json", "--work-dir", "shrunk",
                                    "--json", shrinking[0], shrinking[1]});
  REQUIRE(shrunk.exit_code == 0);
  CHECK(json::parse(shrunk.out)["operators"][3].size() == 1);
}

TEST_CASE("a budget may have another unit, which no message calls milliseconds", "[app]") {
  const KnownBench bench;
  const std::vector<std::string> macs{"latency.column=macs", "latency.unit=multiply-adds"};
  std::vector<std::string> words{"search", "--config", "known.json", "--work-dir", "run"};
  words.insert(words.end(), macs.begin(), macs.end());
  const Outcome outcome = bench.run(words);
  INFO(outcome.err);
  REQUIRE(outcome.exit_code == 0);
  CHECK(contains(outcome.out, "T = 5e+06 multiply-adds"));
  CHECK_FALSE(contains(outcome.out, " ms"));
  CHECK_FALSE(contains(outcome.err, " ms"));
  words.emplace_back("latency.target_ms=10");
  words.emplace_back("--overwrite");
  const Outcome refused = bench.run(words);
  CHECK(refused.exit_code == 4);
  CHECK(contains(refused.err, "takes 1e+06 multiply-adds"));
}

TEST_CASE("--dry-run says what a search on known accuracies would do", "[app]") {
  const KnownBench bench;
  const Outcome plan = bench.run({"search", "-n", "--config", "known.json", "supernet.epochs=7"});
  REQUIRE(plan.exit_code == 0);
  CHECK(contains(plan.out, "accuracies: 81 networks in column acc of "));
  CHECK(contains(plan.out, "latency: none is known, so there is no budget"));
  CHECK(contains(plan.out, "search: evolution, 40 evaluations"));
  CHECK(contains(plan.err, "these settings have no effect: supernet.epochs"));
}

TEST_CASE("what would train on known accuracies is refused with the remedy", "[app]") {
  const KnownBench bench;
  const auto refused = [&](std::vector<std::string> words) {
    const Outcome outcome = bench.run(words);
    CHECK(outcome.exit_code == 2);
    return outcome.err;
  };
  CHECK(contains(refused({"search", "--config", "known.json", "score.accuracies=",
                          "score.accuracy_column=accuracy", "score.reported_column="}),
                 "space small is a cell, which cannot be trained"));
  CHECK(contains(refused({"search", "--config", "known.json", "--supernet", "x"}),
                 "--supernet has no effect on known accuracies"));
  CHECK(contains(refused({"search", "--config", "known.json", "latency.column=some",
                          R"(shrink.stages=[{"layers":1}])"}),
                 "only 54 have an accuracy and a latency: set shrink.stages=[]"));
}

TEST_CASE("compare-methods prints one table of methods, with random search in it", "[app]") {
  const KnownBench bench;
  const std::vector<std::string> words{"compare-methods",
                                       "--config",
                                       "known.json",
                                       "--seeds",
                                       "5",
                                       "--evaluations",
                                       "40",
                                       "--methods",
                                       "evolution population=8, local",
                                       "--out",
                                       "tables"};
  const Outcome first = bench.run(words);
  INFO(first.err);
  REQUIRE(first.exit_code == 0);
  CHECK(contains(first.out, "| evolution population=8 "));
  CHECK(contains(first.out, "| local "));
  CHECK(contains(first.out, "| random "));
  CHECK(first.out == read_file(bench / "tables/methods.md"));
  for (const char* file : {"methods.csv", "methods.tex", "trials.csv", "regret.svg"}) {
    CHECK(std::filesystem::exists(bench / (std::string("tables/") + file)));
  }
  const auto without_seconds = [&] {
    std::string text;
    for (const std::string& line : lines_of(read_file(bench / "tables/trials.csv"))) {
      text += line.substr(0, line.rfind(',')) + "\n";
    }
    return text;
  };
  const std::string trials = without_seconds();
  REQUIRE(bench.run(words).exit_code == 0);
  CHECK(without_seconds() == trials);
}

TEST_CASE("compare-methods refuses methods and settings that do not exist", "[app]") {
  const KnownBench bench;
  const auto refused = [&](const std::string& methods) {
    const Outcome outcome = bench.run({"compare-methods", "--config", "known.json", "--seeds", "2",
                                       "--evaluations", "10", "--methods", methods});
    CHECK(outcome.exit_code == 2);
    return outcome.err;
  };
  CHECK(contains(refused("evolutoin"), "search.method must be one of"));
  CHECK(contains(refused("evolution populaton=3"), "search.populaton"));
  CHECK(contains(refused("evolution population"), "is not of the form key=value"));
  CHECK(contains(refused("evolution,,local"), "--methods must name methods"));
  CHECK(contains(refused(""), "--methods must name methods"));
  CHECK(contains(refused("evolution method=local"), "name each method in an entry of its own"));
  CHECK(contains(refused("local, random,  local"), "--methods names 'local' twice"));
  CHECK(contains(bench.run({"compare-methods", "--config", "micro.json"}).err,
                 "works on known accuracies: name a CSV of them with score.accuracies"));
}

TEST_CASE("a command that cannot be resumed says after a signal that it must be started again",
          "[app]") {
  const KnownBench bench;
  Process process =
      bench.start({"embed", "--config", "known.json", "--out", "e.csv", "--epochs", "100000"});
  const std::string status = fmt::format("/proc/{}/status", process.pid());
  // Until then, SIGINT ends it at once. This test program itself handles SIGINT, but not SIGALRM.
  process.wait_until([&] {
    const std::string text = read_file(status);
    const std::size_t caught = text.find("SigCgt:");
    return ((std::stoull(text.substr(caught + 7), nullptr, 16) >> (SIGALRM - 1)) & 1) != 0;
  });
  process.send(SIGINT);
  const Outcome stopped = process.wait();
  CHECK(stopped.exit_code == 75);
  CHECK(stopped.err ==
        "hsconas: embed was stopped on request and has no --resume: start it again\n");
  CHECK_FALSE(std::filesystem::exists(bench / "e.csv"));
}

TEST_CASE("embeddings that embed writes are those by which a Bayesian search compares networks",
          "[app]") {
  const KnownBench bench;
  const std::vector<std::string> embed{"embed",    "--config", "known.json", "--out", "e.csv",
                                       "--epochs", "30",       "--seed",     "3"};
  const Outcome text = bench.run(embed);
  INFO(text.err);
  REQUIRE(text.exit_code == 0);
  CHECK(contains(text.out, "networks          81 ("));
  CHECK(contains(text.out, "distance of embeddings and difference of accuracies"));
  const std::string file = read_file(bench / "e.csv");
  std::vector<std::string> again = embed;
  again.insert(again.begin(), "--json");
  const Outcome object = bench.run(again);
  REQUIRE(object.exit_code == 0);
  CHECK(json::parse(object.out)["networks"] == 81);
  CHECK(read_file(bench / "e.csv") == file);

  const std::vector<std::string> words{"search.method=bayesian", "search.embeddings=e.csv"};
  const Outcome found = bench.search("run", words);
  INFO(found.err);
  CHECK(found.exit_code == 0);
  // Killed after the first candidates.
  const std::string candidates = read_file(bench / "run/candidates.csv");
  std::size_t end = 0;
  for (int line = 0; line < 15; ++line) end = candidates.find('\n', end) + 1;
  write_file(bench / "run/candidates.csv", candidates.substr(0, end));
  std::filesystem::remove(bench / "run/result.json");
  const Outcome killed =
      bench.search("run", {"search.method=bayesian", "search.embeddings=e.csv", "--resume"});
  CHECK(killed.out == found.out);
  CHECK(read_file(bench / "run/candidates.csv") == candidates);
  const Outcome wrong = bench.search("other", {"search.embeddings=e.csv"});
  CHECK(wrong.exit_code == 2);
  CHECK(contains(wrong.err, "search.embeddings has no effect with search.method evolution"));
  write_file(bench / "e.csv", file + "\n");
  const Outcome continued =
      bench.search("run", {"search.method=bayesian", "search.embeddings=e.csv", "--resume"});
  CHECK(continued.exit_code == 2);
  CHECK(contains(continued.err, "search.embeddings"));
  const Outcome pairs = bench.run({"codesign", "--config", "known.json", "-n",
                                   "codesign.accuracies=table.csv", words[0], words[1]});
  CHECK(pairs.exit_code == 2);
  CHECK(contains(pairs.err, "search.embeddings has no effect on co-design"));
  const Outcome compared =
      bench.run({"compare-methods", "--config", "known.json", "--seeds", "3", "--evaluations", "30",
                 "--methods", "bayesian, bayesian embeddings=e.csv"});
  INFO(compared.err);
  CHECK(compared.exit_code == 0);
  CHECK(contains(compared.out, "bayesian embeddings=e.csv"));
}
