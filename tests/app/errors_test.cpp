// Errors of the user or the system give one line on stderr and the exit code of their kind.
#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <sys/stat.h>
#include <sys/wait.h>
#include <thread>
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

/// A command line that the program must refuse.
struct Refusal {
  std::vector<std::string> arguments;
  int exit_code = 0;
  std::vector<std::string> parts;  ///< Texts that the error message must contain.
};

/// A search in the folder "run" with an override that must be refused.
Refusal refused(const std::string& override_text, int exit_code,
                const std::vector<std::string>& parts) {
  return {Bench::search("run", {override_text}), exit_code, parts};
}

/// Checks that each command ends with its exit code, one line on stderr and nothing on stdout.
void check_errors(const Bench& bench, const std::vector<Refusal>& refusals) {
  std::vector<std::vector<std::string>> commands;
  for (const Refusal& refusal : refusals) {
    commands.push_back(refusal.arguments);
    commands.back().insert(commands.back().begin(), "--quiet");
  }
  const auto outcomes = bench.run_all(commands);
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    CAPTURE(join(commands[i], " "), outcomes[i].err);
    CHECK(outcomes[i].exit_code == refusals[i].exit_code);
    CHECK(outcomes[i].out.empty());
    CHECK(lines_of(outcomes[i].err).size() == 1);
    CHECK(outcomes[i].err.starts_with("hsconas: "));
    for (const std::string& part : refusals[i].parts) {
      CAPTURE(part);
      CHECK(contains(outcomes[i].err, part));
    }
  }
}

}  // namespace

TEST_CASE("a config that is missing or a directory is a data error", "[app]") {
  check_errors(Bench(), {{{"search", "--config", "nope.json"}, kData, {"nope.json: cannot read"}},
                         {{"search", "--config", "."}, kData, {".: cannot read", "directory"}}});
}

TEST_CASE("fifo: a signal ends the wait for a config that is a pipe without a writer", "[app]") {
  const Bench bench;
  REQUIRE(::mkfifo((bench / "pipe.json").c_str(), 0600) == 0);
  for (const auto& words : std::vector<std::vector<std::string>>{
           {"config", "check", "-c", "pipe.json"},
           {"latency", "import", "-s", "pipe.json", "--networks", "x.csv", "-o", "t.json"}}) {
    Process waiting = bench.start(words);
    waiting.wait_until([&] { return waiting.has_open(bench / "pipe.json"); });
    waiting.send(SIGTERM);
    const Outcome outcome = waiting.wait();
    CHECK(outcome.exit_code == 75);
    CHECK(contains(outcome.err, "pipe.json: stopped while nothing came from it"));
  }
}

TEST_CASE("stdin-pipe: a config is read from a pipe to its end", "[app]") {
  const Bench bench;
  write_file(bench / "check.sh",
             "cat micro.json | \"$1\" config check -c /dev/stdin\n"
             "\"$1\" config check -c <(cat micro.json)\n"
             "\"$1\" config check -c /dev/stdin < micro.json\n");
  const std::string command = "cd '" + (bench / "").string() + "' && bash -e check.sh '" +
                              HSCONAS_PROGRAM + "' > out 2> err";
  CHECK(std::system(command.c_str()) == 0);
  INFO(read_file(bench / "err"));
  int valid = 0;
  for (const std::string& line : lines_of(read_file(bench / "out")))
    valid += line.ends_with(": valid");
  CHECK(valid == 3);

  // Paths in it are relative to the current folder.
  json config = micro_config();
  write_json(bench / "space.json", config["space"]);
  config["space"] = "space.json";
  write_json(bench / "micro.json", config);
  CHECK(std::system(command.c_str()) == 0);
}

TEST_CASE("stdout-full: output that cannot be written is a data error of every command", "[app]") {
  const Bench bench;
  const std::string space = std::string(HSCONAS_SOURCE_DIR) + "/configs/spaces/quickstart-32.json";
  const std::string design =
      std::string(HSCONAS_SOURCE_DIR) + "/configs/accelerators/eyeriss-168.json";
  const std::string network = std::string(HSCONAS_SOURCE_DIR) + "/configs/networks/resnet18.json";
  for (const std::string& words :
       {std::string("config keys"), std::string("config check -c micro.json"),
        std::string("config print -c micro.json"), "latency keys -s " + space,
        "latency choose -n 3 -s " + space, "accel -d " + design + " -n " + network,
        "accel --json -d " + design + " -n " + network, std::string("--help"),
        std::string("--version"), std::string("search --help"),
        std::string("search -c micro.json --dry-run")}) {
    INFO(words);
    const std::string command = "cd '" + (bench / "").string() + "' && '" + HSCONAS_PROGRAM + "' " +
                                words + " > /dev/full 2> err";
    const int status = std::system(command.c_str());
    REQUIRE(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 3);
    CHECK(contains(read_file(bench / "err"), "standard output could not be written"));
  }
  const std::string closed =
      "cd '" + (bench / "").string() + "' && '" + HSCONAS_PROGRAM + "' config keys >&- 2> err";
  CHECK(WEXITSTATUS(std::system(closed.c_str())) == 3);
}

