// Several ranks, as threads, do a whole search and a retraining together.

#include <algorithm>
#include <array>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "catch.hpp"
#include "hsconas/base/files.hpp"
#include "hsconas/config/config_file.hpp"
#include "hsconas/pipeline/retraining.hpp"
#include "hsconas/pipeline/run.hpp"
#include "hsconas/stages/result.hpp"
#include "support/errors.hpp"
#include "support/spaces.hpp"
#include "support/temporary_folder.hpp"
#include "support/thread_group.hpp"

using namespace hsconas;
using nlohmann::json;

namespace {

const std::filesystem::path kNowhere = "/hsconas-test-not-there";

Config small_config() {
  json source = json::parse(R"({
    "space": {"name": "micro", "image_size": 32, "classes": 10,
              "stem": {"channels": 8, "kernel": 3, "stride": 2},
              "stages": [{"layers": 2, "channels": 16}, {"layers": 1, "channels": 32}],
              "head": {"channels": 32, "dropout": 0.1},
              "operators": ["shuffle_k3", "xception", "skip"], "widths": [0.5, 1.0]},
    "device": {"threads": 1},
    "data": {"holdout_images": 200, "train_images": 400, "test_images": 100, "workers": 1},
    "supernet": {"batch": 64, "groups": 4, "epochs": 1, "lr": 0.05},
    "score": {"calibration_images": 64, "validation_images": 200, "batch": 32},
    "shrink": {"samples": 4, "stages": [{"layers": 1, "tune_epochs": 0.5, "lr": 0.01}]},
    "search": {"population": 8, "generations": 2, "parents": 3, "baseline_samples": 4,
               "latency_tolerance": 0.8, "racing": 0.7},
    "retrain": {"batch": 32, "groups": 2, "epochs": 0.5, "warmup_epochs": 0.1,
                "from_supernet": true, "average_decay": 0.9, "distillation": 0.5}
  })");
  source["latency"] = {
      {"accelerator", (source_folder() / "configs/accelerators/kc-p.json").string()},
      {"target_position", 0.5}};
  return read_config(source);
}

/// A search, and a retraining, by several ranks. Only rank 0 has a folder.
struct Search {
  TemporaryFolder folder;
  std::vector<std::string> ends;
  std::array<json, 3> results;

  void run(int size, const Config& config, std::int64_t steps = -1) {
    ends = run_ranks(size, [&](const std::shared_ptr<ProcessGroup>& group) {
      const std::filesystem::path root = group->rank() == 0 ? folder / "run" : kNowhere;
      Log log(Verbosity::Quiet, false);
      StopToken stop;
      if (steps == 0 && group->rank() + 1 == size) stop.request();
      Run run(config, WorkDir::open(root, WorkDirMode::Resume, false, GroupFiles(group)), log,
              stop);
      json result = to_json(run.search());
      results[static_cast<std::size_t>(group->rank())] = std::move(result);
    });
  }
  void retrain(int size, const Config& config) {
    ends = run_ranks(size, [&](const std::shared_ptr<ProcessGroup>& group) {
      const bool is_root = group->rank() == 0;
      Log log(Verbosity::Quiet, false);
      const StopToken stop;
      const SearchSpace space(config.space);
      const std::filesystem::path run = is_root ? folder / "run" : kNowhere;
      const RetrainRequest request{.config = config, .arch = space.uniform(0, 1), .run = run};
      const WorkDir dir = WorkDir::open(is_root ? folder / "retrained" : kNowhere,
                                        WorkDirMode::Fresh, false, GroupFiles(group));
      results[static_cast<std::size_t>(group->rank())] =
          to_json(hsconas::retrain(request, dir, log, stop));
    });
  }
  bool all_end(const std::string& how) const {
    return std::all_of(ends.begin(), ends.end(), [&](const auto& end) { return end == how; });
  }
  std::string file(const char* name) const { return read_file(folder / name); }
};

}  // namespace

TEST_CASE("a search and a retraining by several ranks are those of one", "[pipeline][group]") {
  const Config config = small_config();
  Search one;
  one.run(1, config);
  REQUIRE(one.ends == std::vector<std::string>{"nothing"});
  for (const int size : {2, 3}) {
    CAPTURE(size);
    Search many;
    many.run(size, config, 0);
    CHECK(many.ends.front().starts_with("interrupted: "));
    CHECK(many.all_end(many.ends.front()));
    many.run(size, config);
    CHECK(many.all_end("nothing"));
    for (const char* name :
         {"run/candidates.csv", "run/model.safetensors", "run/checkpoints/supernet.safetensors",
          "run/checkpoints/shrink-1.safetensors"}) {
      CAPTURE(name);
      CHECK((many.file(name) == one.file(name)));
    }
    for (int rank = 0; rank < size; ++rank) {
      CHECK(many.results[static_cast<std::size_t>(rank)]["winner"] == one.results[0]["winner"]);
    }
    CHECK_FALSE(std::filesystem::exists(kNowhere));
  }
  one.retrain(1, config);
  REQUIRE(one.ends == std::vector<std::string>{"nothing"});
  Search two;
  two.run(1, config);
  two.retrain(2, config);
  CHECK(two.ends == std::vector<std::string>(2, "nothing"));
  CHECK((two.file("retrained/model.safetensors") == one.file("retrained/model.safetensors")));
  CHECK(two.results[1] == one.results[0]);
  // The retraining has two groups, so three ranks are refused before anything is written.
  Search three;
  three.retrain(3, config);
  CHECK(
      three.all_end("usage: 3 processes but retrain.groups is 2: set retrain.groups=4 (8 images "
                    "each); the result then no longer depends on the number of processes"));
  CHECK_FALSE(std::filesystem::exists(three.folder / "retrained"));
}
