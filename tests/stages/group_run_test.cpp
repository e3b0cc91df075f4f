// Several ranks do one run: stages, the record of stages, the work directory, candidates.csv,
// metrics and the co-design run. Only rank 0 has a folder to work in.

#include <algorithm>
#include <array>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "catch.hpp"
#include "hsconas/base/files.hpp"
#include "hsconas/config/config_file.hpp"
#include "hsconas/report/metrics_log.hpp"
#include "hsconas/search/search.hpp"
#include "hsconas/shrink/progressive.hpp"
#include "hsconas/stages/codesign_run.hpp"
#include "hsconas/stages/stage.hpp"
#include "hsconas/stages/work_dir.hpp"
#include "support/errors.hpp"
#include "support/fake_evaluator.hpp"
#include "support/fake_latency.hpp"
#include "support/spaces.hpp"
#include "support/temporary_folder.hpp"
#include "support/thread_group.hpp"

using namespace hsconas;
using nlohmann::json;

namespace {

constexpr int kMostRanks = 3;
constexpr std::size_t kNever = std::numeric_limits<std::size_t>::max();
const std::filesystem::path kNowhere = "/hsconas-test-not-there";

/// Asks for a stop once it has judged so many.
class StoppingEvaluator : public FakeEvaluator {
 public:
  StoppingEvaluator(const SearchSpace& space, StopToken& stop, std::size_t stop_after)
      : FakeEvaluator(space), stop_(stop), stop_after_(stop_after) {}

  std::vector<double> accuracy(std::span<const Architecture> archs) override {
    auto accuracies = FakeEvaluator::accuracy(archs);
    if (asked.size() >= stop_after_) stop_.request();
    return accuracies;
  }

 private:
  StopToken& stop_;
  std::size_t stop_after_;
};

/// How each rank of a run ended, and its result.
struct Results {
  std::vector<std::string> ends;
  std::array<json, kMostRanks> found;
  std::array<std::size_t, kMostRanks> judged{};

  bool all_end(const std::string& how) const {
    return std::all_of(ends.begin(), ends.end(), [&](const auto& end) { return end == how; });
  }
};

/// A run in a folder of its own.
struct Bench {
  TemporaryFolder folder;
  SearchSpace space = tiny_space(4);
  Config config;
  int stopped_rank = -1;  ///< Gets a request to stop, after `stop_after` candidates.
  std::size_t stop_after = kNever;

  Bench() {
    config.space = space.description();
    config.search = {.population = 24, .generations = 4, .parents = 8, .latency_tolerance = 0.5};
    config.codesign.designs = (folder / "designs.json").string();
    config.codesign.method = "coupled";
    config.codesign.rank_networks = 20;
    write_json(config.codesign.designs, json::parse(R"({
      "dataflow": ["ws-kc", "ws-x"], "pes": [32, 64], "buffer_bytes": 524288,
      "noc_words": [100, 300], "offchip_bytes": 16, "clock_mhz": 500,
      "energy": "accelergy-eyeriss"})"));
  }

  std::filesystem::path root() const { return folder / "run"; }

  using Work = json (Bench::*)(const WorkDir& dir, Evaluator& evaluator, const StopToken& stop);

  Results run(int size, Work work) {
    Results results;
    results.ends = run_ranks(size, [&](const std::shared_ptr<ProcessGroup>& group) {
      const auto rank = static_cast<std::size_t>(group->rank());
      const WorkDir dir = WorkDir::open(rank == 0 ? root() : kNowhere, WorkDirMode::Resume, false,
                                        GroupFiles(group));
      StopToken stop;
      StoppingEvaluator evaluator(space, stop, group->rank() == stopped_rank ? stop_after : kNever);
      results.found[rank] = (this->*work)(dir, evaluator, stop);
      results.judged[rank] = evaluator.asked.size();
    });
    CHECK_FALSE(std::filesystem::exists(kNowhere));
    return results;
  }

  json codesign(const WorkDir& dir, Evaluator& evaluator, const StopToken& stop) {
    Log log(Verbosity::Quiet, false);
    StageRecord stages(dir.stages(), false, dir.files);
    json found = to_json(run_codesign(config, dir, stages,
                                      {.evaluator = evaluator,
                                       .networks = {},
                                       .inputs = {{"accuracies", "fake"}},
                                       .is_expensive = true},
                                      log, stop));
    found.erase("seconds");
    return found;
  }

  /// Shrinks a layer and searches what is left, as a run does.
  json search(const WorkDir& dir, Evaluator& evaluator, const StopToken& stop) {
    Log log(Verbosity::Quiet, false);
    dir.files.on_root([&] { log.attach_file(dir.log()); });
    const GroupStop group_stop(stop, dir.files.group());
    MetricsLog metrics(dir.metrics(), true, true, dir.files);
    const FakeLatency latency(space);
    Scorer scorer(space, evaluator, latency, {.target_ms = 3.0}, dir.candidates(), dir.files);
    StageRecord record(dir.stages(), false, dir.files);
    json found;
    const auto produce = [&] {
      Subspace subspace = Subspace::full(space);
      shrink_layers(subspace, space.layers() - 1, 1, 10, scorer, 1, log, group_stop);
      const SearchResult result = hsconas::search(
          subspace, scorer, config.search, 1, log, group_stop, [&](const Generation& end) {
            metrics.add(
                {{"stage", "search"}, {"step", end.evaluations}, {"best_score", end.best_score}});
            metrics.flush();
          });
      found = {{"arch", space.encode(result.best.arch)},
               {"score", result.best.score},
               {"scored", result.scored.size()}};
      dir.files.on_root([&] { write_sealed_json(dir.result(), found); });
    };
    const auto load = [&] {
      found = dir.files.read_sealed_json(dir.result());
      return true;
    };
    run_stage({.name = "search",
               .inputs = {{"seed", 1}},
               .outputs = {dir.result(), dir.candidates()},
               .produce = produce,
               .load = load},
              record, log);
    return found;
  }

