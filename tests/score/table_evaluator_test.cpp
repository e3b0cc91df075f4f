#include "hsconas/score/table_evaluator.hpp"

#include <string>
#include <vector>

#include "catch.hpp"
#include "hsconas/base/files.hpp"
#include "support/errors.hpp"
#include "support/spaces.hpp"
#include "support/temporary_folder.hpp"

using namespace hsconas;

namespace {

using Networks = std::vector<Architecture>;

}  // namespace

TEST_CASE("known accuracies are read from a table, in percent or as fractions", "[score]") {
  const SearchSpace space = tiny_space(1);
  const TemporaryFolder folder;
  const auto table = [&](const std::string& text) {
    write_file(folder / "table.csv", text);
    return TableEvaluator(space, folder / "table.csv", "acc");
  };
  const auto refused = [&](const std::string& text) { return error_of([&] { table(text); }); };
  TableEvaluator percent = table("arch,acc\n0:0,71.5\n1:1,80\n");
  CHECK(percent.architectures().size() == 2);
  CHECK(percent.accuracy(Networks{space.decode("0:0")})[0] == Approx(0.715));
  CHECK(contains(error_of([&] { percent.accuracy(Networks{space.decode("0:1")}); }),
                 "has no accuracy of network 0:1"));
  TableEvaluator fraction = table("ops,acc\n0:0,0.5\n");
  CHECK(fraction.accuracy(Networks{space.decode("0:0")})[0] == 0.5);
  CHECK(contains(refused("arch,acc\n9:0,1\n"), "table.csv:2: arch"));
  CHECK(contains(refused("arch,acc\n0:0,101\n"), "must be in [0, 100]"));
  CHECK(contains(refused("arch,acc\n2:0,50\n2:1,50\n"), "an earlier row has: leave out one"));
  CHECK(contains(refused("arch,acc\n"), "has no networks"));
  CHECK(contains(refused("arch,accuracy\n0:0,1\n"), "has no column 'acc'"));
}
