#include "hsconas/latency/latency_space.hpp"

#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "catch.hpp"
#include "hsconas/base/files.hpp"
#include "support/errors.hpp"
#include "support/spaces.hpp"
#include "support/temporary_folder.hpp"

using namespace hsconas;
using nlohmann::json;

namespace {

LatencySpace nas_bench_201() {
  return load_latency_space(source_folder() / "configs" / "cells" / "nas-bench-201.json");
}

/// The error of loading a file with this content, without the folder's path.
std::string loading_error(const json& content) {
  const TemporaryFolder folder;
  write_file(folder / "cell.json", content.dump());
  const std::string error = error_of([&] { load_latency_space(folder / "cell.json"); });
  const std::string path = (folder / "").string();
  const std::size_t at = error.find(path);
  return at == std::string::npos ? error : error.substr(0, at) + error.substr(at + path.size());
}

json good_cell() {
  return {{"name", "small"},
          {"description", "two nodes on the way"},
          {"operators", {"none", "conv", "pool"}},
          {"edges", {{0, 1}, {1, 2}, {0, 2}}},
          {"nothing", "none"}};
}

using Edges = std::vector<std::pair<int, int>>;

/// The cell with `nothing` on every edge that is on no path from node 0 to `last`, found by walking
/// every path.
Architecture by_paths(const Architecture& arch, const Edges& edges, int nothing, int last) {
  std::vector<bool> on_path(arch.size());
  std::vector<std::size_t> walked;
  const std::function<void(int)> walk = [&](int node) {
    if (node == last) {
      for (const std::size_t edge : walked) on_path[edge] = true;
      return;
    }
    for (std::size_t i = 0; i < edges.size(); ++i) {
      if (edges[i].first != node || arch[i].op == nothing) continue;
      walked.push_back(i);
      walk(edges[i].second);
      walked.pop_back();
    }
  };
  walk(0);
  Architecture result = arch;
  for (std::size_t i = 0; i < arch.size(); ++i) {
    if (!on_path[i]) result[i].op = nothing;
  }
  return result;
}

}  // namespace

TEST_CASE("a search space's terms are its choices, numbered row by row", "[latency]") {
  const SearchSpace space = tiny_space();
  const LatencySpace terms(space);
  CHECK(terms.name() == "tiny");
  CHECK(terms.positions() == 3);
  CHECK(terms.ops() == 3);
  CHECK(terms.widths() == 2);
  CHECK_FALSE(terms.is_cell());
  CHECK(terms.search_space() != nullptr);
  REQUIRE(terms.terms() == 3 * 3 * 2);
  std::size_t next = 0;
  for (int layer = 0; layer < 3; ++layer) {
    for (int op = 0; op < 3; ++op) {
      for (int width = 0; width < 2; ++width, ++next) {
        const std::size_t index = terms.index(layer, {op, width});
        CHECK(index == next);
        CHECK(terms.op_of(index) == op);
        const LatencySpace::Term& term = terms.term(index);
        const Block block = space.block(layer, {op, width});
        CHECK(term.block_key == block.key());
        CHECK(term.is_free == block.is_identity());
        double macs = 0.0;
        for (const auto& [kind, amount] : term.work) {
          if (kind == "dense" || kind.starts_with("depthwise ")) macs += amount;
        }
        CHECK(macs == Approx(1e-6 * static_cast<double>(cost_of(block).macs)));
      }
    }
  }
  CHECK(terms.fixed_blocks() == std::vector{space.stem().key(), space.head().key()});
}

TEST_CASE("a position's key names layer and operator, and the width where widths differ",
          "[latency]") {
  const LatencySpace terms(tiny_space());
  CHECK(terms.term(terms.index(1, {0, 1})).position_key == "1/shuffle_k3:1");
  CHECK(terms.term(terms.index(2, {1, 0})).position_key == "2/xception:0");
  // A skip has one key, whatever its width index.
  CHECK(terms.term(terms.index(2, {2, 0})).position_key == "2/skip");
  CHECK(terms.term(terms.index(2, {2, 1})).position_key == "2/skip");
  const LatencySpace chain(shipped_space("fbnet"));
  CHECK(chain.term(chain.index(12, {3, 0})).position_key == "12/mbconv_e6_k3");
  const LatencySpace cell = nas_bench_201();
  CHECK(cell.term(cell.index(5, {4, 0})).position_key == "5/avg_pool_3x3");
  CHECK(cell.term(0).block_key.empty());
}