TEST_CASE("non-utf8-class: a class folder whose name is not UTF-8 ends the search at its start",
          "[app]") {
  const Bench bench;
  const std::string file = encode_jpeg(plain_image(9, 9, {1, 2, 3}));
  for (const char* name : {"train/caf\xE9/1.jpg", "val/caf\xE9/1.jpg"}) {
    fs::create_directories((bench / "set" / name).parent_path());
    write_file(bench / "set" / name, file);
  }
  check_errors(bench, {{Bench::search("run", {"data.format=folder", "data.path=set"}),
                        kData,
                        {"set/train: the name of the class folder 'caf\\xE9' is not UTF-8"}},
                       {{"config", "check", "-c", "caf\xE9.json"},
                        kUsage,
                        {"argument 5 is not UTF-8: 'caf\\xE9.json'"}}});
}

TEST_CASE("an argument that is not UTF-8 is to be renamed only if it is a file, else to be retyped",
          "[app]") {
  const Bench bench;
  write_file(bench / "caf\xE9.json", "{}");
  const std::string rename = "; rename the file or folder";
  const std::string retype = "; type it in UTF-8 or in plain ASCII";
  check_errors(
      bench,
      {{{"config", "check", "-c", "caf\xE9.json"}, kUsage, {"'caf\\xE9.json'" + rename}},
       {{"config", "check", "--config=caf\xE9.json"}, kUsage, {"caf\\xE9.json'" + rename}},
       refused("data.path=caf\xE9.json", kUsage, {rename}),
       refused("data.path=th\xE9.json", kUsage, {retype}),
       refused("name=caf\xE9", kUsage, {"'name=caf\\xE9'" + retype}),
       {{"predict", "run", "--arch", "\xE9"}, kUsage, {"'\\xE9'" + retype}},
       {{"latency", "import", "--device-name", "Caf\xE9 1"}, kUsage, {"Caf\\xE9 1'" + retype}}});
}

TEST_CASE("duplicate-keys: a key given twice is a usage error that names it and the line",
          "[app]") {
  const Bench bench;
  std::string text = read_file(bench / "micro.json");
  text.insert(text.rfind('}'), ", \"supernet\": {\"lr\": 0.01}\n");
  write_file(bench / "dup.json", text);
  const std::string space = micro_config()["space"].dump();
  write_file(bench / "space.json", "{\"name\": \"a\",\n" + space.substr(1));
  check_errors(bench,
               {{{"config", "check", "-c", "dup.json"},
                 kUsage,
                 {"dup.json: line ", "the key \"supernet\" occurs a second time, first on line "}},
                {{"latency", "keys", "-s", "space.json"},
                 kUsage,
                 {"space.json: line 2: the key \"name\" occurs a second time, first on line 1"}},
                refused("search={\"population\": 4, \"population\": 6}", kUsage,
                        {"override search: line 1: the key \"population\""})});
}

TEST_CASE("a config that is not valid JSON is a usage error with line and column", "[app]") {
  const Bench bench;
  write_file(bench / "bad.json", "{\n  \"space\": {,\n");
  write_file(bench / "list.json", "[]");
  check_errors(bench,
               {{{"search", "--config", "bad.json"}, kUsage, {"bad.json", "line 2, column 13"}},
                {{"search", "--config", "list.json"},
                 kUsage,
                 {"list.json", "a config must be a JSON object"}}});
  write_file(bench / "empty.json", "\n");
  write_file(bench / "yaml.json", "# a comment\nspace: spaces/spos.json\nseed: 1\n");
  write_file(bench / "utf16.json", std::string("\xFF\xFE{\0}\0", 6));
  check_errors(bench, {{{"search", "--config", "empty.json"}, kUsage, {"empty.json is empty"}},
                       {{"search", "--config", "yaml.json"}, kUsage, {"looks like YAML"}},
                       {{"search", "--config", "utf16.json"}, kUsage, {"is UTF-16 text"}}});
}

