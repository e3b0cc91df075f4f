#include "hsconas/report/run_report.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "catch.hpp"
#include "hsconas/latency/latency_space.hpp"
#include "report/count.hpp"
#include "report/page_checks.hpp"
#include "support/errors.hpp"
#include "support/example_run.hpp"
#include "support/temporary_folder.hpp"

using namespace hsconas;

namespace {

/// The record of a finished run in the tiny space.
const RunRecord& example_run() {
  static const RunRecord run = [] {
    const TemporaryFolder folder;
    make_example_run(folder / "run", example_config());
    return load_run(folder / "run");
  }();
  return run;
}

}  // namespace

TEST_CASE("no candidate is as accurate as one on the Pareto front at the same or less latency",
          "[report]") {
  const auto scored = [](const char* arch, double ms, double accuracy) {
    return ScoredArchitecture{.arch = arch, .accuracy = accuracy, .latency_ms = ms};
  };
  const std::vector<ScoredArchitecture> all{scored("slow", 5, 0.9), scored("worse", 4, 0.5),
                                            scored("fast", 1, 0.4), scored("twin", 1, 0.4),
                                            scored("mid", 3, 0.6),  scored("equal", 6, 0.9)};
  std::string names;
  for (const auto& on_front : pareto_front(all)) names += on_front.arch + " ";
  CHECK(names == "fast mid slow ");
  CHECK(pareto_front({}).empty());
}

TEST_CASE("a report of a finished run shows every section with a plot and a table", "[report]") {
  const std::string page = run_report(example_run());
  check_well_formed_html(page);
  for (const char* title : {"Accuracy against latency", "The winner, layer by layer", "The search",
                            "Shrinking the space", "Predicted and measured latency", "Training",
                            "Settings and versions"}) {
    const std::string part = section_of(page, title);
    CHECK(contains(part, "<table>"));
    if (std::string(title) != "Settings and versions") CHECK(contains(part, "<svg"));
  }
  const ResultRecord& result = *example_run().result;
  CHECK(contains(page, result.winner.arch));
  CHECK(contains(page, result.winner.layers));
  const std::string front = section_of(page, "Accuracy against latency");
  for (const char* name : {">weights of supernet (n = ", ">weights of shrink-1 (n = ",
                           ">random baseline (n = 5)<", ">Pareto front<", ">winner<", ">T = "}) {
    CHECK(contains(front, name));
  }
  const std::string shrink = section_of(page, "Shrinking the space");
  CHECK(count(shrink, " (kept)</td>") == 1);
  CHECK(contains(section_of(page, "Training"), ">shrink-1</td>"));
  CHECK(contains(section_of(page, "Settings and versions"), "search.population"));
}

TEST_CASE("a search for a front adds the front and its hypervolume to the report", "[report]") {
  CHECK_FALSE(contains(run_report(example_run()), "Hypervolume"));
  RunRecord run = example_run();
  ResultRecord& result = *run.result;
  const ScoredArchitecture winner{.arch = result.winner.arch,
                                  .accuracy = result.winner.accuracy,
                                  .latency_ms = result.winner.predicted_ms,
                                  .score = result.winner.score};
  const ScoredArchitecture faster{
      .arch = result.random[0].arch, .accuracy = 0.1, .latency_ms = 0.5 * winner.latency_ms};
  result.front = {faster, winner};
  for (auto& generation : result.history) generation.hypervolume = 0.625;
  const std::string page = run_report(run);
  check_well_formed_html(page);
  const std::string part = section_of(page, "The search");
  CHECK(contains(part, ">Front of the search (evolution)<"));
  CHECK(contains(part, ">Hypervolume of the front<"));
  CHECK(contains(part, ">0.6250</td>"));
  CHECK(contains(part, faster.arch));
  CHECK(count(part, winner.arch + " (winner)</td>") == 1);
}

TEST_CASE("a search by gradient shows the latency of its most probable network, not generations",
          "[report]") {
  RunRecord run = example_run();
  ResultRecord& result = *run.result;
  CHECK_FALSE(contains(run_report(run), "most probable architecture"));
  const ScoredArchitecture winner{.arch = result.winner.arch,
                                  .accuracy = result.winner.accuracy,
                                  .latency_ms = result.winner.predicted_ms,
                                  .score = result.winner.score};
  result.method = "mixed_level";
  result.history.clear();
  result.front = {winner};
  result.course = {{30, result.random[0]}, {60, winner}};
  const std::string page = run_report(run);
  check_well_formed_html(page);
  const std::string part = section_of(page, "The search");
  CHECK(contains(part, ">Latency of the most probable architecture (mixed_level)<"));
  CHECK(contains(part, "The winner is the architecture with the highest F near T."));
  CHECK(contains(part, ">60</td>"));
  CHECK_FALSE(contains(part, "Hypervolume"));
  CHECK_FALSE(contains(part, "Progress of the search"));
  CHECK_FALSE(contains(part, "collapsed"));
  result.is_collapsed = true;
  CHECK(contains(run_report(run), "The search has collapsed"));
}

