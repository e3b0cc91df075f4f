#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "app/program.hpp"
#include "catch.hpp"
#include "data/support.hpp"
#include "hsconas/base/csv.hpp"
#include "hsconas/report/metrics.hpp"
#include "hsconas/score/rank_quality.hpp"
#include "hsconas/space/subspace.hpp"
#include "support/event_reader.hpp"

using namespace hsconas;
using namespace hsconas::test;
using nlohmann::json;

namespace {

namespace fs = std::filesystem;

/// A copy of the finished search.
struct CopiedSearch {
  Bench bench;
  CopiedSearch() { fs::copy(finished_run().file(""), bench / "run", fs::copy_options::recursive); }

  Outcome run(std::vector<std::string> words) const { return bench.run(words); }
  /// `retrain run` with a recipe that takes a second.
  Outcome retrain(const std::vector<std::string>& more = {}) const {
    return bench.run(retrain_words(more));
  }
  static std::vector<std::string> retrain_words(const std::vector<std::string>& more) {
    std::vector<std::string> words{"retrain",          "run",
                                   "retrain.epochs=2", "retrain.warmup_epochs=0.1",
                                   "retrain.batch=64", "retrain.average_decay=0.9"};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }
};

}  // namespace

TEST_CASE("a finished search is exported from its own folder, without the data", "[deploy]") {
  const CopiedSearch run;
  const Outcome outcome = run.run({"--json", "export", "run"});
  REQUIRE(outcome.exit_code == 0);
  const json answer = json::parse(outcome.out);
  CHECK(answer["weights"] == "supernet");
  for (const char* file : {"model.onnx", "model.pt", "model.safetensors", "architecture.json"}) {
    CHECK(fs::exists(run.bench / "run" / "export" / file));
  }
  const json architecture = read_json(run.bench / "run/export/architecture.json");
  CHECK(architecture["arch"] == result_of(run.bench / "run")["winner"]["arch"]);
  CHECK(architecture["classes"].size() == 10);
  // From an exported model, a single file can be exported to another place.
  REQUIRE(run.run({"export", "run/export", "--onnx", "out/net.onnx"}).exit_code == 0);
  CHECK(read_file(run.bench / "out/net.onnx") == read_file(run.bench / "run/export/model.onnx"));
  CHECK(std::distance(fs::directory_iterator(run.bench / "out"), {}) == 1);
}

TEST_CASE("export, evaluate and retrain refuse an unfinished search", "[deploy]") {
  const CopiedSearch run;
  REQUIRE(run.run({"shrink", "--config", "micro.json", "--work-dir", "part"}).exit_code == 0);
  const std::string advice =
      "hsconas: part: the search has not finished; continue it with hsconas search --config "
      "part/config.json --work-dir part --resume\n";
  for (const char* command : {"export", "evaluate", "retrain"}) {
    const Outcome outcome = run.run({command, "part"});
    CHECK(outcome.exit_code == 3);
    CHECK(outcome.err == advice);
  }
  fs::create_directory(run.bench / "empty");
  const Outcome nothing = run.run({"export", "empty"});
  CHECK(nothing.exit_code == 3);
  CHECK(nothing.err ==
        "hsconas: empty: is neither a run nor a model: it holds no architecture.json\n");
}