TEST_CASE("the error about a misspelt key names the nearest known key", "[app]") {
  const Bench bench;
  json config = micro_config();
  config["serach"] = config["search"];
  config.erase("search");
  write_json(bench / "typo.json", config);
  check_errors(bench,
               {{{"search", "--config", "typo.json"}, kUsage, {"typo.json: serach", "'search'"}},
                refused("search.populaton=3", kUsage, {"search.populaton", "'population'"})});
}

TEST_CASE("the error about a value of the wrong type or out of range names its key", "[app]") {
  check_errors(Bench(),
               {refused("search.population=many", kUsage, {"search.population", "many"}),
                refused("search.population=2.5", kUsage, {"search.population", "2.5"}),
                refused("search.population=1", kUsage, {"search.population", "[2, 1000000]"}),
                refused("supernet.schedule=step", kUsage, {"supernet.schedule", "cosine"}),
                refused("space.operators=[\"conv\"]", kUsage, {"conv", "shuffle_k3"}),
                refused("space=nope.json", kData, {"nope.json"}),
                refused("name=\xff", kUsage, {"is not UTF-8: 'name=\\xFF'"}),
                refused("seed.x=1", kUsage, {"seed has the wrong type"})});
}

TEST_CASE("the error about contradictory settings names them", "[app]") {
  check_errors(Bench(),
               {refused("search.parents=9", kUsage, {"search.parents", "search.population"}),
                refused("shrink.stages.0.layers=9", kUsage, {"shrink.stages", "9 layers"}),
                refused("latency.cuda=graph", kUsage, {"latency.cuda", "timed on cpu"}),
                refused("latency.precision=tf32", kUsage, {"latency.precision", "timed on cpu"})});
}

TEST_CASE("the error about an override that is not key=value quotes it", "[app]") {
  std::vector<Refusal> refusals{
      refused("shrink.stages.7.layers=1", kUsage, {"shrink.stages.7.layers", "'7'"})};
  for (const char* text : {"population", "=3", ""}) {
    refusals.push_back({{"search", "--config", "micro.json", "--set", text},
                        kUsage,
                        {std::string("'") + text + "' is not of the form key=value"}});
  }
  check_errors(Bench(), refusals);
}

TEST_CASE("small things: an invalid command line is a usage error that names the command for help",
          "[app]") {
  std::vector<Refusal> refusals{
      {{"serach"}, kUsage, {"command 'serach' is not known (did you mean 'search'?)"}},
      {{"config", "pint"}, kUsage, {"command 'pint' is not known (did you mean 'print'?)"}},
      {{"--seed", "3"}, kUsage, {"option --seed is not known"}},
      {{"config"}, kUsage, {"subcommand"}},
      {{"search", "--config"}, kUsage, {"--config", "missing"}},
      {{"search", "--config", "micro.json", "--config", "micro.json"},
       kUsage,
       {"--config is given several times: give it once"}},
      {{"search", "--config", "micro.json", "--resum"},
       kUsage,
       {"option --resum is not known here (did you mean '--resume'?)"}},
      {{"search", "--confg", "micro.json"},
       kUsage,
       {"option --confg is not known here (did you mean '--config'?)"}},
      {{"search", "micro.json", "--search.population", "30"},
       kUsage,
       {"write search.population=VALUE"}},
      {{"export", "run", "--onx=net.onnx"}, kUsage, {"(did you mean '--onnx'?)"}},
      {Bench::search("run", {"--resume", "--overwrite"}), kUsage, {"--resume", "--overwrite"}},
      {{"search", "--config", "micro.json", "--resume"}, kUsage, {"--work-dir"}},
      {{"latency"}, kUsage, {"subcommand"}},
      {{"latency", "imprt"}, kUsage, {"did you mean 'import'?"}},
      {{"latency", "imprt", "-s", "x.json"}, kUsage, {"did you mean 'import'?"}},
      {{"latency", "import", "--out", "t.json"}, kUsage, {"needs --space and --out"}},
      {{"latency", "choose", "-s", "x.json", "-n", "1"}, kUsage, {"--count"}},
      {{"latency", "adapt", "-s", "x.json", "-o", "t.json", "-t", "s.json"},
       kUsage,
       {"--networks is required"}}};
  for (Refusal& refusal : refusals) refusal.parts.emplace_back("(run with --help)");
  check_errors(Bench(), refusals);
}