TEST_CASE("a report of locality shrinking shows the rounds, the seeds and what is left",
          "[report]") {
  Config config = example_config(tiny_description(4));
  config.shrink = {.method = "locality",
                   .samples = 12,
                   .seeds = 3,
                   .latency_tolerance = 0.5,
                   .stages = {{.radius = 2}, {.radius = 1}}};
  const TemporaryFolder folder;
  make_example_run(folder / "run", config);
  const RunRecord run = load_run(folder / "run");
  REQUIRE(run.shrink);
  CHECK(run.shrink->method == "locality");
  const std::string page = run_report(run);
  check_well_formed_html(page);
  const std::string shrink = section_of(page, "Shrinking the space");
  CHECK(contains(shrink, "networks scored</th>"));
  CHECK(contains(shrink, "layer from one of 3 seeds"));
  CHECK(contains(shrink, " best networks known of what shrink-2 leaves differ in "));
  for (const std::string& seed : run.shrink->stages.back().seeds) CHECK(contains(shrink, seed));
  CHECK_FALSE(contains(shrink, "within budget T"));
}

TEST_CASE("a report of a run with another device's table shows no measured times", "[report]") {
  RunRecord run = example_run();
  run.result->winner.measured_ms.reset();
  for (ComparedArchitecture& other : run.result->others) other.measured_ms.reset();
  const std::string page = run_report(run);
  check_well_formed_html(page);
  CHECK_FALSE(contains(page, "<dt>measured latency<"));
  CHECK_FALSE(contains(page, "<th>measured ms</th>"));
  CHECK_FALSE(contains(section_of(page, "Predicted and measured latency"), "winner and others"));
  CHECK(contains(run_report(example_run()), "<dt>measured latency<"));
}

TEST_CASE("the note of every point names its architecture and layers", "[report]") {
  const RunRecord& run = example_run();
  const std::string part = section_of(run_report(run), "Accuracy against latency");
  const SearchSpace space(run.config.space);
  for (const ScoredArchitecture& scored : run.candidates) {
    CHECK(contains(
        part, "\n" + scored.arch + "\n" + space.describe(space.decode(scored.arch)) + "</title>"));
  }
}

TEST_CASE("every drawing has axes with units", "[report]") {
  const auto all = drawings(run_report(example_run()));
  CHECK(all.size() == 8);
  for (const std::string& drawing : all) {
    const bool is_plot = contains(drawing, "class=\"plot\"");
    CHECK(count(drawing, "class=\"label\"") == (is_plot ? 2 : 1));
    const std::regex unit(
        R"(class="label"[^>]*>[^<]*(, ms per batch|, %|, number|1 = |input|mean F|steps|, nats|, per step)[^<]*<)");
    const auto labels = std::sregex_iterator(drawing.begin(), drawing.end(), unit);
    CHECK(std::distance(labels, std::sregex_iterator()) == (is_plot ? 2 : 1));
  }
}

TEST_CASE("the layers of the winner add up to its predicted latency", "[report]") {
  const std::string part = section_of(run_report(example_run()), "The winner, layer by layer");
  CHECK(contains(part, fmt::format("{:.4g} ms in all", example_run().result->winner.predicted_ms)));
  for (const char* name : {">stem<", ">layer 0<", ">layer 2<", ">head<", ">B<"}) {
    CHECK(contains(part, name));
  }
}

TEST_CASE("a page loads nothing from the network", "[report]") {
  const std::string page = run_report(example_run());
  CHECK(contains(page, "content=\"default-src 'none';"));
  for (const char* way : {"src=", "href", "url(", "@import", "fetch(", "import("}) {
    CHECK_FALSE(contains(page, way));
  }
  std::string rest = page;
  const std::string name_space = "xmlns=\"http://www.w3.org/2000/svg\"";
  for (std::size_t at = rest.find(name_space); at != std::string::npos;
       at = rest.find(name_space)) {
    rest.erase(at, name_space.size());
  }
  CHECK_FALSE(contains(rest, "://"));
}

