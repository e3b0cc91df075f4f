// Starting and continuing runs: moved or changed data sets, failed starts, tables of other devices,
// and retrainings with other settings.
#include <csignal>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "app/program.hpp"
#include "catch.hpp"
#include "hsconas/base/rng.hpp"

using namespace hsconas;
using namespace hsconas::test;
using nlohmann::json;

namespace {

namespace fs = std::filesystem;

/// Writes a data set in CIFAR-10's format whose classes differ in brightness; `seed` sets the noise
/// of the training part.
void make_cifar(const fs::path& folder, std::uint64_t seed = 1, int extra_images = 0) {
  make_folder(folder);
  const auto write = [&](const std::string& name, int images, std::uint64_t noise_seed) {
    Rng rng(noise_seed, name);
    std::string bytes;
    for (int i = 0; i < images; ++i) {
      const int label = i % 10;
      bytes.push_back(static_cast<char>(label));
      for (int k = 0; k < 3072; ++k) {
        bytes.push_back(static_cast<char>(20 * label + static_cast<int>(rng.below(50))));
      }
    }
    write_file(folder / name, bytes);
  };
  write("data_batch_1.bin", 600 + extra_images, seed);
  write("test_batch.bin", 200, 1);
}

/// The command line of a search with micro.json on the data set `data` and a fixed latency table.
std::vector<std::string> search_on(const std::string& data, const std::vector<std::string>& more) {
  std::vector<std::string> words{finished_run().table_override(), "data.format=cifar10",
                                 "data.path=" + data};
  words.insert(words.end(), more.begin(), more.end());
  return Bench::search("run", words);
}

/// A copy of the finished search, with retrainings that take a second or two.
struct CopiedRun {
  Bench bench;
  CopiedRun() { fs::copy(finished_run().file(""), bench / "run", fs::copy_options::recursive); }