TEST_CASE("small things: the error about an incomplete command line shows what to type", "[app]") {
  check_errors(
      Bench(),
      {{{"search"}, kUsage, {"no config", "--config", "quickstart"}},
       {{"search", "micro.jsn"}, kData, {"micro.jsn"}},
       {{"search", "quikstart"}, kData, {"did you mean 'quickstart'?"}},
       {{"search", "--config", "micro.json", "other.json"},
        kUsage,
        {"'other.json' is not of the form key=value"}},
       {{"config", "keys", "supernt"}, kUsage, {"supernt", "did you mean 'supernet'?"}},
       {{"predict", "--arch", "0:0-0:0-0:0"}, kUsage, {"predict RUN", "--config", "--space"}}});
}

TEST_CASE("a work directory that is not empty is refused with both remedies", "[app]") {
  check_errors(Bench(), {{Bench::search("."), kUsage, {"not empty", "--resume", "--overwrite"}}});
}

TEST_CASE("a work directory that cannot be created is a data error", "[app]") {
  check_errors(Bench(), {{Bench::search("micro.json/run"), kData, {"micro.json/run"}},
                         {Bench::search("/dev/null/run"), kData, {"/dev/null/run"}},
                         {Bench::search(std::string(300, 'x')), kData, {"too long"}}});
}

TEST_CASE("an unknown or absent device is refused before anything is written", "[app]") {
  const Bench bench;
  std::vector<Refusal> refusals{refused("device.type=gpu", kUsage, {"gpu", "cuda:N"}),
                                refused("latency.device=cuda:x", kUsage, {"cuda:x"})};
  if (!fs::exists("/dev/nvidiactl")) {
    refusals.push_back(refused("device.type=cuda", kDevice, {"cuda", "use cpu"}));
  }
  check_errors(bench, refusals);
  CHECK_FALSE(fs::exists(bench / "run"));
}

TEST_CASE("a precision that the device does not support is refused at the start, without a GPU too",
          "[app]") {
  const Bench bench;
  check_errors(
      bench,
      {refused("supernet.precision=fp16", kUsage,
               {"supernet.precision", "fp16", "\"cpu\" supports fp32 or bf16", "auto"}),
       refused("score.precision=bf16", kUsage, {"score.precision", "fp32 or fp16"}),
       refused("retrain.precision=int8", kUsage, {"auto, fp32, bf16, fp16"}),
       {{"config", "check", "--config", "micro.json", "device.type=cuda", "retrain.precision=fp16"},
        kUsage,
        {"retrain.precision", "\"cuda\" supports bf16 or fp32"}}});
  CHECK_FALSE(fs::exists(bench / "run"));
}

TEST_CASE("missing or unsuitable data are an error before anything is measured", "[app]") {
  const Bench bench;
  std::vector<Refusal> refusals;
  const auto add = [&](const std::vector<std::string>& overrides, int exit_code,
                       const std::vector<std::string>& parts) {
    const std::string run = "run" + std::to_string(refusals.size());
    refusals.push_back({Bench::search(run, overrides), exit_code, parts});
  };
  add({"data.format=cifar10"}, kUsage, {"data.path"});
  add({"data.format=cifar10", "data.path=nope"}, kData, {"data.path", "nope"});
  add({"data.format=folder", "data.path=micro.json"}, kData, {"micro.json", "not a folder"});
  add({"data.format=folder", "data.path=."}, kData, {"train/"});
  add({"space.classes=7"}, kUsage, {"10 classes", "set space.classes=10"});
  add({"space.image_channels=1"}, kUsage, {"set space.image_channels=3"});
  add({"data.holdout_images=10000"}, kUsage, {"data.holdout_images", "10000"});
  check_errors(bench, refusals);
  for (std::size_t i = 0; i < refusals.size(); ++i) {
    CHECK_FALSE(fs::exists(bench / ("run" + std::to_string(i))));
  }
}

TEST_CASE("a truncated CIFAR file is an error that names it", "[app]") {
  const Bench bench;
  make_folder(bench / "cifar");
  write_file(bench / "cifar/data_batch_1.bin", std::string(3073 * 20 - 1, '\0'));
  write_file(bench / "cifar/test_batch.bin", std::string(3073 * 20, '\0'));
  check_errors(bench, {{Bench::search("run", {"data.format=cifar10", "data.path=cifar"}),
                        kData,
                        {"cifar/data_batch_1.bin", "truncated"}}});
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
  std::vector<std::string> skipped;
  for (const std::string& line : lines_of(outcome.err)) {
    if (contains(line, "skipped")) skipped.push_back(line);
  }
  REQUIRE(skipped.size() == 1);
  CHECK(contains(skipped[0], "warning: skipped "));
  CHECK(contains(skipped[0], "/train/red/3.jpg"));
}
#endif

