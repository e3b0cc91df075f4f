#include "hsconas/embed/cell_graph.hpp"

#include <map>
#include <set>
#include <string>

#include <nlohmann/json.hpp>

#include "catch.hpp"
#include "hsconas/base/csv.hpp"
#include "hsconas/base/files.hpp"
#include "support/errors.hpp"
#include "support/known_table.hpp"
#include "support/reference_data.hpp"
#include "support/skip.hpp"

using namespace hsconas;

namespace {

nlohmann::json cell_with_identity() {
  nlohmann::json cell = small_cell();
  cell["identity"] = "skip";
  return cell;
}

SearchSpace nas_bench_201() {
  return SearchSpace(read_space(read_json(source_folder() / "configs/cells/nas-bench-201.json")));
}

}  // namespace

TEST_CASE("networks of a cell whose outputs are equal expressions have one class", "[embed]") {
  const SearchSpace cell(read_space(cell_with_identity()));
  const CellGraphs graphs(cell);
  CHECK(graphs.networks() == 81);
  const auto class_of = [&](const char* code) {
    return graphs.class_of(graphs.index(cell.decode(code)));
  };
  // The edges are 0-1, 0-2, 1-2, 2-3.
  CHECK(class_of("0202") == class_of("1022"));
  CHECK(class_of("1202") == class_of("0202"));
  CHECK(class_of("0220") == class_of("2220"));
  CHECK(class_of("2212") == class_of("1222"));
  CHECK(class_of("0202") != class_of("0201"));
  CHECK(class_of("1112") != class_of("0102"));  // Twice the input is not the input.
}

TEST_CASE("without an identity only zeros make networks equal", "[embed]") {
  const SearchSpace cell(read_space(small_cell()));
  const CellGraphs graphs(cell);
  const auto class_of = [&](const char* code) {
    return graphs.class_of(graphs.index(cell.decode(code)));
  };
  CHECK(class_of("0202") != class_of("1022"));
  CHECK(class_of("0222") == class_of("0202"));
}

TEST_CASE("a class is known by its first network, and an index by its network", "[embed]") {
  const SearchSpace cell(read_space(cell_with_identity()));
  const CellGraphs graphs(cell);
  for (std::size_t i = 0; i < graphs.networks(); ++i) {
    CHECK(graphs.index(graphs.network(i)) == i);
    CHECK(graphs.first_of(graphs.class_of(i)) <= i);
  }
  for (std::size_t i = 0; i < graphs.classes(); ++i) {
    CHECK(graphs.class_of(graphs.first_of(i)) == i);
  }
}

TEST_CASE("the graph of a network links the operators along the edges that are there", "[embed]") {
  const SearchSpace cell(read_space(cell_with_identity()));
  const CellGraphs graphs(cell);
  REQUIRE(graphs.nodes() == 6);
  REQUIRE(graphs.kinds() == 5);
  const CellGraph graph = graphs.graph(cell.decode("2012"));
  CHECK(graph.kinds == std::vector<int>{3, 2, 0, 1, 2, 4});
  CHECK(graph.links == std::vector<std::pair<int, int>>{{0, 1}, {1, 3}, {3, 4}, {4, 5}});
}

TEST_CASE("spaces that are no cells, and cells of too many networks, have no graphs", "[embed]") {
  const SearchSpace chain(tiny_description(3));
  CHECK(contains(error_of([&] { CellGraphs{chain}; }), "is no cell"));
  nlohmann::json large = small_cell();
  large["edges"] = nlohmann::json::array();
  for (int from = 0; from < 6; ++from) {
    for (int to = from + 1; to < 6; ++to) large["edges"].push_back({from, to});
  }
  const SearchSpace cell(read_space(large));
  CHECK(contains(error_of([&] { CellGraphs{cell}; }), "cell small has more than 1000000 networks"));
}

TEST_CASE("NAS-Bench-201 has 6,466 different networks", "[embed]") {
  const SearchSpace cell = nas_bench_201();
  const CellGraphs graphs(cell);
  CHECK(graphs.networks() == 15'625);
  CHECK(graphs.classes() == 6'466);
}

TEST_CASE("the classes of NAS-Bench-201 are those of its authors", "[embed][data]") {
  const auto file = reference_data("nas_bench_201/nb201.csv.gz");
  if (!file) return skip_test(no_reference_data("nas_bench_201/nb201.csv.gz"));
  const SearchSpace cell = nas_bench_201();
  const CellGraphs graphs(cell);
  const CsvTable table = CsvTable::load(*file);
  std::map<std::string, std::set<std::size_t>> ours;
  std::set<std::size_t> all;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    const Architecture arch = cell.decode(table.text(row, table.column("ops")));
    const std::size_t number = graphs.class_of(graphs.index(arch));
    ours[table.text(row, table.column("iso_class"))].insert(number);
    all.insert(number);
  }
  for (const auto& [theirs, numbers] : ours) CHECK(numbers.size() == 1);
  CHECK(ours.size() == all.size());
}
