#include "hsconas/report/codesign_record.hpp"

#include <nlohmann/json.hpp>

#include "catch.hpp"
#include "hsconas/report/retrain_record.hpp"
#include "report/example_codesign.hpp"
#include "support/errors.hpp"

using namespace hsconas;
using nlohmann::json;

namespace {

CodesignRecord compressed_record() {
  CodesignRecord record = example_codesign();
  record.method = "compress";
  record.proxy.reset();
  record.proxy_set.reset();
  record.ranks.reset();
  record.dance.reset();
  record.optimum.reset();
  record.best.compression = Compression{.start = 1, .bits = {8, 4, 4, 8}};
  for (CodesignPair& pair : record.front) pair.compression = Compression{.start = 0, .bits = {}};
  record.compression = {
      .starts = {{.folder = "runs/a", .arch = "012", .accuracy = 0.875, .best = {}},
                 {.folder = "runs/b",
                  .arch = "112",
                  .accuracy = 0.9375,
                  .best = StartSummary::Place{.design = "rs_8", .latency_ms = 3.0, .energy = 4e6}}},
      .start_front =
          {{.arch = "112", .design = "rs_8", .accuracy = 0.9375, .latency_ms = 3.0, .energy = 4e6}},
      .test_accuracy = 0.625};
  return record;
}

}  // namespace

TEST_CASE("a result of compression is read back as it was written", "[report]") {
  const json written = to_json(compressed_record());
  CHECK(to_json(read_codesign_record(written, "codesign.json")) == written);
  CHECK(written["best"]["bits"] == json{8, 4, 4, 8});
  CHECK(written["compression"]["starts"][1]["best"]["design"] == "rs_8");
  CHECK_FALSE(written["compression"]["start_front"][0].contains("bits"));
  CodesignRecord untested = compressed_record();
  untested.compression->test_accuracy.reset();
  const json short_one = to_json(untested);
  CHECK_FALSE(short_one["compression"].contains("test_accuracy"));
  CHECK(to_json(read_codesign_record(short_one, "codesign.json")) == short_one);
  json damaged = written;
  damaged["front"][0]["start"] = 2;
  CHECK(error_of([&] { read_codesign_record(damaged, "R"); }) ==
        "data: R: start 2 is not one of the 2 in compression.starts");
  damaged = written;
  damaged["compression"]["starts"][0].erase("folder");
  CHECK(error_of([&] { read_codesign_record(damaged, "R"); }) ==
        "data: R: starts[0].folder is required");
}

TEST_CASE("a result of compression for people has the starts and what became of the winner",
          "[report]") {
  const std::string text = format_codesign_record(compressed_record());
  CHECK(contains(text, "runs/a"));
  CHECK(contains(text, "none fits"));
  CHECK(contains(text, "the winner is made from runs/b; weights: 4 bits in 2 blocks, 8 bits in 2"));
  CHECK(contains(text, "62.50 % on the test set"));
}

TEST_CASE("a co-design result is read back as it was written", "[report]") {
  const json written = to_json(example_codesign());
  CHECK(to_json(read_codesign_record(written, "codesign.json")) == written);
  CHECK(written.at("optimum").at("gap_points") == Approx(1.25));
  CHECK(written.at("ranks").at("matrix").at("values") == json{1.0, 0.5, nullptr, 1.0});
  CodesignRecord plain = example_codesign();
  plain.proxy.reset();
  plain.proxy_set.reset();
  plain.ranks->matrix.reset();
  CHECK(to_json(read_codesign_record(to_json(plain), "codesign.json")) == to_json(plain));
  plain.ranks.reset();
  plain.dance.reset();
  plain.optimum.reset();
  CHECK_FALSE(plain.gap_points());
  plain.best.power_mw.reset();
  const json short_one = to_json(plain);
  CHECK_FALSE(short_one.contains("dance"));
  CHECK(to_json(read_codesign_record(short_one, "codesign.json")) == short_one);
}

TEST_CASE("a damaged co-design result names the file and the key", "[report]") {
  json damaged = to_json(example_codesign());
  damaged["best"]["accuracy"] = "high";
  CHECK(error_of([&] { read_codesign_record(damaged, "R"); }) ==
        "data: R: best.accuracy has the wrong type: \"high\" (expected: a number)");
  damaged = to_json(example_codesign());
  damaged["dance"]["evaluator"].erase("regret");
  CHECK(error_of([&] { read_codesign_record(damaged, "R"); }) ==
        "data: R: dance.evaluator.regret is required");
  damaged = to_json(example_codesign());
  damaged["ranks"]["matrix"]["values"].erase(0);
  CHECK(error_of([&] { read_codesign_record(damaged, "R"); }) ==
        "data: R: ranks.matrix.values must be a list of 4 numbers");
  CHECK(error_of([] {
          read_codesign_record(json{{"format", "x"}}, "R");
        }) == "data: R: not a result of codesign; use --overwrite");
}

TEST_CASE("a co-design result for people has the pair, the proxy's set, the ranks and DANCE's test",
          "[report]") {
  const std::string text = format_codesign_record(example_codesign());
  CHECK(contains(text, "semi_decoupled over tiny x few (4 designs, limits: latency <= 3 ms)"));
  CHECK(contains(text, "7 networks judged, 28 pairs costed in 0.50 s; 1 pairs on the front"));
  CHECK(contains(text,
                 "best of all pairs: 210 on rs_4, 76.25 %, 1.2500 ms, energy 1e+06; the pair found "
                 "is 1.250 percentage points below it"));
  CHECK(contains(text, "2 networks from the proxy rs_4"));
  CHECK(contains(text, "latency median 1.000, lowest 0.500"));
  CHECK(contains(text, "the evaluator would have chosen rs_4, which costs 1.2500 times as much"));
  CHECK(contains(text, "network: shuffle_k3, skip"));
}

TEST_CASE("a retraining's result is read back as it was written", "[report]") {
  RetrainRecord record{.name = "example",
                       .seed = 3,
                       .space = "tiny",
                       .arch = "012",
                       .layers = "shuffle_k3, skip",
                       .macs = 12345678,
                       .parameters = 4321,
                       .epochs = 2.5,
                       .steps = 17,
                       .test_images = 99,
                       .test_accuracy = 0.75,
                       .test_top5 = 0.875,
                       .shared_test_accuracy = 0.5};
  CHECK(contains(format_retrain_record(record), "with the supernet's weights it was 50.00 %"));
  json written = to_json(record);
  CHECK(to_json(read_retrain_record(written, "R")) == written);
  record.shared_test_accuracy.reset();
  written = to_json(record);
  CHECK(written.at("shared_test_accuracy").is_null());
  CHECK(to_json(read_retrain_record(written, "R")) == written);
  written.erase("steps");
  CHECK(error_of([&] { read_retrain_record(written, "R"); }) == "data: R: steps is required");
}