TEST_CASE("a latency target below the fastest network is infeasible; the error names its latency",
          "[app]") {
  const Bench bench;
  std::vector<Refusal> refusals;
  for (const char* command : {"search", "shrink"}) {
    refusals.push_back(
        {{command, "--config", "micro.json", "--work-dir", command,
          "latency.accelerator=" + shipped("accelerators/kc-p.json"), "latency.target_ms=0.000001"},
         kInfeasible,
         {"latency.target_ms", "fastest possible takes ", " ms"}});
  }
  check_errors(bench, refusals);
  CHECK_FALSE(fs::exists(bench / "shrink"));  // The error comes before any training.
}

TEST_CASE("--overwrite removes nothing when the settings cannot work", "[app]") {
  const Bench bench;
  fs::copy(finished_run().bench / "run", bench / "run", fs::copy_options::recursive);
  const std::string result = read_file(bench / "run/result.json");
  const std::string model = read_file(bench / "run/model.safetensors");
  check_errors(bench, {{{"search", "--config", "micro.json", "--work-dir", "run", "--overwrite",
                         "supernet.batch=100000"},
                        kUsage,
                        {"supernet.batch: a batch of 100000 images", "lower it"}}});
  CHECK(read_file(bench / "run/result.json") == result);
  CHECK(read_file(bench / "run/model.safetensors") == model);

  REQUIRE(bench.run({"retrain", "run", "retrain.epochs=1", "retrain.warmup_epochs=0"}).exit_code ==
          0);
  const std::string retrained = read_file(bench / "run/retrain/model.safetensors");
  check_errors(bench, {{{"retrain", "run", "--overwrite", "retrain.epochs=1",
                         "retrain.warmup_epochs=0", "retrain.batch=100000"},
                        kUsage,
                        {"retrain.batch: a batch of 100000 images"}}});
  CHECK(read_file(bench / "run/retrain/model.safetensors") == retrained);
}

TEST_CASE("doctor and --dry-run refuse what a search would refuse", "[app]") {
  const Bench bench;
  const std::vector<std::pair<std::string, std::string>> wrong{
      {"supernet.batch=100000", "a batch of 100000 images"},
      {"latency.accelerator=absent.json", "absent.json"}};
  for (const auto& [setting, part] : wrong) {
    const Outcome doctor = bench.run({"doctor", "micro.json", setting});
    CHECK(doctor.exit_code != 0);
    CHECK(contains(doctor.out, part));
    const Outcome plan = bench.run({"search", "micro.json", "--dry-run", setting});
    CHECK(plan.exit_code == doctor.exit_code);
    CHECK(contains(plan.err, part));
  }
}

TEST_CASE("an option and an override that set the same key are refused", "[app]") {
  check_errors(Bench(), {{{"search", "micro.json", "--seed", "3", "seed=4"},
                          kUsage,
                          {"--seed and seed=4 set the same key: leave out one of them"}},
                         {{"search", "micro.json", "--threads", "1", "--set", "device.threads=2"},
                          kUsage,
                          {"--threads and device.threads=2 set the same key"}}});
}

TEST_CASE("a plan that needs more memory than there is says so and measures nothing", "[app]") {
  const Bench bench;
  const Outcome plan = bench.run(
      {"search", "micro.json", "--dry-run", "space.image_size=4096", "supernet.batch=300"});
  INFO(plan.err);
  CHECK(plan.exit_code == 0);
  CHECK(contains(plan.out, "time: not measured, because training and scoring may need"));
  const Outcome doctor =
      bench.run({"doctor", "micro.json", "space.image_size=4096", "supernet.batch=300"});
  CHECK(contains(doctor.out, "slow: training and scoring may need"));
  CHECK_FALSE(contains(doctor.out, "time: "));
}

