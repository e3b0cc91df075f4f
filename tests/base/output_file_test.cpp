#include "hsconas/base/output_file.hpp"

#include <filesystem>
#include <string>

#include "catch.hpp"
#include "hsconas/base/files.hpp"
#include "support/errors.hpp"
#include "support/temporary_folder.hpp"

using namespace hsconas;

TEST_CASE("a file that is read is no output, under whichever name", "[base]") {
  const TemporaryFolder folder;
  const std::string input = (folder / "in.csv").string();
  write_file(input, "arch,ms\n");
  std::filesystem::create_symlink(input, folder / "link.csv");
  for (const auto& out :
       {input, (folder / "." / "in.csv").string(), (folder / "link.csv").string()}) {
    CHECK(contains(error_of([&] {
                     check_output(out, {"", "absent.csv", input});
                   }),
                   "usage: " + out + ": cannot write: it is read as well"));
  }
  check_output((folder / "out.csv").string(), {input});
  check_output("", {input});
}

TEST_CASE("an output that cannot be written is found before the work", "[base]") {
  const TemporaryFolder folder;
  CHECK(contains(error_of([&] { check_output((folder / "absent/out.csv").string(), {}); }),
                 "absent is no folder"));
  CHECK(contains(error_of([&] { check_output((folder / "").string(), {}); }), "is a folder"));
}

TEST_CASE("two options that name the same file are refused, under whichever name", "[base]") {
  const TemporaryFolder folder;
  const std::string file = (folder / "table.json").string();
  for (const std::string& same : {file, (folder / "." / "table.json").string()}) {
    CHECK(error_of([&] {
            check_different({{"--out", file}, {"--plot", ""}, {"--scatter", same}});
          }) ==
          "usage: " + same + ": --out and --scatter would both write it, name different files");
  }
  check_different({{"--out", file}, {"--plot", ""}, {"--scatter", ""}, {"--csv", file + "2"}});
}
