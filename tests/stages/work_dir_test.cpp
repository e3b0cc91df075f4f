#include "hsconas/stages/work_dir.hpp"

#include <filesystem>
#include <set>
#include <string>
#include <sys/mount.h>
#include <unistd.h>
#include <vector>

#include <nlohmann/json.hpp>

#include "catch.hpp"
#include "hsconas/base/files.hpp"
#include "hsconas/stages/stage_inputs.hpp"
#include "support/errors.hpp"
#include "support/skip.hpp"
#include "support/temporary_folder.hpp"

using namespace hsconas;
using nlohmann::json;

namespace {

std::set<std::string> names_in(const std::filesystem::path& folder) {
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    names.insert(entry.path().filename().string());
  }
  return names;
}

/// Leaves in `dir` all that a run leaves there.
void fill(const WorkDir& dir) {
  for (const auto& file : {dir.config(), dir.version(), dir.log(), dir.metrics(), dir.stages(),
                           dir.latency(), dir.shrink(), dir.candidates(), dir.result()}) {
    write_file(file, "{}");
  }
  make_folder(dir.checkpoints());
  write_file(dir.checkpoint("supernet"), "weights");
}

std::string opening_error(const std::filesystem::path& root, WorkDirMode mode) {
  return error_of([&] { WorkDir::open(root, mode); });
}

json example_inputs() {
  return json::parse(R"({"supernet": {"epochs": 5, "schedule": "linear"},
                         "stages": [{"layers": 4}, {"layers": 2}]})");
}

}  // namespace

TEST_CASE("every mode makes a folder that is not there, with its parents", "[work_dir]") {
  for (const auto mode : {WorkDirMode::Fresh, WorkDirMode::Resume, WorkDirMode::Overwrite}) {
    const TemporaryFolder folder;
    const WorkDir dir = WorkDir::open(folder / "runs/a", mode);
    CHECK(dir.root == folder / "runs/a");
    CHECK(names_in(dir.root) == std::set<std::string>{"lock"});
  }
}

TEST_CASE("a fresh run takes an empty folder and refuses any other", "[work_dir]") {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder / "run");
  CHECK(opening_error(folder / "run", WorkDirMode::Fresh) == "nothing");
  write_file(folder / "run" / "notes.txt", "mine");
  CHECK(opening_error(folder / "run", WorkDirMode::Fresh) ==
        "usage: " + (folder / "run").string() +
            " is not empty; continue with --resume or start over with --overwrite");
}

TEST_CASE("resuming keeps everything that is there", "[work_dir]") {
  const TemporaryFolder folder;
  const WorkDir dir{.root = folder / "run", .lock = nullptr};
  make_folder(dir.root);
  fill(dir);
  const auto before = names_in(dir.root);
  WorkDir::open(dir.root, WorkDirMode::Resume);
  CHECK(names_in(dir.root) == before);
  CHECK(read_file(dir.checkpoint("supernet")) == "weights");
}

TEST_CASE("overwriting removes what a run leaves and nothing else", "[work_dir]") {
  const TemporaryFolder folder;
  const WorkDir dir{.root = folder / "run", .lock = nullptr};
  make_folder(dir.root);
  fill(dir);
  write_file(dir.root / "notes.txt", "mine");
  write_file(dir.root / "config.json.bak", "mine");
  const auto before = names_in(dir.root);
  WorkDir::open(dir.root, WorkDirMode::Overwrite);  // A start that fails gets no further.
  CHECK(names_in(dir.root) == before);
  WorkDir::open(dir.root, WorkDirMode::Overwrite).begin();
  CHECK(names_in(dir.root) == std::set<std::string>{"config.json.bak", "notes.txt"});
}

TEST_CASE("what cannot be removed to start over is named", "[work_dir]") {
  const TemporaryFolder folder;
  const WorkDir dir{.root = folder / "run", .lock = nullptr};
  make_folder(dir.checkpoints());
  if (::mount("hsconas-test", dir.checkpoints().c_str(), "tmpfs", 0, "size=4k") != 0) {
    return skip_test("only root may mount a small tmpfs");
  }
  const std::string error =
      error_of([&] { WorkDir::open(dir.root, WorkDirMode::Overwrite).begin(); });
  ::umount2(dir.checkpoints().c_str(), MNT_DETACH);
  CHECK(error.starts_with("data: " + dir.checkpoints().string() + ": cannot be removed"));
}