  static std::vector<std::string> words(const std::vector<std::string>& more) {
    std::vector<std::string> all{"retrain", "run"};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
  Outcome retrain(const std::vector<std::string>& more) const { return bench.run(words(more)); }
};

/// A modelled accelerator, so that other work on the machine cannot change latencies.
const std::string kChip =
    "latency.accelerator=" HSCONAS_SOURCE_DIR "/configs/accelerators/kc-p.json";

const std::vector<std::string> kRecipe{"retrain.epochs=8",          "retrain.warmup_epochs=0.1",
                                       "retrain.batch=64",          "retrain.groups=4",
                                       "retrain.average_decay=0.9", "data.train_images=300"};

std::vector<std::string> recipe(const std::vector<std::string>& more) {
  std::vector<std::string> all = kRecipe;
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

std::string model_of(const CopiedRun& run, const std::string& folder) {
  return read_file(run.bench / (folder + "/model.safetensors"));
}

/// Starts the retraining in run/retrain and stops it in the middle with `signal`.
void stop_in_the_middle(const CopiedRun& run, int signal,
                        const std::vector<std::string>& more = {}) {
  Process process = run.bench.start(CopiedRun::words(recipe(more)));
  process.wait_for("retrain: ");
  process.send(signal);
  const Outcome stopped = process.wait();
  INFO(stopped.err);
  REQUIRE(stopped.exit_code == 75);
}

}  // namespace

TEST_CASE(
    "retrain-resume-settings: retrain RUN --resume continues a retraining with its own settings",
    "[app]") {
  const CopiedRun run;
  REQUIRE(run.retrain(recipe({"--out", "whole"})).exit_code == 0);
  stop_in_the_middle(run, SIGTERM);
  const Outcome unfinished = run.bench.run({"evaluate", "run/retrain"});
  CHECK(unfinished.exit_code == 3);
  CHECK(contains(unfinished.err,
                 "the retraining has not finished; continue it with hsconas "
                 "retrain run/retrain --resume"));
  CHECK(contains(run.bench.run({"export", "run"}).err, "hsconas retrain run --resume"));

  const Outcome continued = run.retrain({"--resume"});
  INFO(continued.err);
  REQUIRE(continued.exit_code == 0);
  CHECK(contains(continued.err, "retrain: continues at step "));
  CHECK(read_json(run.bench / "run/retrain/result.json") ==
        read_json(run.bench / "whole/result.json"));
  CHECK(model_of(run, "run/retrain") == model_of(run, "whole"));
  // A finished retraining is reused.
  const Outcome again = run.retrain({"--resume"});
  CHECK(again.exit_code == 0);
  CHECK(contains(again.err, "finished before with the same settings, reused"));
  CHECK(again.out == continued.out);
}

TEST_CASE(
    "retrain-resume-settings: a retraining can be continued by naming its folder as RUN or --out",
    "[app]") {
  const CopiedRun run;
  REQUIRE(run.retrain(recipe({"--out", "whole"})).exit_code == 0);
  for (const std::vector<std::string>& line :
       {std::vector<std::string>{"retrain", "run/retrain", "--resume"},
        {"retrain", "run/retrain/", "--resume"},
        {"retrain", "--out", "run/retrain", "--resume"}}) {
    fs::remove_all(run.bench / "run/retrain");
    stop_in_the_middle(run, SIGTERM);
    const Outcome continued = run.bench.run(line);
    INFO(continued.err);
    CHECK(continued.exit_code == 0);
    CHECK(model_of(run, "run/retrain") == model_of(run, "whole"));
  }
}

TEST_CASE(
    "retrain-resume-settings: continuing a retraining with other settings lists them and keeps its "
    "files",
    "[app]") {
  const CopiedRun run;
  stop_in_the_middle(run, SIGTERM);
  const std::string checkpoint =
      read_file(run.bench / "run/retrain/checkpoints/retrain.safetensors");
  const Outcome changed = run.retrain({"--resume", "retrain.epochs=9", "data.train_images=301"});
  CHECK(changed.exit_code == 2);
  CHECK(lines_of(changed.err).size() >= 1);
  for (const char* part : {"retrain.epochs changed from 8", "to 9",
                           "data.train_images changed from 300 to 301", "--overwrite"}) {
    CHECK(contains(lines_of(changed.err).back(), part));
  }
  CHECK(read_file(run.bench / "run/retrain/checkpoints/retrain.safetensors") == checkpoint);
  // The config of the search differs from that of the retraining.
  CHECK(run.retrain({"--resume", "--config", "run/config.json"}).exit_code == 2);
  const Outcome harmless = run.retrain(
      {"--resume", "name=other", "data.workers=2", "checkpoint_steps=3", "log.tensorboard=true"});
  INFO(harmless.err);
  REQUIRE(harmless.exit_code == 0);

  const std::string model = model_of(run, "run/retrain");
  CHECK(run.retrain({"--resume", "retrain.epochs=9"}).exit_code == 2);
  CHECK(run.retrain({}).exit_code == 2);
  // A failed start with --overwrite removes nothing.
  CHECK(run.retrain(recipe({"--overwrite", "data.format=cifar10", "data.path=/nope"})).exit_code ==
        3);
  CHECK(model_of(run, "run/retrain") == model);
  CHECK(run.bench.run({"export", "run"}).exit_code == 0);
  CHECK(run.retrain(recipe({"--overwrite", "retrain.epochs=1"})).exit_code == 0);
  CHECK(model_of(run, "run/retrain") != model);
}

TEST_CASE(
    "a retraining that begins with the search's weights writes each message once, in its own "
    "log",
    "[app]") {
  const CopiedRun run;
  REQUIRE(
      run.retrain({"--from-supernet", "retrain.epochs=0.2", "retrain.warmup_epochs=0"}).exit_code ==
      0);
  const auto count = [](const std::string& text, const std::string& part) {
    int found = 0;
    for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
    return found;
  };
  const std::string log = read_file(run.bench / "run/retrain/log.txt");
  CHECK(count(log, "retrain: ") > 0);
  CHECK(count(log, " steps of ") == 1);
  CHECK(count(read_file(run.bench / "run/log.txt"), "retrain: ") == 0);
}

TEST_CASE("failed-start-blocks: after a failed start the corrected command works", "[app]") {
  const Bench bench;
  make_cifar(bench / "data");
  write_file(bench / "broken.json", "{");
  const std::vector<std::vector<std::string>> wrong{{"data.format=cifar10", "data.path=/nope"},
                                                    {"space.classes=7"},
                                                    {"latency.table=nope.json"},
                                                    {"latency.table=broken.json"},
                                                    {"latency.accelerator=nope.json"},
                                                    {kChip, "latency.target_ms=0.00001"}};
  for (const auto& settings : wrong) {
    const Outcome failed = bench.run(Bench::search("run", settings));
    INFO(failed.err);
    CHECK(failed.exit_code >= 2);
    CHECK(failed.exit_code <= 4);
  }
  REQUIRE(bench.run(search_on("data", {})).exit_code == 0);
  // This holds with --resume too, and a failed start with --overwrite removes nothing.
  const std::string result = read_file(bench / "run/result.json");
  for (const auto& settings : wrong) {
    auto words = settings;
    words.emplace_back("--overwrite");
    CHECK(bench.run(Bench::search("run", words)).exit_code >= 2);
    CHECK(read_file(bench / "run/result.json") == result);
  }
}

TEST_CASE("failed-start-blocks: a failed start with --resume does not change the run's config",
          "[app]") {
  const Bench bench;
  make_cifar(bench / "data");
  CHECK(bench.run(search_on("/nope", {"--resume"})).exit_code == 3);
  const auto words = [](const std::vector<std::string>& more) {
    std::vector<std::string> all{"--resume", kChip, "data.format=cifar10", "data.path=data"};
    all.insert(all.end(), more.begin(), more.end());
    return Bench::search("run", all);
  };
  CHECK(bench.run(words({"latency.target_ms=0.00001"})).exit_code == 4);
  const Outcome outcome = bench.run(words({}));
  INFO(outcome.err);
  CHECK(outcome.exit_code == 0);
}

TEST_CASE("failed-start-blocks: a retraining that fails at its start does not damage the search",
          "[app]") {
  const CopiedRun run;
  CHECK(run.retrain({"data.format=folder", "data.path=/nope"}).exit_code == 3);
  CHECK(run.bench.run({"export", "run"}).exit_code == 0);
  CHECK_FALSE(fs::exists(run.bench / "run/retrain"));
  CHECK(run.retrain(recipe({"retrain.epochs=1"})).exit_code == 0);
}

TEST_CASE("data-moved: a data set with another path or file time is recognised as the same",
          "[app]") {
  const Bench bench;
  make_cifar(bench / "a");
  REQUIRE(bench.run(search_on("a", {})).exit_code == 0);
  const std::string result = read_file(bench / "run/result.json");
  const auto is_reused = [&](const std::string& path) {
    const Outcome outcome = bench.run(search_on(path, {"--resume"}));
    INFO(outcome.err);
    CHECK(outcome.exit_code == 0);
    CHECK(contains(outcome.err, "search: finished before"));
    CHECK(read_file(bench / "run/result.json") == result);
  };
  is_reused((bench / "a").string());
  fs::last_write_time(bench / "a/data_batch_1.bin", {});
  is_reused("./a/");
  fs::rename(bench / "a", bench / "b");
  is_reused("b");
  // Reusing finished stages needs no images.
  fs::rename(bench / "b", bench / "c");
  is_reused("b");
  const Outcome more =
      bench.run(search_on("b", {"--resume", "--allow-changes", "search.population=6"}));
  CHECK(more.exit_code == 3);
  CHECK(contains(more.err, "b does not exist"));
}

TEST_CASE(
    "data-changed: continuing with a changed data set is an error that names the stages concerned",
    "[app]") {
  const Bench bench;
  make_cifar(bench / "a");
  REQUIRE(bench.run(search_on("a", {})).exit_code == 0);
  const auto refused = [&](const std::string& part, const std::vector<std::string>& stages) {
    for (const std::vector<std::string>& more :
         {std::vector<std::string>{"--resume"}, {"--resume", "search.population=6"}}) {
      const Outcome outcome = bench.run(search_on("a", more));
      INFO(outcome.err);
      CHECK(outcome.exit_code == 2);
      const std::string last = lines_of(outcome.err).back();
      CHECK(contains(last, "the run in run has another "));
      CHECK(contains(last, "population changed") == (more.size() > 1));
      CHECK(contains(last, part));
      for (const std::string& stage : stages) CHECK(contains(last, stage));
      CHECK(contains(last, "--allow-changes"));
    }
  };
  make_cifar(bench / "a", 2);
  const std::string a = (bench / "a").string();
  refused(
      "another data set: the training images in " + a + " have changed, which affects the stages ",
      {"search", "shrink-1", "supernet"});
  make_cifar(bench / "a", 1, 30);
  refused("another data set: the training images in " + a, {"supernet"});
  make_cifar(bench / "a");
  std::string test = read_file(bench / "a/test_batch.bin");
  test[5000] = static_cast<char>(test[5000] ^ 1);
  write_file(bench / "a/test_batch.bin", test);
  refused("the test images in " + a + " have changed, which affects the stages search;", {});
  // Other test images do not change the weights, other training images do.
  const Outcome tested = bench.run(search_on("a", {"--resume", "--allow-changes"}));
  INFO(tested.err);
  CHECK(tested.exit_code == 0);
  CHECK(contains(tested.err, "supernet: finished before"));
  CHECK(contains(tested.err, "search: runs again because the test images have changed"));
  make_cifar(bench / "a", 2);
  const Outcome trained = bench.run(search_on("a", {"--resume", "--allow-changes"}));
  CHECK(trained.exit_code == 0);
  CHECK(contains(trained.err, "supernet: runs again because the training images have changed"));
  CHECK(bench.run(search_on("a", {"--resume"})).exit_code == 0);
}

TEST_CASE(
    "foreign-table-measured: with a table of another device nothing is measured on this machine",
    "[app]") {
  const Bench bench;
  json table = read_json(finished_run().file("latency.json"));
  table["device"]["device"] = "Pixel 7";
  write_json(bench / "phone.json", table);
  const Outcome foreign = bench.run(Bench::search("run", {"latency.table=phone.json"}));
  INFO(foreign.err);
  REQUIRE(foreign.exit_code == 0);
  CHECK_FALSE(contains(foreign.out, "measured"));
  CHECK(contains(foreign.out, "on Pixel 7"));
  CHECK(contains(foreign.err, "the latency table is for another device (Pixel 7)"));
  const json result = read_json(bench / "run/result.json");
  CHECK_FALSE(result["winner"].contains("measured_ms"));
  CHECK_FALSE(result["others"][0].contains("measured_ms"));
  CHECK_FALSE(contains(read_file(bench / "run/report.html"), "<dt>measured latency<"));
  CHECK(bench.run({"report", "run", finished_run().file("").string()}).exit_code == 0);

  const Outcome own = bench.run(Bench::search("own", {finished_run().table_override()}));
  REQUIRE(own.exit_code == 0);
  CHECK(contains(own.out, "measured ms"));
  CHECK(read_json(bench / "own/result.json")["winner"]["measured_ms"] > 0.0);

  const Outcome beside = bench.run({"predict", "--config", "micro.json", "--table", "phone.json",
                                    "--arch", "0:0-0:0-0:0", "--measure"});
  CHECK(beside.exit_code == 0);
  CHECK(contains(beside.err, "the table predicts for Pixel 7, but the networks are measured on "));
}

TEST_CASE("relative-paths: a run's config.json works from any folder", "[app]") {
  const Bench bench;
  make_folder(bench / "project/configs");
  make_folder(bench / "elsewhere");
  make_cifar(bench / "project/images");
  fs::copy(finished_run().file("latency.json"), bench / "project/configs/table.json");
  json config = micro_config();
  write_json(bench / "project/configs/space.json", config["space"]);
  config["space"] = "space.json";
  config["data"]["format"] = "cifar10";
  config["data"]["path"] = "../images";
  config["latency"] = {{"table", "table.json"}};
  write_json(bench / "project/configs/mine.json", config);
  REQUIRE(
      bench.run({"search", "-c", "project/configs/mine.json", "-w", "elsewhere/run"}).exit_code ==
      0);
  const fs::path away = bench / "elsewhere";
  CHECK(bench.run_in(away, {"evaluate", "run"}).exit_code == 0);
  CHECK(
      bench.run_in(away, {"search", "-c", "run/config.json", "-w", "run", "--resume"}).exit_code ==
      0);
  CHECK(
      bench.run_in(away, {"search", "-c", "../project/configs/mine.json", "-w", "run", "--resume"})
          .exit_code == 0);
  CHECK(bench.run_in(away, {"retrain", "run", "retrain.epochs=1", "retrain.warmup_epochs=0"})
            .exit_code == 0);
}

TEST_CASE("same-second: searches that start in the same second have different folders", "[app]") {
  const Bench bench;
  std::vector<std::unique_ptr<Process>> all;
  for (int i = 0; i < 3; ++i) {
    all.push_back(std::make_unique<Process>(
        bench / "", std::vector<std::string>{"profile", "--config", "micro.json",
                                             finished_run().table_override()}));
  }
  for (const auto& process : all) {
    const Outcome outcome = process->wait();
    INFO(outcome.err);
    CHECK(outcome.exit_code == 0);
  }
  int folders = 0;
  for (const auto& entry : fs::directory_iterator(bench / "runs/micro")) {
    CHECK(fs::exists(entry.path() / "latency.json"));
    ++folders;
  }
  CHECK(folders == 3);
}

TEST_CASE("log.tensorboard can be switched on or off when a run is continued", "[app]") {
  const Bench bench;
  fs::copy(finished_run().bench / "run", bench / "run", fs::copy_options::recursive);
  const Outcome outcome = bench.run(Bench::search("run", {"--resume", "log.tensorboard=true"}));
  INFO(outcome.err);
  CHECK(outcome.exit_code == 0);
  CHECK(contains(outcome.err, "search: finished before"));
  // And back again: the run's config says true by now, micro.json says nothing.
  for (const std::vector<std::string>& words :
       {Bench::search("run", {"--resume"}),
        Bench::search("run", {"--resume", "log.tensorboard=false"})}) {
    const Outcome back = bench.run(words);
    INFO(back.err);
    CHECK(back.exit_code == 0);
    CHECK(contains(back.err, "search: finished before"));
  }
}

TEST_CASE("a retraining on other images than those of its search says so in one line", "[app]") {
  const Bench bench;
  make_cifar(bench / "set");
  REQUIRE(
      bench.run(search_on("set", {"data.holdout_images=200", "data.train_images=300"})).exit_code ==
      0);
  const auto warnings = [&](const std::string& out) {
    const Outcome outcome = bench.run({"retrain", "run", "--out", out, "retrain.epochs=1",
                                       "retrain.warmup_epochs=0.1", "retrain.batch=64"});
    INFO(outcome.err);
    REQUIRE(outcome.exit_code == 0);
    std::vector<std::string> found;
    for (const std::string& line : lines_of(outcome.err)) {
      if (contains(line, "are not those of the search in run")) found.push_back(line);
    }
    return found;
  };
  CHECK(warnings("same").empty());
  fs::rename(bench / "set", bench / "moved");
  make_cifar(bench / "set");
  CHECK(warnings("copied").empty());
  make_cifar(bench / "set", 2);
  const auto changed = warnings("changed");
  REQUIRE(changed.size() == 1);
  CHECK(contains(changed[0], "retrain: the training images are not those"));
}
