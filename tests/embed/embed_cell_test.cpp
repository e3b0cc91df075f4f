#include "hsconas/embed/embed_cell.hpp"

#include <cmath>
#include <vector>

#include <nlohmann/json.hpp>

#include "catch.hpp"
#include "hsconas/base/files.hpp"
#include "hsconas/embed/embeddings.hpp"
#include "support/errors.hpp"
#include "support/known_table.hpp"
#include "support/temporary_folder.hpp"

using namespace hsconas;

namespace {

/// small_cell() with a further operator, so that there is something to learn: 256 networks.
nlohmann::json cell_to_embed() {
  nlohmann::json cell = small_cell();
  cell["operators"].push_back("pool");
  cell["identity"] = "skip";
  return cell;
}

struct Bench {
  SearchSpace cell{read_space(cell_to_embed())};
  CellGraphs graphs{cell};
  Log log{Verbosity::Quiet, false};
  StopToken stop;

  CellEmbedding embed(std::uint64_t seed, int epochs) const {
    Log quiet(Verbosity::Quiet, false);
    return embed_cell(graphs, {.epochs = epochs, .held_back = 0.1}, seed, quiet, stop);
  }
};

}  // namespace

TEST_CASE("an autoencoder learns a small cell and decodes networks that it has not seen",
          "[embed]") {
  const Bench bench;
  const CellEmbedding embedding = bench.embed(1, 100);
  const EmbedReport& report = embedding.report;
  CHECK(report.networks == 256);
  CHECK(report.classes == bench.graphs.classes());
  CHECK(report.learned + report.held_back == report.classes);
  CHECK(report.held_back >= 2);
  CHECK(report.operators >= 0.9);
  CHECK(report.links >= 0.9);
  CHECK(report.distinct == report.classes);
  CHECK(report.valid > 0.0);
  CHECK(report.unique > 0.0);
  CHECK(embedding.values.size() == embedding.dimensions * report.classes);
}

TEST_CASE("the same seed gives the same embeddings, and another one gives others", "[embed]") {
  const Bench bench;
  const CellEmbedding first = bench.embed(1, 3);
  CHECK(first.values == bench.embed(1, 3).values);
  CHECK(first.values != bench.embed(2, 3).values);
}

TEST_CASE("the file of a cell's embeddings has a line for each network, equal ones for equal ones",
          "[embed]") {
  const Bench bench;
  const CellEmbedding embedding = bench.embed(1, 2);
  const TemporaryFolder folder;
  write_file(folder / "e.csv", embeddings_csv(bench.cell, bench.graphs, embedding));
  const Embeddings read = Embeddings::load(bench.cell, folder / "e.csv");
  CHECK(read.size() == 256);
  REQUIRE(read.dimensions() == embedding.dimensions);
  const auto of = [&](const char* code) { return read.of(genes_of(bench.cell.decode(code))); };
  const auto one = of("0202");
  const auto same = of("1022");
  CHECK(std::equal(one.begin(), one.end(), same.begin()));
  CHECK(one[0] == Approx(embedding.of(
                      bench.graphs.class_of(bench.graphs.index(bench.cell.decode("0202"))))[0]));
  CHECK(of("0201")[0] != one[0]);
}

TEST_CASE("rank correlations tell how embeddings follow edges and accuracies", "[embed]") {
  const Bench bench;
  // One number for each class, which is also the accuracy.
  CellEmbedding line{.dimensions = 1, .values = {}, .report = {}};
  for (std::size_t i = 0; i < bench.graphs.classes(); ++i) {
    line.values.push_back(static_cast<double>(i));
  }
  std::vector<std::size_t> networks;
  std::vector<double> accuracies;
  for (std::size_t i = 0; i < 256; ++i) {
    networks.push_back(i);
    accuracies.push_back(0.125 * line.of(bench.graphs.class_of(i))[0]);
  }
  const Smoothness known = smoothness(bench.graphs, line, networks, accuracies, 1);
  CHECK(known.accuracy > 0.999);
  CHECK(std::abs(known.edits_accuracy - known.edits) < 1e-3);
  CHECK(std::isnan(smoothness(bench.graphs, line, networks, {}, 1).accuracy));
  const Smoothness none = smoothness(bench.graphs, line, std::span(networks).first(1), {}, 1);
  CHECK(none.pairs == 0);
  CHECK(std::isnan(none.edits));
}

TEST_CASE("a cell with few different networks is refused", "[embed]") {
  nlohmann::json source = cell_to_embed();
  source["edges"] = {{0, 1}, {1, 2}};
  const SearchSpace cell(read_space(source));
  const CellGraphs graphs(cell);
  Bench bench;
  CHECK(contains(error_of([&] { embed_cell(graphs, {}, 1, bench.log, bench.stop); }),
                 "the cell has only 8 different networks"));
}

TEST_CASE("a stop request ends the training of an autoencoder", "[embed]") {
  Bench bench;
  bench.stop.request();
  CHECK(contains(error_of([&] { bench.embed(1, 2); }), "interrupted: "));
}
