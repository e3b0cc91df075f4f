#include "hsconas/codesign/design_space.hpp"

#include <set>

#include <nlohmann/json.hpp>

#include "catch.hpp"
#include "support/errors.hpp"
#include "support/spaces.hpp"
#include "support/temporary_folder.hpp"

using namespace hsconas;
using nlohmann::json;

namespace {

json small() {
  return json::parse(R"({"name": "small", "dataflow": ["ws-kc", "ws-x"], "pes": [32, 64, 128],
    "register_words": {"input": 16, "weight": [32, 64], "psum": 16}, "buffer_bytes": 65536,
    "noc_words": {"from": 10, "to": 30, "step": 10}, "offchip_bytes": 16})");
}

DesignSpace shipped(const std::string& name) {
  return load_design_space(source_folder() / "configs" / "designs" / (name + ".json"));
}

}  // namespace

TEST_CASE("a design space is the grid of its axes without what the dataflow cannot arrange",
          "[codesign]") {
  const DesignSpace space(small());
  // 2 x 3 x 2 x 3 combinations; 32 PEs make no cluster of KC-P's 64: 1 x 1 x 2 x 3 left out.
  CHECK(space.size() == 30);
  CHECK(space.left_out() == 6);
  REQUIRE(space.axes().size() == 4);
  CHECK(space.axes()[2].key == "register_words.weight");
  CHECK(space.designs()[0].name == "ws-kc_64_32_10");
  CHECK(space.designs()[0].rows == 64);
  CHECK(space.designs()[0].columns == 1);
  std::set<std::string> names;
  for (std::size_t i = 0; i < space.size(); ++i) {
    const Accelerator& design = space.designs()[i];
    names.insert(design.name);
    CHECK(space.at(space.coordinates(i)) == i);
    CHECK(space.find(design.name) == i);
  }
  CHECK(names.size() == 30);
  const int no_cluster[] = {0, 0, 0, 0};
  CHECK(!space.at(no_cluster));
}

TEST_CASE("a design's values are those of its names in the file", "[codesign]") {
  const DesignSpace space(small());
  const Accelerator& design = space.designs()[space.find("ws-x_32_64_30")];
  CHECK(design.dataflow == "ws-x");
  CHECK(design.pes() == 32);
  CHECK(design.register_words == std::array<std::int64_t, 3>{16, 64, 16});
  CHECK(design.noc_words == 30.0);
  CHECK(design.offchip_bytes == 16.0);
}

TEST_CASE("the shipped design spaces have the sizes of their papers", "[codesign]") {
  const DesignSpace semi = shipped("semi-decoupled");
  CHECK(semi.size() + semi.left_out() == 432 * 3);
  CHECK(semi.left_out() == 2 * 8 * 9);  // KC-P with 16 and 32 PEs.
  const DesignSpace dance = shipped("dance");
  CHECK(dance.size() == 17 * 17 * 16 * 3);
  CHECK(dance.left_out() == 0);
  const Accelerator& design = dance.designs()[dance.find("rs_12_20_48")];
  CHECK(design.rows == 12);
  CHECK(design.columns == 20);
  CHECK(design.register_words == std::array<std::int64_t, 3>{48, 48, 48});
}

TEST_CASE("a design space that cannot be is refused by name", "[codesign]") {
  const auto refused = [](const char* key, const json& value) {
    json source = small();
    source[key] = value;
    return error_of([&] { DesignSpace{source}; });
  };
  CHECK(refused("pes", json::array()) == "usage: designs.pes is an empty list: no design is left");
  CHECK(refused("pes", {64, 64}) == "usage: designs.pes names 64 twice");
  CHECK(contains(refused("noc_words", {{"from", 9}, {"to", 3}, {"step", 1}}), "must rise"));
  CHECK(contains(refused("noc_words", {{"from", 1}, {"to", 3}, {"stp", 1}}), "step is required"));
  CHECK(contains(refused("offchip_bytes", {16, -1}), "offchip_bytes must be in"));
  CHECK(contains(refused("dataflow", {"ws-kc", "ws-kx"}), "unknown dataflow 'ws-kx'"));
  CHECK(contains(refused("bufer_bytes", 3), "bufer_bytes"));
  CHECK(contains(refused("register_words", {{"inputs", 3}}), "inputs"));
  json none = small();
  none["dataflow"] = "ws-kc";
  none["pes"] = {16, 32};
  CHECK(contains(error_of([&] { DesignSpace{none}; }), "no design is left"));
  CHECK(contains(error_of([] { DesignSpace{json::array()}; }), "must be a JSON object"));
  const DesignSpace space(small());
  CHECK(contains(error_of([&] { space.find("ws-x_32_64_31"); }), "did you mean 'ws-x_32_64_30'?"));
  const TemporaryFolder folder;
  write_file(folder / "broken.json", "{\"pes\": [1,");
  CHECK(contains(error_of([&] { load_design_space(folder / "broken.json"); }), "broken.json"));
}