TEST_CASE("a fresh run takes a folder in which a start came to nothing, and no other",
          "[work_dir]") {
  const TemporaryFolder folder;
  const WorkDir dir{.root = folder / "run", .lock = nullptr};
  const auto start_over = [&] {
    std::filesystem::remove_all(dir.root);
    make_folder(dir.checkpoints());
    for (const auto& file : {dir.config(), dir.version(), dir.log(), dir.metrics()}) {
      write_file(file, "{}");
    }
    StageRecord(dir.stages()).finish("config", {{"seed", 1}});
  };
  const auto is_refused = [&] {
    return contains(opening_error(dir.root, WorkDirMode::Fresh), "is not empty");
  };
  start_over();
  CHECK_FALSE(dir.holds_work());
  {
    const WorkDir again = WorkDir::open(dir.root, WorkDirMode::Fresh);
    again.begin();
    CHECK(names_in(dir.root) == std::set<std::string>{"lock"});
  }
  // A table that was read or computed is there again at once; one that was measured is not.
  start_over();
  StageRecord(dir.stages()).finish("latency", {{"latency", {{"table", "0123456789abcdef"}}}});
  CHECK_FALSE(is_refused());
  StageRecord(dir.stages()).finish("latency", {{"latency", {{"accelerator", {{"pes", 4}}}}}});
  CHECK_FALSE(is_refused());
  StageRecord(dir.stages()).finish("latency", {{"latency", {{"table", ""}, {"rounds", 3}}}});
  CHECK(is_refused());
  for (const auto& file : {dir.checkpoint("supernet"), dir.candidates(), dir.result(),
                           dir.codesign(), dir.root / "notes.txt"}) {
    start_over();
    CHECK_FALSE(is_refused());
    write_file(file, "x");
    CAPTURE(file);
    CHECK(is_refused());
  }
  start_over();
  write_file(dir.stages(), "{");  // Nobody knows.
  CHECK(is_refused());
}

TEST_CASE("a folder that was made for a run which left nothing goes with its lock", "[work_dir]") {
  const TemporaryFolder folder;
  {
    const WorkDir dir = WorkDir::open(folder / "new", WorkDirMode::Fresh);
    CHECK(std::filesystem::exists(folder / "new"));
  }
  CHECK_FALSE(std::filesystem::exists(folder / "new"));
  std::filesystem::create_directory(folder / "old");
  WorkDir::open(folder / "old", WorkDirMode::Fresh);
  CHECK(std::filesystem::exists(folder / "old"));
  {
    const WorkDir dir = WorkDir::open(folder / "used", WorkDirMode::Fresh);
    write_file(dir.config(), "{}");
  }
  CHECK(std::filesystem::exists(folder / "used/config.json"));
}

TEST_CASE("the stages that were made from something are found by it", "[work_dir]") {
  const TemporaryFolder folder;
  StageRecord record(folder / "stages.json");
  record.finish("supernet", {{"data", {{"images", "abc"}}}});
  record.finish("search", {{"weights", {{"data", {{"images", "abc"}}}}}, {"seed", 1}});
  record.finish("latency", {{"seed", 1}});
  CHECK(record.stages_with("abc") == std::vector<std::string>{"search", "supernet"});
  CHECK(record.stages_with("ab").empty());
  CHECK(record.inputs("latency") == json{{"seed", 1}});
  CHECK(record.inputs("shrink-1").is_null());
  CHECK_FALSE(StageRecord(folder / "stages.json", true).has("supernet"));
}

TEST_CASE("a folder in use is refused in every mode, with its user, and left as it is",
          "[work_dir]") {
  const TemporaryFolder folder;
  const WorkDir dir = WorkDir::open(folder / "run", WorkDirMode::Fresh);
  fill(dir);
  for (const auto mode : {WorkDirMode::Fresh, WorkDirMode::Resume, WorkDirMode::Overwrite}) {
    const std::string error = opening_error(dir.root, mode);
    CHECK(error.starts_with("usage: " + dir.root.string() + " is in use by pid " +
                            std::to_string(::getpid()) + " on "));
  }
  CHECK(read_file(dir.checkpoint("supernet")) == "weights");
}