TEST_CASE("the winner is retrained, evaluated and exported with its new weights", "[deploy]") {
  const CopiedSearch run;
  const Outcome outcome = run.retrain({"--json"});
  REQUIRE(outcome.exit_code == 0);
  const json result = json::parse(outcome.out);
  const json search = result_of(run.bench / "run");
  CHECK(result["arch"] == search["winner"]["arch"]);
  CHECK(result["shared_test_accuracy"] == search["winner"]["test_accuracy"]);
  CHECK(result["steps"] == 18);  // Two epochs of 400 + 200 images, held-out ones included.
  CHECK(result["test_images"] == 200);
  CHECK(contains(read_file(run.bench / "run/retrain/metrics.jsonl"), "\"stage\":\"retrain\""));

  const Outcome evaluated = run.run({"--json", "evaluate", "run", "--batch", "4"});
  REQUIRE(evaluated.exit_code == 0);
  const json evaluation = json::parse(evaluated.out);
  CHECK(evaluation["weights"] == "retrained");
  CHECK(evaluation["top1"] == result["test_accuracy"]);  // The saved model is the tested one.
  CHECK(evaluation["top5"] == result["test_top5"]);
  CHECK(evaluation["latency"]["batch"] == 4);
  CHECK(evaluation["latency"]["ms"] > 0.0);
  const CsvTable confusion = CsvTable::load(run.bench / "run/retrain/confusion.csv");
  CHECK(confusion.rows() == 10);
  double images = 0.0;
  for (std::size_t row = 0; row < confusion.rows(); ++row) {
    double sum = 0.0;
    for (std::size_t column = 4; column < 14; ++column) sum += confusion.number(row, column);
    CHECK(sum == confusion.number(row, confusion.column("images")));
    images += sum;
  }
  CHECK(images == 200.0);

  // The weights of the search are kept.
  const Outcome shared = run.run({"--json", "evaluate", "run", "--shared", "--out", "shared"});
  REQUIRE(shared.exit_code == 0);
  CHECK(json::parse(shared.out)["top1"] == search["winner"]["test_accuracy"]);
  REQUIRE(run.run({"export", "run", "--safetensors", "x/model.safetensors"}).exit_code == 0);
  CHECK(read_json(run.bench / "x/architecture.json")["weights"] == "retrained");
  CHECK(read_file(run.bench / "x/model.safetensors") ==
        read_file(run.bench / "run/retrain/model.safetensors"));
}

TEST_CASE("a stopped and continued retraining gives the same result", "[deploy]") {
  const CopiedSearch run;
  REQUIRE(run.retrain({"retrain.epochs=6", "--out", "whole"}).exit_code == 0);
  const auto words = CopiedSearch::retrain_words(
      {"retrain.epochs=6", "--out", "parts", "--resume", "log.tensorboard=true"});
  Process first = run.bench.start(words);
  first.wait_for("retrain: ");
  first.send(SIGTERM);
  const Outcome stopped = first.wait();
  CHECK((stopped.exit_code == 75 || stopped.exit_code == 0));
  if (stopped.exit_code == 75) {
    const Outcome exported = run.run({"export", "parts"});
    CHECK(exported.exit_code == 3);
    CHECK(contains(exported.err, "has not finished"));
  }
  REQUIRE(run.run(words).exit_code == 0);
  CHECK(read_json(run.bench / "parts/result.json") == read_json(run.bench / "whole/result.json"));
  CHECK(read_file(run.bench / "parts/model.safetensors") ==
        read_file(run.bench / "whole/model.safetensors"));
  // The curves equal those of an uninterrupted training.
  const MetricsHistory curves = load_metrics(run.bench / "parts/metrics.jsonl");
  const MetricsHistory of_whole = load_metrics(run.bench / "whole/metrics.jsonl");
  CHECK(curves.lines().back().step == of_whole.lines().back().step);
  CHECK(scalars_of(only_event_file(run.bench / "parts")).size() == 3 * curves.lines().size());

  // A finished retraining is reused, and a folder in use is not overwritten without --overwrite.
  const Outcome again = run.run(words);
  CHECK(again.exit_code == 0);
  CHECK(contains(again.err, "finished before with the same settings, reused"));
  const Outcome refused = run.retrain({"--out", "parts"});
  CHECK(refused.exit_code == 2);
  CHECK(contains(refused.err, "not empty"));
}

TEST_CASE("retraining can start from the shared weights and use a teacher", "[deploy]") {
  const CopiedSearch run;
  // A single step with a tiny learning rate hardly changes the supernet's weights.
  const Outcome start =
      run.retrain({"--json", "--from-supernet", "retrain.epochs=0.1", "retrain.warmup_epochs=0",
                   "retrain.lr=1e-9", "retrain.average_decay=0"});
  REQUIRE(start.exit_code == 0);
  const json result = json::parse(start.out);
  CHECK(result["test_accuracy"] == result["shared_test_accuracy"]);

  const Outcome taught = run.retrain({"--out", "taught", "retrain.distillation=0.5"});
  CHECK(taught.exit_code == 0);
  CHECK(contains(taught.err, "retrain: the teacher is "));
  CHECK(run.retrain({"--out", "by-model", "retrain.distillation=0.5", "retrain.teacher=taught"})
            .exit_code == 0);
  CHECK(read_file(run.bench / "taught/model.safetensors") !=
        read_file(run.bench / "by-model/model.safetensors"));
}

