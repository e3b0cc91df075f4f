#include "hsconas/pipeline/work_dir.hpp"

#include <filesystem>
#include <set>
#include <string>
#include <unistd.h>
#include <vector>

#include <nlohmann/json.hpp>

#include "catch.hpp"
#include "hsconas/base/files.hpp"
#include "support/errors.hpp"
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
  WorkDir::open(dir.root, WorkDirMode::Fresh);
  fill(dir);
  const auto before = names_in(dir.root);
  WorkDir::open(dir.root, WorkDirMode::Resume);
  CHECK(names_in(dir.root) == before);
  CHECK(read_file(dir.checkpoint("supernet")) == "weights");
}

TEST_CASE("overwriting removes what a run leaves and nothing else", "[work_dir]") {
  const TemporaryFolder folder;
  const WorkDir dir{.root = folder / "run", .lock = nullptr};
  WorkDir::open(dir.root, WorkDirMode::Fresh);
  fill(dir);
  write_file(dir.root / "notes.txt", "mine");
  write_file(dir.root / "config.json.bak", "mine");
  WorkDir::open(dir.root, WorkDirMode::Overwrite);
  CHECK(names_in(dir.root) == std::set<std::string>{"config.json.bak", "notes.txt"});
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
  WorkDir::open(dir.root, WorkDirMode::Fresh);
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
  CHECK(record.changes("supernet", now) == std::vector<std::string>{"seed is new",
                                                                    "stages.1.layers is gone",
                                                                    "supernet.schedule is gone"});
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
