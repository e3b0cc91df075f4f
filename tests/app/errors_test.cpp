// What goes wrong outside the program: one line on stderr, and the exit code of its kind.
#include <cstdint>
#include <string>
#include <vector>

#include "app/program.hpp"
#include "catch.hpp"
#include "data/support.hpp"

using namespace hsconas;
using namespace hsconas::test;
using nlohmann::json;

namespace {

namespace fs = std::filesystem;

enum Exit : int { kUsage = 2, kData = 3, kInfeasible = 4, kDevice = 5 };

/// Runs the program, quietly, and checks that it ends with `exit_code` and one sentence that holds
/// every one of `parts`.
void check_error(const Bench& bench, std::vector<std::string> arguments, int exit_code,
                 const std::vector<std::string>& parts) {
  arguments.emplace_back("--quiet");
  const Outcome outcome = bench.run(arguments);
  CAPTURE(join(arguments, " "), outcome.err);
  CHECK(outcome.exit_code == exit_code);
  CHECK(outcome.out.empty());
  CHECK(lines_of(outcome.err).size() == 1);
  CHECK(outcome.err.starts_with("hsconas: "));
  for (const std::string& part : parts) {
    CAPTURE(part);
    CHECK(contains(outcome.err, part));
  }
}

/// A search in the folder "run" with one override too many.
void check_search_error(const Bench& bench, const std::string& override_text, int exit_code,
                        const std::vector<std::string>& parts) {
  check_error(bench, Bench::search("run", {override_text}), exit_code, parts);
}

/// The finished run copied, with `contents` in one of its files, cannot be continued.
void check_damaged(const std::string& file, const std::string& contents,
                   const std::string& override_text = "search.population=6") {
  const Bench bench;
  fs::copy(finished_run().bench / "run", bench / "run", fs::copy_options::recursive);
  write_file(bench / ("run/" + file), contents);
  check_error(bench, Bench::search("run", {"--resume", override_text}), kData, {"run/" + file});
}

}  // namespace

TEST_CASE("a config that is missing or no file is a data error", "[app]") {
  const Bench bench;
  check_error(bench, {"search", "--config", "nope.json"}, kData, {"nope.json"});
  check_error(bench, {"search", "--config", "."}, kData, {". ", "directory"});
}

TEST_CASE("a config that is no valid JSON is a usage error with the place", "[app]") {
  const Bench bench;
  write_file(bench / "bad.json", "{\n  \"space\": {,\n");
  check_error(bench, {"search", "--config", "bad.json"}, kUsage, {"bad.json", "line 2, column 13"});
  write_file(bench / "list.json", "[]");
  check_error(bench, {"search", "--config", "list.json"}, kUsage, {"list.json", "object"});
}

TEST_CASE("a misspelt key of a config is named, with the nearest one known", "[app]") {
  const Bench bench;
  json config = micro_config();
  config["serach"] = config["search"];
  config.erase("search");
  write_json(bench / "typo.json", config);
  check_error(bench, {"search", "--config", "typo.json"}, kUsage,
              {"typo.json", "serach", "'search'"});
  check_search_error(bench, "search.populaton=3", kUsage, {"search.populaton", "'population'"});
}

TEST_CASE("a value of the wrong type or out of range is named", "[app]") {
  const Bench bench;
  check_search_error(bench, "search.population=many", kUsage, {"search.population", "many"});
  check_search_error(bench, "search.population=2.5", kUsage, {"search.population", "2.5"});
  check_search_error(bench, "search.population=1", kUsage, {"search.population", "[2, 1000000]"});
  check_search_error(bench, "score.beta=1", kUsage, {"score.beta", "1"});
  check_search_error(bench, "supernet.schedule=step", kUsage, {"supernet.schedule", "cosine"});
  check_search_error(bench, "space.operators=[\"conv\"]", kUsage, {"conv", "shuffle_k3"});
  check_search_error(bench, "space=nope.json", kData, {"nope.json"});
  check_search_error(bench, "name=\xff", kUsage, {"name", "UTF-8"});
}

TEST_CASE("settings that contradict each other are named", "[app]") {
  const Bench bench;
  check_search_error(bench, "search.parents=9", kUsage, {"search.parents", "search.population"});
  check_search_error(bench, "shrink.stages.0.layers=9", kUsage, {"shrink.stages", "9 layers"});
}