TEST_CASE("a table that predicts 0 ms for the fastest network is doubted, for all it is refused",
          "[app]") {
  const Bench bench;
  const std::string source = finished_run().table_override();
  json table = json::parse(read_file(source.substr(source.find('=') + 1)));
  table.erase("crc32");
  double ms = 1.0;  // Times that differ much, so that their digits in the log are enough.
  for (auto& entry : table["entries"]) {
    for (const char* key : {"low", "ms", "high", "network_ms"}) entry[key] = ms;
    ms += 0.25;
  }
  const auto profile = [&](double bias) {
    table["bias_ms"] = bias;
    write_json(bench / "table.json", table);
    const std::string folder = fmt::format("run{:.0f}", -bias);
    return bench.run(
        {"profile", "--config", "micro.json", "latency.table=table.json", "--work-dir", folder});
  };
  const Outcome plain = profile(0.0);
  INFO(plain.err);
  const auto after = [&](const char* words) {
    const std::size_t at = plain.err.find(words);
    REQUIRE(at != std::string::npos);
    return std::stod(plain.err.substr(at + std::string_view(words).size()));
  };
  const double fastest = after("latency: ");
  const double target = after(", T = ");
  REQUIRE(fastest < target);
  const Outcome doubtful = profile(-(fastest + target) / 2.0);
  INFO(doubtful.err);
  CHECK(doubtful.exit_code == 0);
  CHECK(contains(doubtful.err, "predicts 0 ms for the fastest network, so its correction is"));
  const Outcome useless = profile(-1000.0);
  INFO(useless.err);
  CHECK(useless.exit_code == 3);
  CHECK(contains(useless.err, "table.json: the latency table predicts 0 ms"));
}

TEST_CASE("a latency table of another space is an error that names a missing entry", "[app]") {
  const std::string override_text = finished_run().table_override();
  const std::string table = override_text.substr(override_text.find('=') + 1);
  check_errors(Bench(), {refused("latency.table=nope.json", kData, {"nope.json"}),
                         {Bench::search("other", {override_text, "space.head.channels=48"}),
                          kData,
                          {"head_", "_m48_", "measure the space at hand"}},
                         {{"predict", "--config", "micro.json", "--table", table, "--arch",
                           "0:0-0:0-0:0", "space.head.channels=48"},
                          kData,
                          {"head_", "_m48_"}}});
}

TEST_CASE("continuing a run with a damaged file is an error that names the file", "[app]") {
  const auto& run = finished_run();
  const Bench bench;
  std::vector<Refusal> refusals;
  const auto damage = [&](const std::string& file, const std::string& contents,
                          const std::string& override_text = "search.population=6") {
    const std::string copy = "run" + std::to_string(refusals.size());
    fs::copy(run.bench / "run", bench / copy, fs::copy_options::recursive);
    write_file(bench / (copy + "/" + file), contents);
    refusals.push_back({Bench::search(copy, {"--resume", "--allow-changes", override_text}),
                        kData,
                        {copy + "/" + file}});
  };
  std::string weights = read_file(run.file("checkpoints/supernet.safetensors"));
  damage("checkpoints/supernet.safetensors", weights.substr(0, weights.size() / 2));
  weights[weights.size() / 2] = static_cast<char>(weights[weights.size() / 2] ^ 1);
  damage("checkpoints/supernet.safetensors", weights);
  damage("stages.json", "{\"supernet\": 5}");
  const std::string table = read_file(run.file("latency.json"));
  damage("latency.json", table.substr(0, table.size() / 2));
  damage("latency.json", "{}");
  damage("candidates.csv", "weights,arch,accuracy\n");
  damage("candidates.csv",
         "weights,arch,accuracy,at_most,images,latency_ms,score,crc32\n"
         "x,0:0-0:0-0:0,2,2,all,1,1,0\n");
  damage("result.json", "{", "seed=1");
  damage("result.json", "{}", "seed=1");
  check_errors(bench, refusals);
}

TEST_CASE("a checkpoint with weights of other settings is not loaded", "[app]") {
  const Bench bench;
  fs::copy(finished_run().bench / "run", bench / "run", fs::copy_options::recursive);
  const Outcome other = bench.run(
      {"train", "--config", "micro.json", "--work-dir", "other", "space.head.channels=48"});
  REQUIRE(other.exit_code == 0);
  fs::copy(bench / "other/checkpoints/supernet.safetensors",
           bench / "run/checkpoints/supernet.safetensors", fs::copy_options::overwrite_existing);
  const Outcome outcome =
      bench.run(Bench::search("run", {"--resume", "--allow-changes", "search.population=6"}));
  INFO(outcome.err);
  CHECK(outcome.exit_code == 0);
  CHECK(contains(outcome.err, "supernet: finished before, but its output is incomplete"));
  CHECK(read_file(bench / "run/checkpoints/supernet.safetensors") ==
        read_file(finished_run().file("checkpoints/supernet.safetensors")));
}