TEST_CASE("terms with the same position key are the same block", "[latency]") {
  for (const char* name : {"hsconas-a", "fashion-28", "fbnet"}) {
    const LatencySpace terms(shipped_space(name));
    std::map<std::string, std::string> blocks;
    for (std::size_t i = 0; i < terms.terms(); ++i) {
      const auto& term = terms.term(i);
      CHECK(blocks.try_emplace(term.position_key, term.block_key).first->second == term.block_key);
    }
  }
}

TEST_CASE("architectures are written and read back, in chains and in cells", "[latency]") {
  const SearchSpace tiny = tiny_space();
  for (const LatencySpace& space :
       {LatencySpace(tiny), LatencySpace(shipped_space("fbnet")), nas_bench_201()}) {
    Rng rng(1, "test");
    for (int i = 0; i < 50; ++i) {
      Architecture arch;
      for (int position = 0; position < space.positions(); ++position) {
        const auto op = static_cast<int>(rng.index(static_cast<std::size_t>(space.ops())));
        const auto width = static_cast<int>(rng.index(static_cast<std::size_t>(space.widths())));
        arch.push_back({op, width});
      }
      CHECK(space.decode(space.encode(arch)) == arch);
    }
  }
  CHECK(LatencySpace(tiny).encode({{2, 1}, {0, 0}, {1, 1}}) == "2:1-0:0-1:1");
  CHECK(nas_bench_201().encode({{4, 0}, {3, 0}, {2, 0}, {1, 0}, {0, 0}, {0, 0}}) == "432100");
}

TEST_CASE("a text that is no cell is an error that quotes it and says what is expected",
          "[latency]") {
  const LatencySpace cell = nas_bench_201();
  for (const char* text : {"", "43210", "4321000", "43210x", "543210", "4321 0", "-43210"}) {
    CHECK(error_of([&] { cell.decode(text); }) ==
          "usage: architecture '" + std::string(text) +
              "' is not the 6 digits from 0 to 4 of cell nas-bench-201");
  }
  CHECK(contains(error_of([] { LatencySpace(tiny_space()).decode("0:0"); }), "usage: "));
}

TEST_CASE("dead operators of a cell are those on no path, in all cells of NAS-Bench-201",
          "[latency]") {
  const LatencySpace space = nas_bench_201();
  const Edges edges{{0, 1}, {0, 2}, {1, 2}, {0, 3}, {1, 3}, {2, 3}};
  int wrong = 0;
  int changed = 0;
  std::set<Architecture> different;
  for (int code = 0; code < 15625; ++code) {
    Architecture arch;
    for (int rest = code; arch.size() < 6; rest /= 5) arch.push_back({rest % 5, 0});
    const Architecture live = space.canonical(arch, DeadOperators::Free);
    wrong += live != by_paths(arch, edges, 0, 3) ||
             space.canonical(live, DeadOperators::Free) != live ||
             space.canonical(arch, DeadOperators::Cost) != arch;
    changed += live != arch;
    different.insert(live);
  }
  CHECK(wrong == 0);
  CHECK(changed > 0);
  CHECK(static_cast<int>(different.size()) == 15625 - changed);
}

TEST_CASE("dead operators are found in any order of the edges, and among parallel edges",
          "[latency]") {
  Rng rng(1, "test");
  for (int trial = 0; trial < 200; ++trial) {
    CellDescription cell{.name = "random", .operators = {"a", "nothing", "b"}, .nothing = 1};
    const int nodes = 2 + static_cast<int>(rng.index(5));
    cell.edges.emplace_back(0, nodes - 1);
    for (std::size_t i = rng.index(9); i-- > 0;) {
      const auto from = static_cast<int>(rng.index(static_cast<std::size_t>(nodes - 1)));
      const auto step = static_cast<int>(rng.index(static_cast<std::size_t>(nodes - 1 - from)));
      cell.edges.emplace_back(from, from + 1 + step);
    }
    rng.shuffle(std::span(cell.edges));
    Architecture arch;
    for (std::size_t i = 0; i < cell.edges.size(); ++i) {
      arch.push_back({static_cast<int>(rng.index(3)), 0});
    }
    CHECK(LatencySpace(cell).canonical(arch, DeadOperators::Free) ==
          by_paths(arch, cell.edges, 1, nodes - 1));
  }
}

