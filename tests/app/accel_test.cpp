// Runs the program's accel command.
#include <string>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/program.hpp"
#include "catch.hpp"
#include "hsconas/base/csv.hpp"

using namespace hsconas;
using namespace hsconas::test;
using nlohmann::json;

namespace {

const std::string kConfigs = std::string(HSCONAS_SOURCE_DIR) + "/configs/";
const std::string kDesign = kConfigs + "accelerators/eyeriss-168.json";
const std::string kNetwork = kConfigs + "networks/resnet18.json";

Outcome accel(const Bench& bench, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "accel");
  return bench.run(arguments);
}

/// A copy of the Eyeriss-like design with one value changed.
std::string changed(const Bench& bench, const std::string& key, const json& value) {
  json design = read_json(kDesign);
  design[key] = value;
  const auto path = bench / "design.json";
  write_json(path, design);
  return path.string();
}

}  // namespace

TEST_CASE("accel prints a network's cost as a table, CSV and JSON", "[app]") {
  const Bench bench;
  const Outcome text = accel(bench, {"-d", kDesign, "-n", kNetwork});
  CHECK(text.exit_code == 0);
  CHECK(contains(text.out, "resnet18 on eyeriss-168"));
  const Outcome csv = accel(bench, {"-d", kDesign, "-n", kNetwork, "--csv"});
  CHECK(CsvTable::parse(csv.out, "csv").rows() == 12);
  const Outcome object = accel(bench, {"--json", "-d", kDesign, "-n", kNetwork});
  CHECK(json::parse(object.out)["layers"].size() == 12);
}

TEST_CASE("accel takes the names of shipped designs, networks and spaces", "[app]") {
  const Bench bench;
  const std::string expected = accel(bench, {"-d", kDesign, "-n", kNetwork, "--csv"}).out;
  CHECK(accel(bench, {"-d", "eyeriss-168", "-n", "resnet18", "--csv"}).out == expected);
  const Outcome arch =
      accel(bench, {"-d", "eyeriss-168", "-s", "nas-bench-macro", "-a", "22212202"});
  CHECK(contains(arch.out, "22212202 on eyeriss-168"));
  const Outcome wrong = accel(bench, {"-d", "eyeris-168", "-n", "resnet18"});
  CHECK(wrong.exit_code == 3);
  CHECK(contains(wrong.err,
                 "eyeris-168: is neither a file nor the name of a shipped accelerator (did you "
                 "mean 'eyeriss-168'?)"));
}

TEST_CASE(
    "accel prints an architecture's cost, and the results of MAESTRO's and SCALE-Sim's models",
    "[app]") {
  const Bench bench;
  const std::string space = kConfigs + "spaces/nas-bench-macro.json";
  const Outcome arch = accel(bench, {"-d", kDesign, "-s", space, "-a", "22212202"});
  CHECK(arch.exit_code == 0);
  CHECK(contains(arch.out, "22212202 on eyeriss-168"));
  const Outcome maestro = accel(
      bench, {"--mode", "maestro", "-d", kConfigs + "accelerators/kc-p.json", "-n", kNetwork});
  CHECK(maestro.exit_code == 0);
  CHECK(contains(maestro.out, "l2_words"));
  const Outcome systolic =
      accel(bench, {"--json", "--mode", "scalesim", "-d",
                    kConfigs + "accelerators/systolic-os-32.json", "-n", kNetwork});
  CHECK(json::parse(systolic.out)["layers"].size() == 12);
}

