// Whole searches by gradient: supernet.method mixed_level and its relatives.

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "catch.hpp"
#include "hsconas/base/files.hpp"
#include "hsconas/config/config_file.hpp"
#include "hsconas/pipeline/run.hpp"
#include "hsconas/stages/result.hpp"
#include "support/errors.hpp"
#include "support/spaces.hpp"
#include "support/temporary_folder.hpp"
#include "support/thread_group.hpp"

using namespace hsconas;
using nlohmann::json;

namespace {

Config gradient_config(const char* more = "{}") {
  json source = json::parse(R"({
    "space": {"name": "micro", "image_size": 32, "classes": 10,
              "stem": {"channels": 8, "kernel": 3, "stride": 2},
              "stages": [{"layers": 2, "channels": 16}, {"layers": 1, "channels": 32}],
              "head": {"channels": 32, "dropout": 0.1},
              "operators": ["shuffle_k3", "xception", "skip"], "widths": [0.5, 1.0]},
    "device": {"threads": 1},
    "data": {"holdout_images": 200, "train_images": 400, "test_images": 100, "workers": 1},
    "supernet": {"batch": 64, "epochs": 2, "lr": 0.05, "method": "mixed_level",
                 "gradient": {"choice_lr": 0.1, "readings": 2}},
    "score": {"calibration_images": 64, "validation_images": 200, "batch": 50},
    "search": {"baseline_samples": 4, "latency_tolerance": 0.8}
  })");
  source["latency"] = {
      {"accelerator", (source_folder() / "configs/accelerators/kc-p.json").string()},
      {"target_position", 0.5}};
  source.merge_patch(json::parse(more));
  return read_config(source);
}

/// A work directory in which runs are started, stopped and continued.
struct GradientRuns {
  TemporaryFolder folder;
  json result;

  /// The error of a run in the folder `name`, or "nothing". With `stops`, a stop is requested at
  /// the start, so that it ends after one more step.
  std::string run(const Config& config, const std::string& name = "run", bool stops = false) {
    return error_of([&] {
      Log log(Verbosity::Quiet, false);
      StopToken stop;
      if (stops) stop.request();
      Run run(config, WorkDir::open(folder / name, WorkDirMode::Resume), log, stop);
      result = to_json(run.search());
    });
  }
  std::string file(const std::string& name) const { return read_file(folder / name); }
};

}  // namespace

TEST_CASE("a search by gradient reports the course, the front and the winner among its readings",
          "[pipeline][gradient]") {
  GradientRuns runs;
  REQUIRE(runs.run(gradient_config()) == "nothing");
  const json& search = runs.result["search"];
  CHECK(search["method"] == "mixed_level");
  CHECK(search["history"].empty());
  CHECK(search["collapsed"].is_boolean());
  const json& course = search["course"];
  REQUIRE(course.size() == 4);  // Two per epoch of six steps.
  CHECK(course[0]["step"] == 3);
  CHECK(course[3]["step"] == 12);
  const auto is_read = [&](const json& arch) {
    return std::any_of(course.begin(), course.end(),
                       [&](const json& reading) { return reading["arch"] == arch; });
  };
  CHECK(is_read(runs.result["winner"]["arch"]));
  CHECK(search["front"].size() >= 1);
  for (const json& network : search["front"]) CHECK(is_read(network["arch"]));
  const std::string metrics = runs.file("run/metrics.jsonl");
  for (const char* part :
       {"\"stage\":\"supernet choices\"", "most_probable_ms", "held_out_loss", "training_loss"}) {
    CHECK(contains(metrics, part));
  }
  CHECK(contains(runs.file("run/report.html"), "Latency of the most probable architecture"));
  // A finished run is read back.
  const json before = runs.result;
  REQUIRE(runs.run(gradient_config()) == "nothing");
  CHECK(runs.result == before);
}

TEST_CASE("a search by gradient that is stopped after each step and continued has the same bits",
          "[pipeline][gradient]") {
  const Config config = gradient_config();
  GradientRuns runs;
  REQUIRE(runs.run(config, "whole") == "nothing");
  const json whole = runs.result;
  for (int step = 1; step < 12; ++step) {
    CAPTURE(step);
    REQUIRE(contains(runs.run(config, "broken", true), "stopped on request after step"));
  }
  REQUIRE(runs.run(config, "broken") == "nothing");
  CHECK(runs.result == whole);
  for (const char* name :
       {"candidates.csv", "model.safetensors", "checkpoints/supernet.safetensors"}) {
    CAPTURE(name);
    CHECK((runs.file(std::string("broken/") + name) == runs.file(std::string("whole/") + name)));
  }
}