TEST_CASE("texts from a run's files are escaped on the page", "[report]") {
  const std::string evil = "</title></script><script>alert(1)</script><img src=x onerror=\"x\">'&";
  RunRecord run = example_run();
  const std::string before = run_report(run);
  run.folder = evil;
  run.config.name = evil;
  run.config.space.name = evil;
  run.config.data.path = evil;
  run.versions = evil;
  run.result->device = evil;
  run.result->method = evil;
  run.result->winner.layers = evil;
  run.result->others[0].title = evil;
  for (SharedWeights& weights : run.weights) weights.stage = evil;
  run.shrink->stages[0].name = evil;
  run.shrink->stages[0].layers[0].operators[0].op = evil;
  run.table->space = evil;
  run.table->device.device = evil;
  run.table->form = evil;
  run.table->test[0].arch = evil;
  run.metrics.add({.stage = evil, .step = 20, .time = 0.0, .values = {{"loss", 1.0}}});
  const std::string page = run_report(run);
  CHECK(count(page, "<script") == count(before, "<script"));
  CHECK(count(page, "</script") == count(before, "</script"));
  CHECK_FALSE(contains(page, "<img"));
  CHECK(count(page, "&lt;script&gt;alert(1)&lt;/script&gt;") > 15);
  check_well_formed_html(page);
}

TEST_CASE("a sentence replaces each section for which the run has no data", "[report]") {
  RunRecord run{.folder = "run", .config = example_config()};
  run.unfinished = "the search has not finished";
  const std::string page = run_report(run);
  check_well_formed_html(page);
  CHECK(drawings(page).empty());
  for (const char* sentence :
       {"There is no result of a search here: the search has not finished.",
        "No architecture has been scored", "There is no winner", "The search has not ended.",
        "has not been shrunk so far", "There is no latency table", "There are no training curves",
        "has no version.txt"}) {
    CHECK(contains(page, sentence));
  }
  run.config.shrink.stages.clear();
  CHECK(contains(run_report(run), "ask for no shrinking"));
  // In each case a finished run lacks one file.
  const auto check = [](const char* sentence, const auto& change) {
    RunRecord less = example_run();
    change(less);
    const std::string shorter = run_report(less);
    check_well_formed_html(shorter);
    CHECK(contains(shorter, sentence));
  };
  check("There are no training curves", [](RunRecord& less) { less.metrics = {}; });
  check("has not been shrunk so far", [](RunRecord& less) { less.shrink.reset(); });
  check("There is no latency table", [](RunRecord& less) { less.table.reset(); });
  check("17 more in candidates.csv", [](RunRecord& less) { less.earlier_candidates = 17; });
}

TEST_CASE("a table that lacks a block of the winner is an error", "[report]") {
  RunRecord run = example_run();
  run.table->entries.clear();
  CHECK(contains(error_of([&] { run_report(run); }), "data: latency.json has no entry stem"));
}

TEST_CASE("a table fitted by position and a modelled accelerator are reported", "[report]") {
  RunRecord run = example_run();
  run.table->by_position = true;
  run.table->entries.clear();
  const SearchSpace space(run.config.space);
  const LatencySpace terms(space);
  for (std::size_t i = 0; i < terms.terms(); ++i) {
    run.table->entries[terms.term(i).position_key].network_ms = 0.25;
  }
  run.table->bias_ms = 1.0;
  const std::string page = run_report(run);
  CHECK(contains(page, "1.75 ms in all"));
  CHECK(contains(page, "stem, head and the rest"));
  run.config.latency.accelerator = "chip.json";
  run.table->test.clear();
  run.table->test_spread.clear();
  CHECK(contains(run_report(run), "nothing was timed"));
}

TEST_CASE("the same run gives the same page", "[report]") {
  CHECK(run_report(example_run()) == run_report(example_run()));
  const TemporaryFolder folder;
  make_example_run(folder / "run", example_config());
  CHECK(run_report(load_run(folder / "run")) == run_report(example_run()));
}

TEST_CASE("a report of a thousand architectures is at most a megabyte", "[report]") {
  Config config = example_config(shipped_description("hsconas-a"));
  config.shrink = {.samples = 28, .stages = {{.layers = 2}, {.layers = 2}}};
  config.search.population = 40;
  config.search.generations = 10;
  config.search.baseline_samples = 30;
  config.latency.bias_networks = 12;
  const TemporaryFolder folder;
  make_example_run(folder / "run", config);
  const RunRecord run = load_run(folder / "run");
  const std::string page = run_report(run);
  CAPTURE(run.candidates.size(), page.size());
  CHECK(run.candidates.size() >= 1000);
  CHECK(run.candidates.size() < 1100);
  CHECK(page.size() <= 1'000'000);
}

TEST_CASE("long curves are reduced by averaging, short ones keep every point", "[report]") {
  RunRecord run = example_run();
  const std::string page = run_report(run);
  const std::string training = section_of(page, "Training");
  CHECK(count(training, "L") < 2 * (300 + 10 + 40));
  run.metrics = {};
  for (int i = 1; i <= 3; ++i) {
    run.metrics.add({.stage = "supernet", .step = 20 * i, .time = 0.0, .values = {{"loss", 1.0}}});
  }
  const std::string few = section_of(run_report(run), "Training");
  CHECK(count(few, "<title>supernet, step ") == 3);
  CHECK_FALSE(contains(few, "Learning rate"));
}