TEST_CASE("a given architecture is trained without a search", "[deploy]") {
  const Bench bench;
  const std::vector<std::string> words{"--json",
                                       "retrain",
                                       "--config",
                                       "micro.json",
                                       "--arch",
                                       "0:1-1:0-2:1",
                                       "--out",
                                       "net",
                                       "retrain.epochs=1",
                                       "retrain.warmup_epochs=0",
                                       "retrain.use_holdout=false"};
  const Outcome outcome = bench.run(words);
  REQUIRE(outcome.exit_code == 0);
  const json result = json::parse(outcome.out);
  CHECK(result["arch"] == "0:1-1:0-2:1");
  CHECK(result["shared_test_accuracy"].is_null());
  CHECK(result["steps"] == 3);
  CHECK(bench.run({"evaluate", "net"}).exit_code == 0);

  const auto outcomes = bench.run_all(
      {{"retrain", "--config", "micro.json"},
       {"retrain", "--config", "micro.json", "--arch", "0:1", "-o", "d"},
       {"retrain", "--config", "micro.json", "--arch", "0:1-1:0-2:1"},
       {"retrain", "--config", "micro.json", "--arch", "0:1-1:0-2:1", "-o", "a", "--from-supernet"},
       {"retrain", "retrain.epochs=1"},
       {"retrain", "--config", "micro.json", "--arch", "0:1-1:0-2:1", "-o", "b",
        "retrain.distillation=0.5"},
       {"retrain", "--config", "micro.json", "--arch", "0:1-1:0-2:1", "-o", "c",
        "retrain.warmup_epochs=300"}});
  const std::vector<std::string> sentences{
      "retrain needs the folder of a finished search, or --config and --arch",
      "0:1",
      "retrain without RUN needs a folder to work in: name it with --out",
      "retrain.from_supernet needs a finished search",
      "retrain needs the folder of a finished search",
      "retrain.distillation needs a teacher: set retrain.teacher",
      "retrain.warmup_epochs must be below retrain.epochs (240), got 300"};
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    INFO(outcomes[i].err);
    CHECK(outcomes[i].exit_code == 2);
    CHECK(contains(outcomes[i].err, sentences[i]));
    CHECK(lines_of(outcomes[i].err).size() == 1);
  }
}

#if HSCONAS_HAVE_PNG
TEST_CASE("a test folder must have exactly the network's classes", "[deploy]") {
  const Bench bench;
  const auto add_class = [&](const std::string& part, const std::string& name, int level) {
    make_folder(bench / "images" / part / name);
    const std::vector<std::uint8_t> pixels(32 * 32 * 3, static_cast<std::uint8_t>(level));
    for (int i = 0; i < 40; ++i) {
      write_file(bench / "images" / part / name / fmt::format("{}.png", i),
                 encode_png(32, 32, PNG_FORMAT_RGB, pixels.data()));
    }
  };
  for (const char* part : {"train", "test"}) {
    add_class(part, "dark", 10);
    add_class(part, "light", 240);
    add_class(part, "middle", 120);
  }
  const std::vector<std::string> words{"retrain",
                                       "--config",
                                       "micro.json",
                                       "--arch",
                                       "0:1-1:0-2:1",
                                       "--out",
                                       "net",
                                       "retrain.epochs=1",
                                       "retrain.warmup_epochs=0",
                                       "retrain.batch=16",
                                       "data.format=folder",
                                       "data.path=images",
                                       "space.classes=3",
                                       "data.holdout_images=30",
                                       "data.train_images=0",
                                       "data.test_images=0"};
  REQUIRE(bench.run(words).exit_code == 0);
  fs::remove_all(bench / "images/train");  // Evaluation does not read it.
  CHECK(bench.run({"evaluate", "net"}).exit_code == 0);

  fs::rename(bench / "images/test/middle", bench / "middle");
  const Outcome missing = bench.run({"--quiet", "evaluate", "net"});
  CHECK(missing.exit_code == 3);
  CHECK(missing.err == "hsconas: " + (bench / "images/test").string() +
                           ": the folder of class 'middle' is missing; the network knows 3 "
                           "classes, here are 2\n");
  fs::rename(bench / "middle", bench / "images/test/medium");
  CHECK(contains(bench.run({"--quiet", "evaluate", "net"}).err, "'middle' is missing"));
  add_class("test", "middle", 120);
  const Outcome unknown = bench.run({"--quiet", "evaluate", "net"});
  CHECK(unknown.exit_code == 3);
  CHECK(contains(unknown.err, "'medium' is no class that the network knows"));
}
#endif