TEST_CASE("invalid designs and arguments of accel are one-line errors", "[app]") {
  const Bench bench;
  const auto refused = [&](const std::vector<std::string>& arguments, int exit_code,
                           const std::string& part) {
    const Outcome outcome = accel(bench, arguments);
    CAPTURE(outcome.err);
    CHECK(outcome.exit_code == exit_code);
    CHECK(outcome.out.empty());
    CHECK(lines_of(outcome.err).size() == 1);
    CHECK(contains(outcome.err, part));
  };
  const auto with = [&](const std::string& key, const json& value) {
    return std::vector<std::string>{"-d", changed(bench, key, value), "-n", kNetwork};
  };
  refused(with("rows", 0), 2, "rows must be in [1, 4096], got 0");
  refused(with("energy", "eyerris"), 2, "did you mean 'eyeriss'?");
  refused(with("buffer_bytes", 300), 4, "the global buffer of 300 bytes is too small");
  refused({"-d", "nope.json", "-n", kNetwork}, 3, "nope.json");
  refused({"-d", kDesign}, 2, "either --network FILE, or --space");
  refused({"-d", kDesign, "-n", kNetwork, "--mode", "nativ"}, 2, "did you mean 'native'?");
  refused({"-d", kDesign, "-n", kNetwork, "--mode", "maestro"}, 2, "no mapping for dataflow rs");
}

TEST_CASE("accel takes a voltage and the widths of weights and activations", "[app]") {
  const Bench bench;
  const auto cost = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"--json", "-d", "eyeriss-bits", "-n", "resnet18"});
    const Outcome outcome = accel(bench, arguments);
    CAPTURE(outcome.err);
    REQUIRE(outcome.exit_code == 0);
    return json::parse(outcome.out);
  };
  const json nominal = cost({});
  const json slow = cost({"--voltage", "0.6"});
  CHECK(slow["design"]["voltage"] == 0.6);
  CHECK(slow["ms"] > nominal["ms"]);
  CHECK(slow["energy_terms"]["mac"] < nominal["energy_terms"]["mac"]);
  // Another mapping may be best at another voltage, but a byte from outside costs the same.
  const auto energy_per_byte = [](const json& costs) {
    double energy = 0.0;
    for (const json& term : costs["energy_terms"]["offchip"]) energy += term.get<double>();
    return energy / costs["offchip_bytes"].get<double>();
  };
  CHECK(energy_per_byte(slow) == Approx(energy_per_byte(nominal)));
  const json narrow = cost({"--weight-bits", "4", "--activation-bits", "8"});
  CHECK(narrow["energy"] < nominal["energy"]);
  CHECK(narrow["offchip_bytes"] < nominal["offchip_bytes"]);
  const json mixed = cost({"--weight-bits", "16,8,8,8,8,8,4,8,8,4,8,8"});
  CHECK(mixed["layers"][0]["bits"]["weight"] == 16);
  CHECK(mixed["layers"][6]["bits"]["weight"] == 4);

  const auto refused = [&](std::vector<std::string> arguments, int exit_code,
                           const std::string& part) {
    arguments.insert(arguments.end(), {"-n", "resnet18"});
    const Outcome outcome = accel(bench, arguments);
    CAPTURE(outcome.err);
    CHECK(outcome.exit_code == exit_code);
    CHECK(lines_of(outcome.err).size() == 1);
    CHECK(contains(outcome.err, part));
  };
  refused({"-d", "eyeriss-bits", "--voltage", "1.3"}, 2, "voltage must be in [0.6, 1.1], got 1.3");
  refused({"-d", "eyeriss-168", "--weight-bits", "4"}, 4,
          "eyeriss-168: layer conv1 asks for weights of 4 bits, but the design supports 16");
  refused({"-d", "eyeriss-bits", "--weight-bits", "8,8"}, 2, "2 widths are given for the weights");
  refused({"-d", "kc-p", "--mode", "maestro", "--voltage", "0.7"}, 2, "has no voltages");
  refused({"-d", "kc-p", "--mode", "maestro", "--weight-bits", "8"}, 2, "no word widths per layer");
}

TEST_CASE("a search can target an accelerator instead of a device", "[app]") {
  const Bench bench;
  const Outcome outcome = bench.run(Bench::search(
      "run", {fmt::format("latency.accelerator={}accelerators/kc-p.json", kConfigs)}));
  CAPTURE(outcome.err);
  REQUIRE(outcome.exit_code == 0);
  const json table = read_json(bench / "run" / "latency.json");
  CHECK(table["device"]["device"] == "accelerator kc-p");
  const json winner = read_json(bench / "run" / "result.json")["winner"];
  CHECK_FALSE(winner.contains("measured_ms"));  // A modelled accelerator cannot be timed.
}
