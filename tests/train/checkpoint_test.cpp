#include "hsconas/train/checkpoint.hpp"

#include <filesystem>
#include <fstream>
#include <limits>
#include <string>

#include <torch/types.h>

#include "catch.hpp"
#include "hsconas/base/files.hpp"
#include "hsconas/supernet/safetensors.hpp"
#include "support/damage.hpp"
#include "support/errors.hpp"
#include "support/temporary_folder.hpp"

using namespace hsconas;
namespace fs = std::filesystem;

namespace {

Log quiet() {
  return Log(Verbosity::Quiet, false);
}

Checkpoint state(std::int64_t step) {
  return {{{"w", torch::full({3, 2}, static_cast<double>(step))},
           {"w.momentum", torch::full({3, 2}, -static_cast<double>(step))}},
          step};
}

/// Loads a checkpoint, checks that its tensors belong to its step and returns the step; -1 when
/// there is no checkpoint.
std::int64_t loaded(const CheckpointStore& store, Log& log) {
  const auto checkpoint = store.load(log);
  if (!checkpoint) return -1;
  CHECK(torch::equal(checkpoint->tensors.at("w"), state(checkpoint->next_step).tensors.at("w")));
  CHECK(torch::equal(checkpoint->tensors.at("w.momentum"),
                     state(checkpoint->next_step).tensors.at("w.momentum")));
  return checkpoint->next_step;
}

/// A store in a temporary folder, with a log file.
struct Bench {
  TemporaryFolder folder;
  Log log = quiet();
  CheckpointStore store{folder / "", "supernet", "settings"};

  Bench() { log.attach_file(folder / "log.txt"); }
  std::string said() const { return read_file(folder / "log.txt"); }
};

void overwrite(const fs::path& path, const std::string& contents) {
  std::ofstream(path, std::ios::binary) << contents;
}

}  // namespace

TEST_CASE("the newest checkpoint is loaded and the one before is kept", "[checkpoint]") {
  Bench bench;
  CHECK(loaded(bench.store, bench.log) == -1);
  for (const std::int64_t step : {10, 20, 30}) {
    bench.store.save(state(step));
    CHECK(loaded(bench.store, bench.log) == step);
  }
  CHECK(bench.store.newest() == bench.folder / "supernet.safetensors");
  CHECK(load_tensors(bench.store.previous()).metadata.at("next_step") == "20");
  CHECK(load_tensors(bench.store.newest()).metadata.at("format") == "hsconas-checkpoint-1");
  int files = 0;
  for (const auto& entry : fs::directory_iterator(bench.folder / "")) {
    files += entry.path().extension() == ".txt" ? 0 : 1;
  }
  CHECK(files == 2);
  CHECK(bench.said().empty());
}

TEST_CASE("a kill at any moment of a save keeps the newest complete checkpoint", "[checkpoint]") {
  Bench bench;
  bench.store.save(state(10));
  bench.store.save(state(20));
  const fs::path next = bench.store.newest().string() + ".next";
  overwrite(unfinished(next), "part of 30");
  CHECK(loaded(bench.store, bench.log) == 20);
  overwrite(next, "30, whole, but not yet in its place");
  CHECK(loaded(bench.store, bench.log) == 20);
  fs::rename(bench.store.newest(), bench.store.previous());  // A kill between the two renames.
  CHECK(loaded(bench.store, bench.log) == 20);
  bench.store.save(state(30));
  CHECK(loaded(bench.store, bench.log) == 30);
  CHECK(load_tensors(bench.store.previous()).metadata.at("next_step") == "20");
}

TEST_CASE("checkpoints of other settings are not loaded", "[checkpoint]") {
  Bench bench;
  bench.store.save(state(10));
  const CheckpointStore other(bench.folder / "", "supernet", "other settings");
  CHECK(loaded(other, bench.log) == -1);
  other.save(state(5));
  CHECK(loaded(other, bench.log) == 5);
  CHECK(loaded(bench.store, bench.log) == -1);
}

TEST_CASE("a damaged checkpoint is replaced by the one before it, and the log says so",
          "[checkpoint]") {
  Bench bench;
  bench.store.save(state(10));
  const std::string older = read_file(bench.store.newest());
  bench.store.save(state(20));
  const std::string newer = read_file(bench.store.newest());
  for_each_damage(newer, kDamages, [&](const std::string& damaged, const std::string& what) {
    CAPTURE(what);
    overwrite(bench.store.newest(), damaged);
    overwrite(bench.store.previous(), older);
    const std::int64_t step = loaded(bench.store, bench.log);
    if (step != 10) FAIL("took " << step);
  });
  CHECK(contains(bench.said(), bench.store.newest().string() + ": not a usable tensor file"));
  CHECK(contains(bench.said(), "going on from the checkpoint before it, step 10"));
  // The sound file has replaced the damaged one, so the next save keeps it.
  bench.store.save(state(20));
  CHECK(load_tensors(bench.store.previous()).metadata.at("next_step") == "10");
}

TEST_CASE("without a sound checkpoint, loading is an error that names the damaged one",
          "[checkpoint]") {
  Bench bench;
  bench.store.save(state(10));
  const std::string contents = read_file(bench.store.newest());
  for_each_damage(contents, 100, [&](const std::string& damaged, const std::string& what) {
    CAPTURE(what);
    overwrite(bench.store.newest(), damaged);
    const std::string error = error_of([&] { bench.store.load(bench.log); });
    if (!error.starts_with("data: " + bench.store.newest().string())) FAIL(error);
  });
  overwrite(bench.store.previous(), "broken too");
  overwrite(bench.store.newest(), "broken");
  CHECK(error_of([&] {
          bench.store.load(bench.log);
        }).starts_with("data: " + bench.store.newest().string()));
  save_tensors(bench.store.newest(), {{}, {{"format", "hsconas-checkpoint-9"}}});
  CHECK(contains(error_of([&] { bench.store.load(bench.log); }), "'hsconas-checkpoint-9'"));
}

TEST_CASE("weights that are not finite are not stored", "[checkpoint]") {
  Bench bench;
  bench.store.save(state(10));
  for (const double bad :
       {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    Checkpoint broken = state(20);
    broken.tensors.at("w.momentum")[1][1] = bad;
    const std::string error = error_of([&] { bench.store.save(broken); });
    CHECK(error.starts_with("usage: supernet: w.momentum is not finite after step 20"));
  }
  CHECK(loaded(bench.store, bench.log) == 10);
}