TEST_CASE("an override that is no key=value is quoted", "[app]") {
  const Bench bench;
  for (const char* text : {"population", "=3", ""}) {
    check_error(bench, {"search", "--config", "micro.json", "--set", text}, kUsage,
                {std::string("'") + text + "' is not key=value"});
  }
  check_search_error(bench, "shrink.stages.7.layers=1", kUsage, {"shrink.stages.7.layers", "'7'"});
  check_search_error(bench, "seed.x=1", kUsage, {"seed.x"});
}

TEST_CASE("a command line that cannot be read is a usage error that says where help is", "[app]") {
  const Bench bench;
  const auto check = [&](const std::vector<std::string>& arguments, const std::string& part) {
    check_error(bench, arguments, kUsage, {part, "--help"});
  };
  check({"serach"}, "command 'serach' is not known (did you mean 'search'?)");
  check({"config", "pint"}, "command 'pint' is not known (did you mean 'print'?)");
  check({"--seed", "3"}, "--seed");
  check({"config"}, "subcommand");
  check({"search"}, "--config");
  check({"search", "--config"}, "--config");
  check({"search", "--config", "micro.json", "--resum"}, "--resum");
  check({"config", "keys", "all"}, "all");
  check(Bench::search("run", {"--resume", "--overwrite"}), "excludes");
  check({"search", "--config", "micro.json", "--resume"}, "--work-dir");
  check({"predict", "--config", "micro.json"}, "--arch");
}

TEST_CASE("a work directory that is not empty is refused with both remedies", "[app]") {
  const Bench bench;
  write_file(bench / "notes.txt", "mine");
  check_error(bench, Bench::search("."), kUsage, {"not empty", "--resume", "--overwrite"});
}

TEST_CASE("a work directory that cannot be made is a data error", "[app]") {
  const Bench bench;
  check_error(bench, Bench::search("micro.json/run"), kData, {"micro.json/run"});
  check_error(bench, Bench::search("/dev/null/run"), kData, {"/dev/null/run"});
  check_error(bench, Bench::search(std::string(300, 'x')), kData, {"too long"});
}

TEST_CASE("a device that is unknown or absent is refused before anything is made", "[app]") {
  const Bench bench;
  check_search_error(bench, "device.type=gpu", kUsage, {"gpu", "cuda:N"});
  check_search_error(bench, "latency.device=cuda:x", kUsage, {"cuda:x"});
  if (!fs::exists("/dev/nvidiactl")) {
    check_search_error(bench, "device.type=cuda", kDevice, {"cuda", "use cpu"});
  }
  CHECK(fs::is_empty(bench / "run"));  // So that the next try is not refused.
}

TEST_CASE("data that are missing or do not fit are found before anything is measured", "[app]") {
  const Bench bench;
  const auto check = [&](const std::vector<std::string>& more, int exit_code,
                         const std::vector<std::string>& parts) {
    auto arguments = Bench::search("run", {"--resume"});
    arguments.insert(arguments.end(), more.begin(), more.end());
    check_error(bench, arguments, exit_code, parts);
  };
  check({"data.format=cifar10"}, kUsage, {"data.path"});
  check({"data.format=cifar10", "data.path=nope"}, kData, {"data.path", "nope"});
  check({"data.format=folder", "data.path=micro.json"}, kData, {"micro.json", "not a folder"});
  check({"data.format=folder", "data.path=."}, kData, {"train/"});
  check({"space.classes=7"}, kUsage, {"10 classes", "set space.classes=10"});
  check({"space.image_channels=1"}, kUsage, {"set space.image_channels=3"});
  check({"data.holdout_images=10000"}, kUsage, {"data.holdout_images", "10000"});
  CHECK_FALSE(fs::exists(bench / "run/latency.json"));
}

TEST_CASE("a truncated CIFAR file is named", "[app]") {
  const Bench bench;
  make_folder(bench / "cifar");
  write_file(bench / "cifar/data_batch_1.bin", std::string(3073 * 20 - 1, '\0'));
  write_file(bench / "cifar/test_batch.bin", std::string(3073 * 20, '\0'));
  check_error(bench, Bench::search("run", {"data.format=cifar10", "data.path=cifar"}), kData,
              {"cifar/data_batch_1.bin", "truncated"});
}

