// The report command, its page in a browser, and event files of interrupted runs.
#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include <fmt/format.h>

#include "app/browser.hpp"
#include "app/program.hpp"
#include "catch.hpp"
#include "hsconas/report/metrics.hpp"
#include "support/event_reader.hpp"
#include "support/skip.hpp"

using namespace hsconas;
using namespace hsconas::test;
using nlohmann::json;

namespace {

namespace fs = std::filesystem;

/// A copy of the finished run, which a test may change.
fs::path copied_run(const Bench& bench, const std::string& name) {
  fs::copy(finished_run().bench / "run", bench / name, fs::copy_options::recursive);
  return bench / name;
}

std::string last_line(const Outcome& outcome) {
  return lines_of(outcome.err).back();
}

void change_config(const fs::path& run, const std::string& pointer, const json& value) {
  json config = read_json(run / "config.json");
  config[json::json_pointer(pointer)] = value;
  write_json(run / "config.json", config);
}

/// Errors and warnings of the browser about the page, and its requests for anything but the page.
std::vector<std::string> troubles(const Browser& browser, const fs::path& page) {
  std::vector<std::string> all;
  for (const json& event : browser.events) {
    const std::string method = event["method"];
    const json& what = event["params"];
    const bool is_trouble = method == "Runtime.exceptionThrown" || method == "Log.entryAdded" ||
                            (method == "Runtime.consoleAPICalled" && what["type"] != "log") ||
                            (method == "Network.requestWillBeSent" &&
                             what["request"]["url"] != "file://" + page.string());
    if (is_trouble) all.push_back(event.dump());
  }
  return all;
}

/// The centre, on the screen, of the first element that `selector` finds.
std::pair<double, double> place_of(Browser& browser, const std::string& selector) {
  const json box = browser.evaluate(
      fmt::format("(() => {{ const element = document.querySelector('{}');"
                  "element.scrollIntoView({{block: 'center'}});"
                  "const box = element.getBoundingClientRect();"
                  "return [box.left + box.width / 2, box.top + box.height / 2]; }})()",
                  selector));
  return {box[0], box[1]};
}

}  // namespace

TEST_CASE("a finished run has a report, and the report command writes the same page", "[app]") {
  const Bench bench;
  const fs::path run = copied_run(bench, "run");
  const std::string page = read_file(run / "report.html");
  CHECK(contains(page, read_json(run / "result.json")["winner"]["arch"]));
  fs::remove(run / "report.html");
  const Outcome outcome = bench.run({"report", "run"});
  INFO(outcome.err);
  REQUIRE(outcome.exit_code == 0);
  CHECK(outcome.out == finished_run().outcome.out);
  CHECK(last_line(outcome).ends_with("the report is in run/report.html"));
  CHECK(read_file(run / "report.html") == page);
  const Outcome other = bench.run({"report", "run/", "--out", "other.html", "--json"});
  REQUIRE(other.exit_code == 0);
  const json answer = json::parse(other.out);
  CHECK(answer["file"] == "other.html");
  CHECK(answer["finished"] == true);
  CHECK(answer["result"] == read_json(run / "result.json"));
  CHECK(read_file(bench / "other.html") == page);
}

TEST_CASE("several runs are compared in a table, as JSON and on a page", "[app]") {
  const Bench bench;
  copied_run(bench, "a");
  // No stage depends on this setting.
  change_config(copied_run(bench, "b"), "/checkpoint_minutes", 3);
  const Outcome outcome = bench.run({"report", "a", "b", "-o", "both.html"});
  INFO(outcome.err);
  REQUIRE(outcome.exit_code == 0);
  CHECK(contains(outcome.out, "checkpoint_minutes"));
  CHECK(contains(read_file(bench / "both.html"), "2 runs compared"));
  const Outcome object = bench.run({"report", "a", "b", "--json", "--quiet"});
  CHECK(object.err.empty());
  CHECK(json::parse(object.out)["differences"] == json{{"checkpoint_minutes", {10.0, 3}}});
  CHECK_FALSE(json::parse(object.out).contains("file"));
}