TEST_CASE("a chain has no dead operators, and equal widths have one canonical form", "[latency]") {
  const SearchSpace space = tiny_space();
  const LatencySpace terms(space);
  for (const Architecture& arch : enumerate(Subspace::full(space))) {
    CHECK(terms.canonical(arch, DeadOperators::Cost) == space.canonical(arch));
    CHECK(terms.canonical(arch, DeadOperators::Free) == space.canonical(arch));
  }
}

TEST_CASE("a file with edges is a cell, any other a search space", "[latency]") {
  const LatencySpace cell = nas_bench_201();
  CHECK(cell.is_cell());
  CHECK(cell.name() == "nas-bench-201");
  CHECK(cell.positions() == 6);
  CHECK(cell.ops() == 5);
  CHECK(cell.widths() == 1);
  CHECK(cell.search_space() == nullptr);
  CHECK(cell.fixed_blocks().empty());
  for (std::size_t i = 0; i < cell.terms(); ++i) {
    CHECK(cell.term(i).is_free == (cell.op_name(cell.op_of(i)) == "none"));
  }
  const LatencySpace chain =
      load_latency_space(source_folder() / "configs" / "spaces" / "fbnet.json");
  CHECK_FALSE(chain.is_cell());
  CHECK(chain.positions() == 22);
  CHECK(loading_error(good_cell()) == "nothing");
}

TEST_CASE("a broken cell file names the file and the key at fault", "[latency]") {
  for (const char* key : {"name", "operators", "nothing"}) {
    json cell = good_cell();
    cell.erase(key);
    CHECK(loading_error(cell) == std::string("usage: cell.json: ") + key + " is required");
  }
  json cell = good_cell();
  cell.erase("description");
  CHECK(loading_error(cell) == "nothing");
  cell.erase("edges");  // Without edges it is read as a search space, which it is not.
  CHECK(contains(loading_error(cell), "usage: cell.json: "));

  const auto with = [](const char* key, const json& value) {
    json broken = good_cell();
    broken[key] = value;
    return loading_error(broken);
  };
  const std::string pairs =
      "usage: cell.json: edges must hold pairs [from, to] with 0 <= from < to < 64";
  for (const char* edges :
       {"[[0]]", "[[0, 1, 2]]", "[[1, 1]]", "[[2, 1]]", "[[-1, 1]]", "[[0, 1], [0, 64]]", "[[]]"}) {
    CHECK(with("edges", json::parse(edges)) == pairs);
  }
  CHECK(with("edges", json::array()) == "usage: cell.json: edges must hold at least one edge");
  CHECK(contains(with("edges", "0-1"), "usage: cell.json: edges has the wrong type"));
  CHECK(contains(with("edges", {{"a", "b"}}), "usage: cell.json: edges has the wrong type"));
  CHECK(with("nothing", "nome") ==
        "usage: cell.json: nothing must be one of the operators (did you mean 'none'?)");
  CHECK(with("operators", {"none"}) == "usage: cell.json: operators must name 2 to 10 operators");
  const std::vector<std::string> eleven(11, "none");
  CHECK(with("operators", eleven) == "usage: cell.json: operators must name 2 to 10 operators");
  CHECK(contains(with("operators", {"none", "conv", "conv"}), "usage: cell.json: operators "));
  CHECK(contains(with("operator", 1), "operator is not a known key (did you mean 'operators'?)"));
  CHECK(contains(loading_error(json::array()), "cell.json"));
}

TEST_CASE("a space file that is missing is named", "[latency]") {
  const TemporaryFolder folder;
  CHECK(contains(error_of([&] { load_latency_space(folder / "none.json"); }),
                 "none.json: cannot read"));
}