TEST_CASE("mixed_level with a held-out weight of 0 finds what single_level finds, bilevel not",
          "[pipeline][gradient]") {
  GradientRuns runs;
  REQUIRE(runs.run(gradient_config(R"({"supernet": {"gradient": {"held_out_weight": 0}}})"),
                   "mixed") == "nothing");
  const json mixed = runs.result["search"]["course"];
  REQUIRE(runs.run(gradient_config(R"({"supernet": {"method": "single_level"}})"), "single") ==
          "nothing");
  CHECK(runs.result["search"]["course"] == mixed);
  REQUIRE(runs.run(gradient_config(R"({"supernet": {"method": "bilevel"}})"), "bilevel") ==
          "nothing");
  CHECK(runs.result["search"]["course"] != mixed);
}

TEST_CASE("with stop_below_target a training ends once its network is no longer slower than T",
          "[pipeline][gradient]") {
  const char* more = R"({"supernet": {"epochs": 20, "gradient": {"stop_below_target": true,
      "latency_weight": 50, "choice_lr": 0.1, "readings": 6}}, "latency": {"target_position": 0.1}})";
  GradientRuns runs;
  REQUIRE(runs.run(gradient_config(more)) == "nothing");
  const json& course = runs.result["search"]["course"];
  const double target_ms = runs.result["target_ms"];
  CHECK(course.size() < 60);
  CHECK(course.back()["predicted_ms"] <= target_ms);
  CHECK(std::any_of(course.begin(), course.end(),
                    [&](const json& reading) { return reading["predicted_ms"] > target_ms; }));
  for (std::size_t i = 1; i + 1 < course.size(); ++i) {
    const bool fell =
        course[i - 1]["predicted_ms"] > target_ms && course[i]["predicted_ms"] <= target_ms;
    CHECK_FALSE(fell);
  }
  {
    Log log(Verbosity::Quiet, false);
    const StopToken stop;
    Run again(gradient_config(more), WorkDir::open(runs.folder / "run", WorkDirMode::Resume), log,
              stop, {.goal = RunGoal::Supernet});
    CHECK(again.has_supernet());
  }
  // Without the stop, T does not count in the training, and another one keeps the weights.
  const Config all = gradient_config();
  REQUIRE(runs.run(all, "all") == "nothing");
  const std::string weights = runs.file("all/checkpoints/supernet.safetensors");
  const Config other = gradient_config(R"({"latency": {"target_position": 0.6}})");
  CHECK(contains(runs.run(other, "all"), "latency.target_position"));
  Log log(Verbosity::Quiet, false);
  const StopToken stop;
  Run run(other, WorkDir::open(runs.folder / "all", WorkDirMode::Resume), log, stop,
          {.may_change = true});
  run.search();
  CHECK((runs.file("all/checkpoints/supernet.safetensors") == weights));
}

TEST_CASE("a search by gradient whose loss is not finite names the step", "[pipeline][gradient]") {
  Config config = gradient_config();
  config.supernet.lr = 1e38;
  GradientRuns runs;
  CHECK(contains(runs.run(config),
                 "supernet: the loss of the architecture parameters is not finite at step 2; "));
}

TEST_CASE("a search by gradient refuses what it does not support before it writes anything",
          "[pipeline][gradient]") {
  GradientRuns runs;
  const auto refusal = [&](const RunOptions& options) {
    return error_of([&] {
      Log log(Verbosity::Quiet, false);
      const StopToken stop;
      const Run run(gradient_config(), WorkDir::open(runs.folder / "run", WorkDirMode::Resume), log,
                    stop, options);
    });
  };
  CHECK(contains(refusal({.goal = RunGoal::Codesign}), "set supernet.method=single_path"));
  CHECK(contains(refusal({.supernet_from = runs.folder / "other"}), "leave --supernet out"));
  CHECK_FALSE(std::filesystem::exists(runs.folder / "run/config.json"));
  const auto ends = run_ranks(2, [&](const std::shared_ptr<ProcessGroup>& group) {
    const std::filesystem::path root =
        group->rank() == 0 ? runs.folder / "run" : std::filesystem::path("/hsconas-test-not-there");
    Log log(Verbosity::Quiet, false);
    const StopToken stop;
    Run(gradient_config(), WorkDir::open(root, WorkDirMode::Resume, false, GroupFiles(group)), log,
        stop);
  });
  CHECK(contains(ends.front(), "works with one process, but 2 were started"));
  CHECK(ends.back() == ends.front());
}