TEST_CASE("reports of a folder without a run, an unfinished or a damaged run are one-line errors",
          "[app]") {
  const Bench bench;
  fs::create_directory(bench / "empty");
  const fs::path damaged = copied_run(bench, "damaged");
  const std::string result = read_file(damaged / "result.json");
  write_file(damaged / "result.json", result.substr(0, result.size() / 2));
  const fs::path unfinished = copied_run(bench, "unfinished");
  change_config(unfinished, "/search/population", 6);
  const auto fails = [&](const std::vector<std::string>& words, const std::string& sentence) {
    const Outcome outcome = bench.run(words);
    CHECK(outcome.exit_code == 3);
    CHECK(outcome.out.empty());
    CHECK(lines_of(outcome.err).size() == 1);
    CHECK(contains(outcome.err, sentence));
  };
  fails({"report", "none"}, "none: holds no run: config.json is missing");
  fails({"report", "empty"}, "empty: holds no run: config.json is missing");
  fails({"report", "micro.json"}, "micro.json: holds no run");
  fails({"report", "damaged"}, "damaged/result.json is not valid JSON");
  fails({"report", "damaged", "unfinished"}, "damaged/result.json is not valid JSON");
  fails(
      {"report", "unfinished", "damaged"},
      "unfinished: has no result of a search: since the search finished, search.population changed "
      "from 4 to 6; repeat it");
  CHECK(bench.run({"report"}).exit_code == 2);
  // A single unfinished run has a report of its results so far.
  const Outcome alone = bench.run({"report", "unfinished", "--quiet"});
  CHECK(alone.exit_code == 0);
  CHECK(alone.out.empty());
  CHECK(lines_of(alone.err).size() == 1);
  CHECK(contains(alone.err, "search.population changed from 4 to 6"));
  CHECK(contains(read_file(unfinished / "report.html"), "There is no result of a search here"));
}

TEST_CASE("the page works in a browser: no errors, notes, legends, narrow windows, print",
          "[app]") {
  const auto program = find_browser();
  if (!program) return skip_test("no Chromium or Chrome in PATH");
  const fs::path page = finished_run().file("report.html");
  Browser browser(*program);
  browser.resize(1200, 900);
  browser.open(page);

  // Pointing at a point shows its note; a click keeps the note, and Escape hides it.
  const std::string point = "svg.plot .series[data-series=\"0\"] path";
  const std::string note = "document.getElementById(\"note\")";
  CHECK(browser.evaluate(note + ".hidden") == true);
  const auto [x, y] = place_of(browser, point);
  browser.mouse("mouseMoved", x, y);
  CHECK(browser.evaluate(note + ".hidden") == false);
  const std::string shown = browser.evaluate(note + ".textContent");
  CAPTURE(shown);
  const auto rows = lines_of(read_file(finished_run().file("candidates.csv")));
  CHECK(std::any_of(rows.begin() + 1, rows.end(), [&](const std::string& row) {
    return contains(shown, "\n" + split(row, ',').at(1) + "\n");
  }));
  CHECK(split(lines_of(shown).back(), ',').size() == 3);  // The note lists the three layers.
  const json box = browser.evaluate("(() => { const box = " + note +
                                    ".getBoundingClientRect();"
                                    "return [box.left, box.top, box.right, box.bottom]; })()");
  CHECK((box[0] >= 0 && box[1] >= 0 && box[2] <= 1200 && box[3] <= 900));
  browser.mouse("mouseMoved", 2, 2);
  CHECK(browser.evaluate(note + ".hidden") == true);
  browser.click(x, y);
  browser.mouse("mouseMoved", 2, 2);
  CHECK(browser.evaluate(note + ".hidden") == false);
  browser.call("Input.dispatchKeyEvent", {{"type", "keyDown"}, {"key", "Escape"}});
  CHECK(browser.evaluate(note + ".hidden") == true);

  // Entries of the legend switch their series off and on.
  const std::string display =
      "getComputedStyle(document.querySelector('svg.plot .series[data-series=\"0\"]')).display";
  const auto [key_x, key_y] = place_of(browser, "svg.plot .key[data-series=\"0\"] text");
  browser.click(key_x, key_y);
  CHECK(browser.evaluate(display) == "none");
  browser.click(key_x, key_y);
  CHECK(browser.evaluate(display) != "none");
  browser.evaluate("document.querySelector('svg.plot .key[data-series=\"0\"]').focus()");
  browser.call("Input.dispatchKeyEvent", {{"type", "keyDown"}, {"key", "Enter"}});
  CHECK(browser.evaluate(display) == "none");

  // Every axis has a label.
  CHECK(browser.evaluate("document.querySelectorAll('.drawing > svg').length") >= 7);
  CHECK(browser.evaluate("[...document.querySelectorAll('.drawing > svg')].every(svg =>"
                         "svg.querySelectorAll('.label').length === (svg.matches('.plot') ? 2 : 1) "
                         "&& [...svg.querySelectorAll('.label')].every(label =>"
                         "label.textContent.length > 4))") == true);
  // No text of a drawing is cut off by its edge.
  CHECK(browser.evaluate("[...document.querySelectorAll('.drawing > svg')].flatMap(svg => {"
                         "const outer = svg.getBoundingClientRect();"
                         "return [...svg.querySelectorAll('text')].filter(text => {"
                         "const box = text.getBoundingClientRect();"
                         "return box.left < outer.left || box.right > outer.right + 1 ||"
                         "box.top < outer.top || box.bottom > outer.bottom + 1;"
                         "}).map(text => text.textContent); })") == json::array());

  // In a narrow window drawings and tables scroll, but not the page.
  browser.resize(380, 800);
  CHECK(browser.evaluate("document.scrollingElement.scrollWidth") <= 380);

  // Collapsed parts are open in print.
  browser.evaluate("document.querySelector('details').open = false");
  const json pdf = browser.call("Page.printToPDF", {{"printBackground", false}});
  CHECK(pdf["data"].get<std::string>().size() > 20000);
  CHECK(browser.evaluate("[...document.querySelectorAll('details')].every(part => part.open)") ==
        true);
  CHECK(troubles(browser, page).empty());

  // Without scripts the page is complete, and points have titles.
  browser.call("Emulation.setScriptExecutionDisabled", {{"value", true}});
  browser.open(page);
  const json root = browser.call("DOM.getDocument")["root"]["nodeId"];
  const auto count = [&](const std::string& selector) {
    return browser
        .call("DOM.querySelectorAll", {{"nodeId", root}, {"selector", selector}})["nodeIds"]
        .size();
  };
  CHECK(count("#note") == 0);
  CHECK(count(".series > path > title") >= rows.size() - 1);
  CHECK(count("details[open]") == count("details"));
  CHECK(troubles(browser, page).empty());
}