TEST_CASE("what a killed process left unfinished is removed, other people's files are not",
          "[work_dir]") {
  const TemporaryFolder folder;
  const WorkDir dir{.root = folder / "run", .lock = nullptr};
  make_folder(dir.root);
  fill(dir);
  const auto before = names_in(dir.root);
  write_file(unfinished(dir.result()), "{");
  write_file(unfinished(dir.candidates()), "weights");
  write_file(dir.checkpoints() / "supernet.safetensors.next", "whole");
  write_file(dir.checkpoints() / "supernet.safetensors.next.tmp", "part");
  write_file(dir.root / "notes.tmp", "mine");
  WorkDir::open(dir.root, WorkDirMode::Resume);
  CHECK(names_in(dir.checkpoints()) == std::set<std::string>{"supernet.safetensors"});
  CHECK(read_file(dir.root / "notes.tmp") == "mine");
  std::filesystem::remove(dir.root / "notes.tmp");
  CHECK(names_in(dir.root) == before);
}

TEST_CASE("a folder that cannot be made is a data error that names it", "[work_dir]") {
  const TemporaryFolder folder;
  write_file(folder / "file", "");
  for (const auto mode : {WorkDirMode::Fresh, WorkDirMode::Resume, WorkDirMode::Overwrite}) {
    for (const char* root : {"file", "file/run"}) {
      const std::string error = opening_error(folder / root, mode);
      CHECK(error.starts_with("data: " + (folder / root).string()));
      CHECK(contains(error, "Not a directory"));
    }
  }
}

TEST_CASE("a stage is done with exactly the inputs it was finished with", "[work_dir]") {
  const TemporaryFolder folder;
  StageRecord record(folder / "stages.json");
  const json inputs = example_inputs();
  CHECK_FALSE(record.is_done("supernet", inputs));
  record.finish("supernet", inputs);
  CHECK(record.is_done("supernet", inputs));
  CHECK_FALSE(record.is_done("search", inputs));
  json other = inputs;
  other["supernet"]["epochs"] = 6;
  CHECK_FALSE(record.is_done("supernet", other));
}

TEST_CASE("the record of stages outlives the process", "[work_dir]") {
  const TemporaryFolder folder;
  StageRecord(folder / "stages.json").finish("latency", {{"seed", 1}});
  StageRecord record(folder / "stages.json");
  CHECK(record.is_done("latency", {{"seed", 1}}));
  record.begin("latency");
  CHECK_FALSE(record.is_done("latency", {{"seed", 1}}));
  CHECK_FALSE(StageRecord(folder / "stages.json").is_done("latency", {{"seed", 1}}));
}

TEST_CASE("changes name the keys, down into objects and lists", "[work_dir]") {
  const TemporaryFolder folder;
  StageRecord record(folder / "stages.json");
  const json before = example_inputs();
  CHECK(record.changes("supernet", before).empty());
  record.finish("supernet", before);
  CHECK(record.changes("supernet", before).empty());

  json now = before;
  now["supernet"]["epochs"] = 10;
  now["stages"][1]["layers"] = 3;
  CHECK(record.changes("supernet", now) ==
        std::vector<std::string>{"stages.1.layers changed from 2 to 3",
                                 "supernet.epochs changed from 5 to 10"});

  now = before;
  now["supernet"].erase("schedule");
  now["seed"] = 1;
  now["stages"].erase(1);
  CHECK(record.changes("supernet", now) ==
        std::vector<std::string>{"seed was added", "stages.1.layers was removed",
                                 "supernet.schedule was removed"});
}

TEST_CASE("a broken record of stages is a data error that names the file", "[work_dir]") {
  const TemporaryFolder folder;
  const auto file = folder / "stages.json";
  for (const char* text : {"", "{\"supernet\": {", "[]", "5", "{\"supernet\": 5}",
                           "{\"supernet\": []}", "{\"supernet\": null}"}) {
    CAPTURE(text);
    write_file(file, text);
    const std::string error = error_of([&] { StageRecord record(file); });
    CHECK(error.starts_with("data: " + file.string()));
  }
}

TEST_CASE("fingerprints differ exactly where the inputs do", "[work_dir]") {
  json inputs = example_inputs();
  const std::string before = fingerprint_of(inputs);
  CHECK(before.size() == 16);
  CHECK(fingerprint_of(json::parse(inputs.dump())) == before);
  inputs["supernet"]["epochs"] = 6;
  CHECK(fingerprint_of(inputs) != before);
}