TEST_CASE("a network is retrained together with a shallower version of itself", "[deploy]") {
  const CopiedSearch run;
  const std::vector<std::string> depths{"--arch", "0:1-1:1-0:1",      "--out",
                                        "deep",   "retrain.depths=1", "--json"};
  const Outcome outcome = run.retrain(depths);
  REQUIRE(outcome.exit_code == 0);
  const json result = json::parse(outcome.out);
  REQUIRE(result["depths"].size() == 1);
  const json depth = result["depths"][0];
  CHECK(depth["macs"] < result["macs"]);
  CHECK(depth["parameters"] < result["parameters"]);
  const std::string folder = "deep/" + depth["folder"].get<std::string>();
  const Outcome evaluated = run.run({"--json", "evaluate", folder});
  REQUIRE(evaluated.exit_code == 0);
  CHECK(json::parse(evaluated.out)["top1"] == depth["test_accuracy"]);
  CHECK(run.run({"export", folder, "--onnx", "shallow.onnx"}).exit_code == 0);
  // A second call finds the finished work, also that of the shallower version.
  std::vector<std::string> again = depths;
  again.emplace_back("--resume");
  CHECK(run.retrain(again).out == outcome.out);
  fs::remove(run.bench / folder / "model.safetensors");
  CHECK(run.retrain(again).out == outcome.out);
  CHECK(fs::exists(run.bench / folder / "model.safetensors"));

  const Outcome many = run.retrain({"--arch", "0:1-1:1-0:1", "retrain.depths=4", "--overwrite"});
  CHECK(many.exit_code == 2);
  CHECK(contains(many.err, "4 shallower versions of 0:1-1:1-0:1 do not exist"));
}

/// A CSV with made-up accuracies of `count` different networks of the micro space.
std::string made_up_accuracies(std::size_t count) {
  const SearchSpace space(read_space(micro_config().at("space")));
  std::string csv = "arch,acc\n";
  Rng rng(1, "known");
  std::set<Architecture> known;
  while (known.size() < count) known.insert(space.canonical(sample(Subspace::full(space), rng)));
  for (const Architecture& arch : known) {
    csv +=
        fmt::format("{},{}\n", space.encode(arch), 0.3 + 0.01 * static_cast<double>(rng.below(40)));
  }
  return csv;
}

TEST_CASE("the ranking by shared weights is compared with known accuracies", "[rank]") {
  const CopiedSearch run;
  const SearchSpace space(read_space(micro_config().at("space")));
  write_file(run.bench / "known.csv", made_up_accuracies(12));
  const auto rank = [&](std::vector<std::string> more) {
    std::vector<std::string> words{"rank", "run", "--accuracies", "known.csv", "--accuracy-column",
                                   "acc"};
    words.insert(words.end(), more.begin(), more.end());
    return run.run(words);
  };
  const Outcome outcome = rank({"--json", "--bins", "2", "--out", "ranked.csv"});
  REQUIRE(outcome.exit_code == 0);
  const json record = json::parse(outcome.out);
  CHECK(record["networks"] == 12);
  CHECK(record["shared_weights"]["tau"].get<double>() <= 1.0);
  const CsvTable ranked = CsvTable::load(run.bench / "ranked.csv");
  REQUIRE(ranked.rows() == 12);
  std::vector<double> truth, shared, likelihood, macs;
  for (std::size_t row = 0; row < ranked.rows(); ++row) {
    truth.push_back(ranked.number(row, ranked.column("accuracy")));
    shared.push_back(ranked.number(row, ranked.column("shared_accuracy")));
    likelihood.push_back(ranked.number(row, ranked.column("shared_likelihood")));
    CHECK(likelihood.back() > 0.0);
    CHECK(likelihood.back() <= 1.0);
    macs.push_back(ranked.number(row, ranked.column("macs")));
    CHECK(macs.back() ==
          static_cast<double>(
              space.cost(space.decode(ranked.text(row, ranked.column("arch")))).macs));
  }
  CHECK(record["shared_weights"]["tau_within_bins"].get<double>() ==
        Approx(rank_quality(shared, truth, macs, 2).tau_within));
  CHECK(record["shared_likelihood"]["tau"].get<double>() ==
        Approx(rank_quality(likelihood, truth, macs, 2).tau));
  CHECK(rank({"--json", "--bins", "2"}).out == outcome.out);
  CHECK(contains(rank({"--bins", "2", "--networks", "8"}).out, "8 networks"));

  // Fewer images give other scores, and the run stays as it is.
  const std::string config = read_file(run.bench / "run" / "config.json");
  const Outcome fewer = rank({"--json", "--bins", "2", "score.validation_images=7"});
  REQUIRE(fewer.exit_code == 0);
  CHECK(fewer.out != outcome.out);
  CHECK(read_file(run.bench / "run" / "config.json") == config);
  CHECK(rank({"--json", "--bins", "2"}).out == outcome.out);
  const Outcome other = rank({"supernet.epochs=9"});
  CHECK(other.exit_code == 2);
  CHECK(contains(other.err, "supernet.epochs=9: rank compares a run as it is"));

  const Outcome few = rank({"--bins", "9"});
  CHECK(few.exit_code == 2);
  CHECK(contains(few.err, "12 networks are too few for 9 bins"));
  const Outcome absent = run.run({"rank", "absent", "--accuracies", "known.csv"});
  CHECK(absent.exit_code == 3);
  CHECK(contains(absent.err, "absent: does not exist"));
}

