#include "hsconas/report/metrics_log.hpp"

#include <initializer_list>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "catch.hpp"
#include "hsconas/base/files.hpp"
#include "hsconas/report/metrics.hpp"
#include "support/event_reader.hpp"
#include "support/temporary_folder.hpp"

using namespace hsconas;

namespace {

/// The lines of metrics.jsonl as "supernet 20", ...
std::vector<std::string> lines_in(const std::filesystem::path& file) {
  std::vector<std::string> texts;
  const MetricsHistory history = load_metrics(file);
  for (const MetricsLine& line : history.lines()) {
    CHECK(line.time > 1.7e9);
    texts.push_back(line.stage + " " + std::to_string(line.step));
  }
  return texts;
}

void add_steps(MetricsLog& log, const std::string& stage, std::initializer_list<int> steps) {
  for (const int step : steps) log.add({{"stage", stage}, {"step", step}, {"loss", 0.5}});
}

}  // namespace

TEST_CASE("a log of metrics continues at the last checkpoint", "[report]") {
  const TemporaryFolder folder;
  const auto file = folder / "metrics.jsonl";
  {
    MetricsLog log(file, true, true);
    add_steps(log, "supernet", {20, 40});
    add_steps(log, "tuned", {20, 40, 60});
    log.flush();
  }
  write_file(file, read_file(file) + "{\"stage\": \"tun");
  MetricsLog log(file, true, false);
  log.drop_after("tuned", 20);
  add_steps(log, "tuned", {30});
  log.flush();
  CHECK(lines_in(file) ==
        std::vector<std::string>{"supernet 20", "supernet 40", "tuned 20", "tuned 30"});
}

TEST_CASE("a log of metrics is buffered and also writes the event file", "[report]") {
  const TemporaryFolder folder;
  const auto file = folder / "metrics.jsonl";
  MetricsLog log(file, true, true);
  add_steps(log, "supernet", {1, 2, 3});
  CHECK(!std::filesystem::exists(file));
  log.flush();
  CHECK(lines_in(file).size() == 3);
  CHECK(test::scalars_of(test::only_event_file(file.parent_path())).size() == 3);
  for (int step = 4; step < 100; ++step) add_steps(log, "supernet", {step});
  CHECK(lines_in(file).size() > 50);
  MetricsLog again(file, false, false);
  add_steps(again, "supernet", {1});
  again.flush();
  CHECK(lines_in(file).size() == 1);
}
