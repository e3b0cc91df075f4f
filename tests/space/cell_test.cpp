#include "hsconas/space/cell.hpp"

#include "catch.hpp"
#include "hsconas/space/search_space.hpp"
#include "hsconas/space/subspace.hpp"
#include "support/errors.hpp"
#include "support/known_table.hpp"

using namespace hsconas;

TEST_CASE("a cell is a space whose layers are edges, and whose networks are digits", "[space]") {
  const SearchSpace cell(read_space(small_cell()));
  REQUIRE(cell.is_cell());
  CHECK(cell.layers() == 4);
  CHECK(cell.ops() == 3);
  CHECK(cell.widths() == 1);
  CHECK(cell.op(2).name == "conv");
  CHECK(cell.cell()->edges[3] == std::pair(2, 3));
  CHECK(enumerate(Subspace::full(cell)).size() == 81);
  const Architecture arch = cell.decode("0212");
  CHECK(cell.encode(arch) == "0212");
  CHECK(cell.canonical(arch) == arch);
  CHECK(cell.describe(arch) == "none, conv, skip, conv");
  CHECK(error_of([&] { cell.decode("0213"); }) ==
        "usage: architecture '0213' is not the 4 digits from 0 to 2 of cell small");
  // A copy has operators of its own, so it may live longer.
  const auto copy = [] { return SearchSpace(SearchSpace(read_space(small_cell()))); }();
  CHECK(copy.op(1).name == "skip");
}

TEST_CASE("the networks of a cell cannot be built, and the error says where they can be used",
          "[space]") {
  const SearchSpace cell(read_space(small_cell()));
  const std::string refusal =
      "usage: space small is a cell, whose networks can be searched on known accuracies "
      "(score.accuracies) but not built: choose a space of layers, such as one in configs/spaces";
  CHECK(error_of([&] { cell.block(0, {1, 0}); }) == refusal);
  CHECK(error_of([&] { cell.stem(); }) == refusal);
  CHECK(error_of([&] { cell.head(); }) == refusal);
  CHECK(error_of([&] { cell.cost(cell.decode("0000")); }) == refusal);
}

TEST_CASE("a cell is written as it was read", "[space]") {
  const SpaceDescription cell = read_space(small_cell());
  CHECK(to_json(cell) == small_cell());
  CHECK(cell.layers() == 4);
  CHECK(tiny_description(3).layers() == 3);
  nlohmann::json broken = small_cell();
  broken["nothing"] = "zero";
  CHECK(contains(error_of([&] { read_space(broken); }), "space.nothing must be one of"));
  nlohmann::json more = small_cell();
  more["identity"] = "skip";
  CHECK(read_space(more).cell->identity == 1);
  CHECK(to_json(read_space(more)) == more);
  more["identity"] = "skipp";
  CHECK(contains(error_of([&] { read_space(more); }), "space.identity must be one of"));
  more["identity"] = "none";
  CHECK(contains(error_of([&] { read_space(more); }), "must be another operator than nothing"));
}
