#include "hsconas/score/known_networks.hpp"

#include <cmath>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "catch.hpp"
#include "hsconas/base/files.hpp"
#include "hsconas/config/config_file.hpp"
#include "hsconas/config/known_settings.hpp"
#include "hsconas/space/subspace.hpp"
#include "support/errors.hpp"
#include "support/known_table.hpp"
#include "support/temporary_folder.hpp"

using namespace hsconas;
using nlohmann::json;

namespace {

struct Known {
  TemporaryFolder folder;
  Log log{Verbosity::Quiet, false};
  StopToken stop;
  json source;

  Known() {
    write_known_table(folder / "table.csv");
    source = known_config(folder / "table.csv");
  }
};

}  // namespace

TEST_CASE("without a source of latencies there is no budget, and F is the accuracy", "[score]") {
  Known known;
  const KnownNetworks networks(read_config(known.source), known.log, known.stop);
  CHECK(networks.networks().size() == 81);
  CHECK(networks.is_complete());
  CHECK(networks.region()->log10_size() == Approx(4 * std::log10(3.0)));
  CHECK_FALSE(networks.objective().has_target());
  CHECK(networks.objective().score(0.7, 123.0) == 0.7);
  CHECK(networks.objective().gap(123.0) == 0.0);
  CHECK(networks.latency_from().empty());
  const Architecture arch = networks.space().decode("2000");
  CHECK(networks.accuracies().accuracy(arch) == Approx(0.52));
  CHECK(networks.reported()->accuracy(arch) == Approx(0.53));
}

TEST_CASE(
    "T lies between the extremes of the listed latencies, and networks without one cannot be "
    "chosen",
    "[score]") {
  Known known;
  known.source["latency"] = {{"column", "ms"}, {"target_position", 0.25}};
  const KnownNetworks all(read_config(known.source), known.log, known.stop);
  CHECK(all.objective().target_ms == Approx(1.0 + 0.25 * 8.0));
  CHECK(contains(all.latency_from(), "column ms of "));
  known.source["latency"]["column"] = "some";
  const KnownNetworks some(read_config(known.source), known.log, known.stop);
  CHECK_FALSE(some.is_complete());
  CHECK(some.networks().size() == 54);
  CHECK(some.objective().target_ms == Approx(1.5 + 0.25 * 7.5));
  CHECK_FALSE(some.region()->contains(some.space().decode("0222")));
  CHECK(some.region()->contains(some.space().decode("1222")));
}

TEST_CASE("the column of latencies is one of latency.table, if that is named", "[score]") {
  Known known;
  write_file(known.folder / "times.csv", "arch,pi\n0000,3\n2222,5\n");
  known.source["latency"] = {{"column", "pi"}, {"table", (known.folder / "times.csv").string()}};
  const KnownNetworks networks(read_config(known.source), known.log, known.stop);
  CHECK(networks.networks().size() == 2);
  CHECK(networks.objective().target_ms == Approx(4.0));
}

TEST_CASE("settings that mean nothing with or without known accuracies are refused", "[config]") {
  Known known;
  const auto refused = [&](const char* pointer, const json& value) {
    json changed = known.source;
    changed[json::json_pointer(pointer)] = value;
    return error_of([&] { read_config(changed); });
  };
  const char* kNoLatency =
      "usage: a latency budget on known accuracies needs known latencies: name latency.column, "
      "latency.table or latency.accelerator, or leave out latency.target_ms and "
      "latency.target_position";
  CHECK(refused("/latency/target_ms", 3.0) == kNoLatency);
  CHECK(refused("/latency/target_position", 0.3) == kNoLatency);
  CHECK(contains(refused("/latency/unit", "apples"), "latency.unit is the unit of latency.column"));
  CHECK(refused("/latency/column", "ms") == "nothing");
  known.source["latency"] = {{"column", "ms"}};
  CHECK(contains(refused("/latency/accelerator", "x.json"), "exclude each other"));
  known.source["score"].erase("accuracies");
  CHECK(contains(refused("/seed", 1), "space small is a cell, which cannot be trained"));
  known.source["space"] = to_json(tiny_description(3));
  CHECK(contains(refused("/seed", 1), "score.accuracy_column has no effect without"));
  known.source["score"].erase("accuracy_column");
  CHECK(contains(refused("/seed", 1), "score.reported_column has no effect without"));
  known.source["score"].erase("reported_column");
  CHECK(contains(refused("/seed", 1), "latency.column has no effect without"));
}

TEST_CASE("settings of training and timing are listed as being without effect", "[config]") {
  Known known;
  CHECK(settings_without_effect(read_config(known.source)).empty());
  known.source["supernet"] = {{"epochs", 3}};
  known.source["search"]["racing"] = 0.9;
  known.source["data"] = {{"holdout_images", 10}};
  CHECK(settings_without_effect(read_config(known.source)) ==
        std::vector<std::string>{"data.holdout_images", "supernet.epochs", "search.racing"});
}
