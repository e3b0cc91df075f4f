#include "hsconas/accel/accelerator.hpp"

#include <filesystem>

#include <nlohmann/json.hpp>

#include "catch.hpp"
#include "hsconas/accel/cost.hpp"
#include "hsconas/base/files.hpp"
#include "support/errors.hpp"
#include "support/spaces.hpp"

using namespace hsconas;
using nlohmann::json;

namespace {

json valid() {
  return {{"name", "test"},       {"dataflow", "ws-kc"}, {"pes", 256},
          {"buffer_bytes", 4096}, {"noc_words", 16},     {"offchip_bytes", 8}};
}

std::string refusal(const std::string& key, const json& value) {
  json source = valid();
  source[key] = value;
  return error_of([&] { read_accelerator(source); });
}

}  // namespace

TEST_CASE("a total number of PEs is arranged to suit the dataflow", "[accel]") {
  json source = valid();
  CHECK(read_accelerator(source).rows == 64);
  CHECK(read_accelerator(source).columns == 4);
  source["dataflow"] = "rs-yr";
  CHECK(read_accelerator(source).pes() == 256);
  CHECK(read_accelerator(source).columns == 1);
  source["dataflow"] = "rs";
  source["pes"] = 168;
  CHECK(read_accelerator(source).rows == 12);
  CHECK(read_accelerator(source).columns == 14);
}

TEST_CASE("an invalid design is an error that names the value at fault", "[accel]") {
  CHECK(refusal("pes", 0) == "usage: pes must be in [1, 65536], got 0");
  CHECK(refusal("pes", 32) ==
        "usage: dataflow ws-kc works in clusters of 64 PEs: pes must be a multiple, got 32");
  CHECK(refusal("rows", 4) ==
        "usage: accelerator.pes must not be given together with rows or columns");
  CHECK(contains(refusal("energy", "eyeris"),
                 "unknown energy table 'eyeris' (did you mean 'eyeriss'?)"));
  CHECK(contains(refusal("area", "x"), "unknown area table 'x'"));
  CHECK(contains(refusal("dataflow", "ws-ck"), "unknown dataflow 'ws-ck' (did you mean 'ws-kc'?)"));
  CHECK(contains(refusal("buffer_byte", 1), "did you mean 'buffer_bytes'?"));
  CHECK(refusal("noc_words", 0) == "usage: noc_words must be in [0.001, 1000000000], got 0");
  CHECK(refusal("lanes", -1) == "usage: lanes must be in [1, 1024], got -1");
  CHECK(refusal("register_words", {{"input", 0}}) ==
        "usage: register_words must be in [1, 1048576], got 0");
}

TEST_CASE("a design that is written and read back is unchanged", "[accel]") {
  json source = valid();
  source["register_words"] = {{"input", 3}, {"weight", 4}, {"psum", 5}};
  source["bits"] = {{"input", 16}, {"weight", 4}, {"psum", 24}};
  source["multicast"] = false;
  source["lanes"] = 2;
  const Accelerator design = read_accelerator(source);
  CHECK(read_accelerator(to_json(design)) == design);
  CHECK(design.register_words == std::array<std::int64_t, 3>{3, 4, 5});
}

TEST_CASE("every shipped design runs every shipped network", "[accel]") {
  int designs = 0;
  for (const auto& file :
       std::filesystem::directory_iterator(source_folder() / "configs" / "accelerators")) {
    const Accelerator design = load_accelerator(file.path());
    CHECK(design.name == file.path().stem().string());
    for (const char* name : {"resnet18", "mobilenetv2", "shufflenetv2"}) {
      const Network network =
          load_network(source_folder() / "configs" / "networks" / (std::string(name) + ".json"));
      const NetworkCost cost = cost_of(network, design);
      CAPTURE(design.name, name);
      CHECK(cost.macs == static_cast<double>(network.macs()));
      CHECK(cost.cycles * static_cast<double>(design.pes()) >= cost.macs);
    }
    ++designs;
  }
  CHECK(designs >= 10);
}

TEST_CASE("the area is the sum of its parts, and the buffer's grows with its size", "[accel]") {
  const Accelerator design = read_accelerator(valid());
  const Area area = area_of(design);
  CHECK(area.total() ==
        Approx(area.multipliers + area.registers + area.buffer + area.interconnect));
  CHECK(area.multipliers == 256 * 283.0);
  CHECK(area.buffer == Approx(0.104 * 4096));
  Accelerator larger = design;
  larger.buffer_bytes *= 2;
  CHECK(area_of(larger).buffer == Approx(2.0 * area.buffer));
  CHECK(area_of(larger).interconnect == area.interconnect);
}

TEST_CASE("every dataflow orders all loops and is found by its name", "[accel]") {
  for (const Dataflow& dataflow : all_dataflows()) {
    CAPTURE(dataflow.name);
    CHECK(dataflow.order.size() == kDims);
    CHECK(!dataflow.rows.empty());
    CHECK((dataflow.is_linear ? dataflow.columns.empty() : !dataflow.columns.empty()));
    CHECK(&find_dataflow(dataflow.name) == &dataflow);
  }
}
