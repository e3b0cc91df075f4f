// evaluate --int8 and export --int8.
#include <filesystem>
#include <string>
#include <vector>

#include "app/program.hpp"
#include "catch.hpp"

using namespace hsconas;
using namespace hsconas::test;
using nlohmann::json;

namespace fs = std::filesystem;

TEST_CASE("evaluate --int8 tests both networks, and export --int8 writes what it tested",
          "[int8]") {
  const Bench bench;
  fs::copy(finished_run().file(""), bench / "run", fs::copy_options::recursive);
  const Outcome evaluated =
      bench.run({"--json", "evaluate", "run", "--int8", "--calibration-images", "100"});
  REQUIRE(evaluated.exit_code == 0);
  const json evaluation = json::parse(evaluated.out);
  CHECK(evaluation["int8"]["fp32_top1"] == evaluation["top1"]);
  CHECK(evaluation["int8"]["images"] == 200);
  CHECK(evaluation["int8"]["calibration"]["images"] == 100);
  CHECK(read_json(bench / "run/evaluation.json")["int8"] == evaluation["int8"]);

  const Outcome exported =
      bench.run({"--json", "export", "run", "--int8", "--calibration-images", "100"});
  REQUIRE(exported.exit_code == 0);
  const json answer = json::parse(exported.out);
  CHECK(answer["int8"] == evaluation["int8"]);
  CHECK(answer["files"] == json({"run/export/model.int8.onnx", "run/int8.json"}));
  CHECK(!fs::exists(bench / "run/export/model.onnx"));
  const json record = read_json(bench / "run/int8.json");
  CHECK(record["format"] == "hsconas-int8-1");
  CHECK(record["test"]["int8"]["top1"] == evaluation["int8"]["top1"]);
  CHECK(record["test"]["fp32"]["top1"] == evaluation["top1"]);
  CHECK(record["calibration"] == evaluation["int8"]["calibration"]);
  CHECK(record["weight_bits"] == 7);
  CHECK(record["scales"]["blocks"].size() == 5);  // Stem, three layers, head.

  // The same command writes the same file, and the text names both accuracies.
  const Outcome again =
      bench.run({"export", "run", "--int8", "--calibration-images", "100", "--onnx", "x/a.onnx"});
  REQUIRE(again.exit_code == 0);
  CHECK(contains(again.out, "int8: top-1 "));
  CHECK(contains(again.out, "fp32: top-1 "));
  CHECK(read_file(bench / "x/a.onnx") == read_file(bench / "run/export/model.int8.onnx"));
  const Outcome eight =
      bench.run({"--json", "export", "run", "--int8", "--weight-bits", "8", "--onnx", "x/b.onnx"});
  REQUIRE(eight.exit_code == 0);
  CHECK(json::parse(eight.out)["int8"]["weight_bits"] == 8);
}

TEST_CASE("what has no int8 form, and settings without an effect, are one-line errors", "[int8]") {
  const Bench bench;
  fs::copy(finished_run().file(""), bench / "run", fs::copy_options::recursive);
  REQUIRE(bench.run({"export", "run", "--safetensors", "model/model.safetensors"}).exit_code == 0);
  const auto outcomes =
      bench.run_all({{"export", "run", "--int8", "--torchscript", "x.pt"},
                     {"export", "run", "--int8", "--safetensors", "x.safetensors"},
                     {"export", "run", "data.path=x"},
                     {"export", "model", "--int8"},
                     {"export", "run", "--int8", "data.format=idx", "data.path=nowhere"},
                     {"evaluate", "run", "--int8", "data.format=idx", "data.path=nowhere"},
                     {"evaluate", "run", "--calibration-images", "100"},
                     {"export", "run", "--int8", "--weight-bits", "3"},
                     {"export", "empty", "--int8"}});
  const std::vector<std::pair<int, std::string>> expected{
      {2, "--torchscript has no int8 form, only ONNX has"},
      {2, "--safetensors has no int8 form, only ONNX has"},
      {2, "export reads a config for --int8 only"},
      {3, "holds no config.json; name one with --config"},
      {3, "nowhere"},
      {3, "nowhere"},
      {2, "--int8"},
      {2, "--weight-bits"},
      {3, "is neither a run nor a model"}};
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    INFO(outcomes[i].err);
    CHECK(outcomes[i].exit_code == expected[i].first);
    CHECK(contains(outcomes[i].err, expected[i].second));
    CHECK(lines_of(outcomes[i].err).size() == 1);
  }
  CHECK(!fs::exists(bench / "run/export"));
  CHECK(!fs::exists(bench / "run/int8.json"));
}
