#include "hsconas/embed/embeddings.hpp"

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "catch.hpp"
#include "hsconas/base/files.hpp"
#include "support/errors.hpp"
#include "support/known_table.hpp"
#include "support/temporary_folder.hpp"

using namespace hsconas;

namespace {

struct File {
  TemporaryFolder folder;
  SearchSpace cell{read_space(small_cell())};

  Embeddings load(const std::string& text) const {
    write_file(folder / "embeddings.csv", text);
    return Embeddings::load(cell, folder / "embeddings.csv");
  }
  std::string error(const std::string& text) const {
    return error_of([&] { load(text); });
  }
};

}  // namespace

TEST_CASE("embeddings are read for each network, wherever the column of networks is", "[embed]") {
  const File file;
  const Embeddings embeddings = file.load("first,arch,second\n1,0212,2.5\n-3,1111,4\n");
  CHECK(embeddings.size() == 2);
  REQUIRE(embeddings.dimensions() == 2);
  const auto values = embeddings.of(genes_of(file.cell.decode("1111")));
  CHECK(std::vector(values.begin(), values.end()) == std::vector{-3.0, 4.0});
}

TEST_CASE("a broken file of embeddings is refused with its line", "[embed]") {
  const File file;
  CHECK(contains(file.error("arch\n0212\n"), "has no column beside arch"));
  CHECK(contains(file.error("code,e1\n0212,1\n"), "has no column 'arch'"));
  CHECK(contains(file.error("arch,e1\n0212,1\n0219,1\n"), "embeddings.csv:3: architecture '"));
  CHECK(contains(
      file.error("arch,e1\n0212,1\n0212,2\n"),
      "embeddings.csv:3: arch is a network that an earlier row has: leave out one of them"));
  CHECK(contains(file.error("arch,e1\n0212,one\n"), "embeddings.csv:2: e1 must be a number"));
}

TEST_CASE("a network without an embedding is named, with the remedy", "[embed]") {
  const File file;
  const Embeddings embeddings = file.load("arch,e1\n0212,1\n1111,1\n");
  const std::vector<Architecture> known{file.cell.decode("1111"), file.cell.decode("0212")};
  CHECK_NOTHROW(embeddings.require(file.cell, known));
  const std::vector<Architecture> more{known[0], file.cell.decode("2222")};
  const std::string error = error_of([&] { embeddings.require(file.cell, more); });
  CHECK(contains(error, "has no embedding of network 2222"));
  CHECK(contains(error, "hsconas embed"));
}
