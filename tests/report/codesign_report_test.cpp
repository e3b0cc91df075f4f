#include "hsconas/report/codesign_report.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "catch.hpp"
#include "report/count.hpp"
#include "report/example_codesign.hpp"
#include "report/page_checks.hpp"
#include "support/errors.hpp"
#include "support/spaces.hpp"

using namespace hsconas;
using nlohmann::json;

namespace {

/// A finished run by `method` on known accuracies, with a front of `pairs` pairs.
CodesignRun example_run(const std::string& folder, const std::string& method, int pairs = 12) {
  CodesignRun codesign;
  codesign.run.folder = folder;
  codesign.run.config.space = tiny_description(3);
  codesign.run.config.codesign.method = method;
  codesign.run.config.codesign.accuracies = "accuracies.csv";
  codesign.run.config.codesign.max_latency_ms = 3.0;
  codesign.found = example_codesign();
  codesign.found->method = method;
  codesign.found->front.clear();
  for (int i = 0; i < pairs; ++i) {
    codesign.found->front.push_back({.arch = fmt::format("{:03}", i),
                                     .design = "rs_4",
                                     .accuracy = 0.75 - 0.01 * i,
                                     .latency_ms = 1.5 - 0.1 * i,
                                     .energy = 2e6 - 1e5 * i});
  }
  return codesign;
}

}  // namespace

TEST_CASE("the report of a co-design has the pair, the optimum, limits, front, design and ranks",
          "[report]") {
  CodesignRun codesign = example_run("runs/a", "semi_decoupled");
  const std::string page = codesign_report(codesign);
  check_well_formed_html(page);
  for (const char* part :
       {"semi_decoupled", "1.250 points below the best of all pairs", "50 % of the limit",
        "hsconas retrain --config runs/a/config.json --arch 012 --out DIR", ">210</td>"}) {
    CHECK(contains(page, part));
  }
  const std::string front = section_of(page, "Accuracy, latency and energy");
  CHECK(count(front, "<svg") == 2);
  CHECK(count(front, "limit 3 ms") == 1);  // There is no limit on energy.
  CHECK(count(front, "front, energy ") == 6);
  CHECK(contains(front, "best of all pairs"));
  CHECK(count(front, "<tr") == 12 + 1);
  CHECK(contains(section_of(page, "The accelerator"), "<td>pes</td>"));
  CHECK(contains(section_of(page, "DANCE"), "50.00 %"));
  CHECK(contains(section_of(page, "Networks from the proxy"), "On the proxy rs_4"));
  CHECK(contains(section_of(page, "How designs rank networks"),
                 "Spearman of 9 networks between designs"));
  CHECK_FALSE(contains(page, "<h2>Training</h2>"));
  codesign.run.config.codesign.accuracies = "";
  CHECK(contains(codesign_report(codesign), "<h2>Training</h2>"));
}

TEST_CASE("the report of a co-design does without what a run may lack", "[report]") {
  CodesignRun codesign = example_run("runs/a", "random", 1);
  codesign.run.config.codesign.max_latency_ms = 0.0;
  CodesignRecord& found = *codesign.found;
  found.optimum.reset();
  found.proxy_set.reset();
  found.ranks.reset();
  found.dance.reset();
  found.best.power_mw.reset();
  const std::string page = codesign_report(codesign);
  check_well_formed_html(page);
  CHECK(contains(page, "There are no limits."));
  const std::string results = page.substr(0, page.find("<h2>Settings and versions</h2>"));
  for (const char* part : {"best of all pairs", "limit 3 ms", "mean power", "rank networks"}) {
    CHECK_FALSE(contains(results, part));
  }
  CHECK(contains(page, "Pareto front (n = 1)"));
  found.front.clear();
  check_well_formed_html(codesign_report(codesign));
}

TEST_CASE("a pair that is the best of all is called so", "[report]") {
  CodesignRun codesign = example_run("runs/a", "coupled");
  codesign.found->optimum = codesign.found->best;
  CHECK(contains(codesign_report(codesign), "best pair found, the best of all"));
  CHECK(contains(format_codesign_record(*codesign.found), "this is the best of all pairs"));
  // As accurate, but with more energy x delay.
  codesign.found->best.energy *= 2.0;
  CHECK(contains(codesign_report(codesign), "0.000 points below the best of all pairs"));
}

TEST_CASE("texts of a co-design run are escaped, and a long front is shown in part", "[report]") {
  CodesignRun codesign = example_run("<b>", "random", 120);
  codesign.found->best.arch = "<script>";
  codesign.found->best.accelerator["name"] = "<i>";
  const std::string page = codesign_report(codesign);
  check_well_formed_html(page);
  CHECK(contains(page, "&lt;script&gt;"));
  CHECK(contains(page, "40 of these 120 pairs"));
  check_well_formed_html(codesign_comparison_page({codesign, codesign}));
}

TEST_CASE("co-designs are compared by pairs, gaps, costs of the search and settings", "[report]") {
  CodesignRun other = example_run("b", "bayesian");
  other.found->optimum.reset();
  const std::vector<CodesignRun> runs{example_run("a", "two_level"), other};
  const std::string text = codesign_comparison_text(runs);
  for (const char* part : {"a    two_level", "75.00 %", "1.250",
                           "All runs have the same limits: "
                           "latency <= 3 ms.",
                           "codesign.method"}) {
    CHECK(contains(text, part));
  }
  const json object = codesign_comparison_json(runs);
  CHECK(object["runs"][0]["gap_points"] == Approx(1.25));
  CHECK(object["runs"][1]["gap_points"].is_null());
  CHECK(object["runs"][1]["evaluations"] == json{{"networks", 7}, {"pairs", 28}});
  CHECK(object["differences"]["codesign.method"] == json{"two_level", "bayesian"});
  const std::string page = codesign_comparison_page(runs);
  check_well_formed_html(page);
  CHECK(contains(page, "2 co-design runs compared"));
  CHECK(contains(section_of(page, "Accuracy against latency"), "<svg"));
}

TEST_CASE("a comparison of co-designs says what makes them different problems", "[report]") {
  CodesignRun other = example_run("b", "bayesian");
  other.found->limits = "none";
  const CodesignRun one = example_run("a", "two_level");
  CHECK(contains(codesign_comparison_text({one, other}), "The runs have different limits."));
  other.found->batch = 16;
  CHECK(contains(codesign_comparison_text({one, other}), "cannot be compared"));
}