  /// The files of the run by name, without what depends on the clock.
  std::map<std::string, std::string> files() const {
    std::map<std::string, std::string> contents;
    for (const auto& entry : std::filesystem::directory_iterator(root())) {
      const std::string name = entry.path().filename().string();
      if (name == "log.txt" || name.starts_with("events.")) continue;
      std::string text = read_file(entry.path());
      if (name == "codesign.json") {
        json object = json::parse(text);
        object.erase("seconds");
        object.erase("crc32");
        text = object.dump();
      }
      if (name == "metrics.jsonl") {
        text = std::to_string(std::count(text.begin(), text.end(), '\n')) + " lines";
      }
      contents[name] = text;
    }
    return contents;
  }
};

/// One process and several come to the same results and files, a stop on any rank loses nothing.
void check_run(Bench::Work work) {
  Bench alone;
  const Results one = alone.run(1, work);
  REQUIRE(one.all_end("nothing"));
  REQUIRE(one.judged[0] > 40);
  for (const int size : {2, 3}) {
    CAPTURE(size);
    Bench bench;
    // The designs lie elsewhere; the inputs of a stage hold what is in them.
    const Results many = bench.run(size, work);
    CHECK(many.all_end("nothing"));
    for (int rank = 0; rank < size; ++rank) {
      CHECK(many.found[static_cast<std::size_t>(rank)] == one.found[0]);
    }
    CHECK(bench.files() == alone.files());
    const Results again = bench.run(size, work);
    CHECK(again.all_end("nothing"));
    for (int rank = 0; rank < size; ++rank) {
      CHECK(again.found[static_cast<std::size_t>(rank)] == one.found[0]);
      CHECK(again.judged[static_cast<std::size_t>(rank)] == 0);
    }
    for (int stopped = 0; stopped < size; ++stopped) {
      CAPTURE(stopped);
      Bench broken;
      broken.stopped_rank = stopped;
      broken.stop_after = 20;
      const Results part = broken.run(size, work);
      CHECK(part.all_end("interrupted: stopped on request; --resume continues"));
      broken.stopped_rank = -1;
      const Results rest = broken.run(stopped + 1, work);  // By another number of processes.
      CHECK(rest.all_end("nothing"));
      CHECK(rest.found[static_cast<std::size_t>(stopped)] == one.found[0]);
      CHECK(rest.judged[0] <= one.judged[0] - 20);
      CHECK(broken.files() == alone.files());
    }
  }
}

}  // namespace

TEST_CASE("a search by several ranks is that of one, also stopped and resumed", "[group]") {
  check_run(&Bench::search);
}

TEST_CASE("a co-design run by several ranks is that of one, also stopped and resumed", "[group]") {
  check_run(&Bench::codesign);
}

TEST_CASE("when rank 0 cannot write, all ranks end with its error", "[group]") {
  for (const char* file : {"codesign.json", "pairs.csv", "codesign-candidates.csv.tmp"}) {
    CAPTURE(file);
    Bench bench;
    make_folder(bench.root() / file / "in the way");
    const Results results = bench.run(3, &Bench::codesign);
    CHECK(results.ends.size() == 3);
    const std::string named =
        file == std::string("codesign-candidates.csv.tmp") ? "codesign-candidates.csv" : file;
    for (const std::string& end : results.ends) {
      CHECK(end == results.ends[0]);
      CHECK(end.starts_with("data: " + (bench.root() / named).string()));
    }
  }
}

TEST_CASE("what rank 0 finds wrong with a work directory, all ranks find", "[group]") {
  const TemporaryFolder folder;
  const auto open = [&](WorkDirMode mode) {
    return run_ranks(3, [&](const auto& group) {
      WorkDir::open(group->rank() == 0 ? folder / "run" : kNowhere, mode, false, GroupFiles(group))
          .begin();
    });
  };
  make_folder(folder / "run");
  write_file(folder / "run" / "result.json", "{}");
  const auto refused = open(WorkDirMode::Fresh);
  CHECK(contains(refused[0], (folder / "run").string() + " is not empty"));
  CHECK(refused == std::vector<std::string>(3, refused[0]));
  write_file(folder / "run" / "stages.json", "{");
  const auto broken = run_ranks(3, [&](const auto& group) {
    const auto root = group->rank() == 0 ? folder / "run" : kNowhere;
    StageRecord(root / "stages.json", false, GroupFiles(group));
  });
  CHECK(broken[0].starts_with("data: " + (folder / "run" / "stages.json").string()));
  CHECK(open(WorkDirMode::Overwrite) == std::vector<std::string>(3, "nothing"));
  CHECK_FALSE(std::filesystem::exists(folder / "run" / "result.json"));
  CHECK_FALSE(std::filesystem::exists(kNowhere));
}