TEST_CASE("rank --tuned ranks the networks that shrinking left, with the weights tuned to them",
          "[rank]") {
  const CopiedSearch run;
  write_file(run.bench / "known.csv", made_up_accuracies(50));
  const auto rank = [&](const std::vector<std::string>& more) {
    std::vector<std::string> words{
        "rank", "run", "--accuracies", "known.csv", "--accuracy-column", "acc", "--json"};
    words.insert(words.end(), more.begin(), more.end());
    return run.run(words);
  };
  const auto likelihoods = [&](const char* file) {
    const CsvTable table = CsvTable::load(run.bench / file);
    std::map<std::string, double> values;
    for (std::size_t row = 0; row < table.rows(); ++row) {
      values[table.text(row, table.column("arch"))] =
          table.number(row, table.column("shared_likelihood"));
    }
    return values;
  };
  const Outcome whole = rank({"--bins", "1", "--out", "whole.csv"});
  REQUIRE(whole.exit_code == 0);
  const Outcome tuned = rank({"--tuned", "--bins", "1", "--out", "tuned.csv"});
  INFO(tuned.err);
  REQUIRE(tuned.exit_code == 0);
  const json stage = json::parse(read_file(run.bench / "run" / "shrink.json"))["stages"][0];
  const SearchSpace space(read_space(micro_config().at("space")));
  const auto layer = stage["layers"][0]["layer"].get<std::size_t>();
  const auto operators = micro_config()["space"]["operators"];
  const auto before = likelihoods("whole.csv");
  const auto after = likelihoods("tuned.csv");
  std::size_t expected = 0;
  for (const auto& [arch, likelihood] : before) {
    const auto op = static_cast<std::size_t>(space.decode(arch)[layer].op);
    const bool is_left = operators[op] == stage["layers"][0]["kept"];
    expected += is_left ? 1 : 0;
    INFO(arch);
    REQUIRE(after.contains(arch) == is_left);
    if (is_left) CHECK(after.at(arch) != likelihood);
  }
  CHECK(after.size() == expected);
  CHECK(rank({"--tuned", "--bins", "1"}).out == tuned.out);
  CHECK(rank({"--tuned", "--bins", "1", "score.validation_images=7"}).out != tuned.out);
  CHECK(rank({"--bins", "1"}).out == whole.out);

  const Outcome few = rank({"--tuned", "--bins", "25"});
  CHECK(few.exit_code == 2);
  CHECK(contains(few.err, "known.csv: has accuracies of"));

  // Weights that are gone are not trained again, which might take hours.
  const auto without = [&](const char* file, const std::vector<std::string>& more) {
    std::filesystem::rename(run.bench / "run" / file, run.bench / "gone");
    const Outcome outcome = rank(more);
    CHECK_FALSE(std::filesystem::exists(run.bench / "run" / file));
    std::filesystem::rename(run.bench / "gone", run.bench / "run" / file);
    return outcome;
  };
  CHECK(without("checkpoints/supernet.safetensors", {}).exit_code == 3);
  CHECK(without("checkpoints/shrink-1.safetensors", {"--tuned"}).exit_code == 3);

  std::filesystem::remove(run.bench / "run" / "shrink.json");
  const Outcome unfinished = rank({"--tuned"});
  CHECK(unfinished.exit_code == 3);
  CHECK(contains(unfinished.err, "run: its space is not shrunk to the end"));
}