#if HSCONAS_HAVE_JPEG
TEST_CASE("a corrupt image in a folder is skipped with a warning that names it", "[app]") {
  const Bench bench;
  for (const char* part : {"train", "val"}) {
    for (const char* label : {"red", "blue"}) {
      const fs::path folder = bench / part / label;
      make_folder(folder);
      const bool red = std::string(label) == "red";
      for (int i = 0; i < 12; ++i) {
        const auto shade = static_cast<std::uint8_t>(100 + i);
        const auto dark = std::uint8_t{0};
        const auto image = plain_image(32, 32, {red ? shade : dark, dark, red ? dark : shade});
        write_file(folder / (std::to_string(i) + ".jpg"), encode_jpeg(image));
      }
    }
  }
  const std::string intact = read_file(bench / "train/red/3.jpg");
  write_file(bench / "train/red/3.jpg", intact.substr(0, intact.size() / 2));
  const Outcome outcome = bench.run(Bench::search(
      "run",
      {"--quiet", "data.format=folder", "data.path=.", "space.classes=2", "data.holdout_images=6",
       "data.train_images=0", "data.test_images=0", "supernet.batch=8", "score.validation_images=0",
       "score.calibration_images=8", "score.batch=8"}));
  INFO(outcome.err);
  CHECK(outcome.exit_code == 0);
  REQUIRE(lines_of(outcome.err).size() == 1);
  CHECK(contains(outcome.err, "warning: skipped ./train/red/3.jpg"));
}
#endif

TEST_CASE("a target below the fastest network is infeasible, and the fastest is said", "[app]") {
  const Bench bench;
  const std::string table = finished_run().table_override();
  for (const char* command : {"search", "shrink"}) {
    check_error(bench,
                {command, "--config", "micro.json", "--work-dir", "run", "--resume", table,
                 "latency.target_ms=0.0001"},
                kInfeasible, {"latency.target_ms", "fastest possible takes 0.", "ms"});
  }
  CHECK(fs::is_empty(bench / "run/checkpoints"));  // Not after days of training.
}

TEST_CASE("a table of another space is refused with the key it lacks", "[app]") {
  const Bench bench;
  const std::string table = finished_run().file("latency.json").string();
  const json entries = read_json(table)["entries"];
  check_search_error(bench, "latency.table=nope.json", kData, {"nope.json"});
  check_error(
      bench,
      Bench::search("run", {"--overwrite", "latency.table=" + table, "space.head.channels=48"}),
      kData, {"head_", "_m48_", "measure it again"});
  check_error(bench,
              {"predict", "--config", "micro.json", "--table", table, "--arch", "0:0-0:0-0:0",
               "space.head.channels=48"},
              kData, {"head_", "_m48_"});
}

TEST_CASE("a damaged file of a run that is continued is named", "[app]") {
  const auto& run = finished_run();
  std::string weights = read_file(run.file("checkpoints/supernet.safetensors"));
  weights[weights.size() / 2] = static_cast<char>(weights[weights.size() / 2] ^ 1);
  check_damaged("checkpoints/supernet.safetensors", weights);
  check_damaged("checkpoints/supernet.safetensors", weights.substr(0, 100));
  check_damaged("checkpoints/supernet.safetensors", "");
  check_damaged("stages.json", "{");
  check_damaged("stages.json", "{\"supernet\": 5}");
  const std::string table = read_file(run.file("latency.json"));
  check_damaged("latency.json", table.substr(0, table.size() / 2));
  check_damaged("latency.json", "{}");
  check_damaged("candidates.csv", "weights,arch,accuracy\n");
  check_damaged("candidates.csv", "weights,arch,accuracy,latency_ms,score\nx,0:0-0:0-0:0,2,1,1\n");
  check_damaged("result.json", "{", "seed=1");
  check_damaged("result.json", "{}", "seed=1");
}

TEST_CASE("weights of another space under a checkpoint's name are refused by file", "[app]") {
  const Bench bench;
  fs::copy(finished_run().bench / "run", bench / "run", fs::copy_options::recursive);
  const Outcome other = bench.run(
      {"train", "--config", "micro.json", "--work-dir", "other", "space.head.channels=48"});
  REQUIRE(other.exit_code == 0);
  fs::copy(bench / "other/checkpoints/supernet.safetensors",
           bench / "run/checkpoints/supernet.safetensors", fs::copy_options::overwrite_existing);
  check_error(bench, Bench::search("run", {"--resume", "search.population=6"}), kData,
              {"run/checkpoints/supernet.safetensors", "shape"});
}