TEST_CASE("the event file has every scalar of metrics.jsonl once, also after a kill", "[app]") {
  const Bench bench;
  const std::vector<std::string> settings{finished_run().table_override(), "--resume",
                                          "log.tensorboard=true", "supernet.epochs=20",
                                          "checkpoint_minutes=0"};
  Process killed = bench.start(Bench::search("run", settings));
  killed.wait_for("supernet: 120 steps");
  while (!fs::exists(bench / "run/checkpoints/supernet.safetensors")) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  killed.send(SIGKILL);
  REQUIRE(killed.wait().exit_code == 128 + SIGKILL);
  const fs::path torn = only_event_file(bench / "run");
  append_file(torn, "torn");
  const Outcome continued = bench.run(Bench::search("run", settings));
  INFO(continued.err);
  REQUIRE(continued.exit_code == 0);
  CHECK(contains(continued.err, "supernet: continues at step "));

  std::set<std::pair<std::string, std::int64_t>> seen;
  std::set<std::string> tags;
  double last_time = 0.0;
  std::map<std::string, std::int64_t> last_step;
  for (const Scalar& scalar : scalars_of(only_event_file(bench / "run"))) {
    CHECK(seen.emplace(scalar.tag, scalar.step).second);
    CHECK(scalar.step > last_step[scalar.tag]);
    last_step[scalar.tag] = scalar.step;
    CHECK(scalar.wall_time >= last_time);
    last_time = scalar.wall_time;
    tags.insert(scalar.tag);
  }
  CHECK(tags == std::set<std::string>{"search/best_score", "search/mean_score",
                                      "shrink-1/images_per_second", "shrink-1/loss", "shrink-1/lr",
                                      "supernet/images_per_second", "supernet/loss",
                                      "supernet/lr"});
  CHECK(last_step["supernet/loss"] == 120);
  // Nothing is missing either: the lines that are not superseded are all there.
  std::set<std::pair<std::string, std::int64_t>> expected;
  const MetricsHistory history = load_metrics(bench / "run/metrics.jsonl");
  for (const MetricsLine& line : history.lines()) {
    for (const auto& [key, value] : line.values)
      expected.emplace(line.stage + "/" + key, line.step);
  }
  CHECK(seen == expected);
}

TEST_CASE("without log.tensorboard there is no event file, and --overwrite removes an old one",
          "[app]") {
  CHECK_THROWS_AS(only_event_file(finished_run().bench / "run"), std::runtime_error);
  const Bench bench;
  const std::string table = finished_run().table_override();
  const auto profile = [&](const std::vector<std::string>& more) {
    std::vector<std::string> words{"profile", "--config", "micro.json", "--work-dir", "run", table};
    words.insert(words.end(), more.begin(), more.end());
    CHECK(bench.run(words).exit_code == 0);
  };
  profile({"log.tensorboard=true"});
  CHECK(scalars_of(only_event_file(bench / "run")).empty());
  profile({"--overwrite"});
  CHECK_THROWS_AS(only_event_file(bench / "run"), std::runtime_error);
}
