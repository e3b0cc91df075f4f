#include "hsconas/stages/stage.hpp"

#include <stdexcept>

#include "catch.hpp"
#include "hsconas/base/files.hpp"
#include "support/temporary_folder.hpp"

using namespace hsconas;
using nlohmann::json;

namespace {

/// A stage that writes one file and counts its calls.
struct CountedStage {
  TemporaryFolder folder{};
  StageRecord record{folder / "stages.json"};
  Log log{Verbosity::Quiet, false};
  json inputs = {{"a", 1}};
  int produced = 0;
  int loaded = 0;
  bool is_sound = true;

  bool run() {
    return run_stage({.name = "one",
                      .inputs = inputs,
                      .outputs = {folder / "out"},
                      .produce =
                          [&] {
                            ++produced;
                            write_file(folder / "out", "x");
                          },
                      .load =
                          [&] {
                            ++loaded;
                            return is_sound;
                          }},
                     record, log);
  }
};

}  // namespace

TEST_CASE("a stage is produced once and loaded from then on", "[pipeline]") {
  CountedStage stage;
  CHECK_FALSE(stage.run());
  CHECK(stage.run());
  CHECK(stage.produced == 1);
  CHECK(stage.loaded == 1);
}

TEST_CASE("a stage is produced again for other inputs, without its output or with a damaged one",
          "[pipeline]") {
  CountedStage stage;
  stage.run();
  stage.inputs["a"] = 2;
  CHECK_FALSE(stage.run());
  std::filesystem::remove(stage.folder / "out");
  CHECK_FALSE(stage.run());
  CHECK(stage.loaded == 0);
  stage.is_sound = false;
  CHECK_FALSE(stage.run());
  CHECK(stage.loaded == 1);
  CHECK(stage.produced == 4);
}

TEST_CASE("a stage that fails stays unfinished", "[pipeline]") {
  CountedStage stage;
  stage.run();
  const auto fail = [] { throw std::runtime_error("no"); };
  CHECK_THROWS(run_stage({.name = "one", .inputs = {{"a", 2}}, .outputs = {}, .produce = fail},
                         stage.record, stage.log));
  CHECK_FALSE(stage.record.has("one"));
  CHECK_FALSE(stage.run());
}
