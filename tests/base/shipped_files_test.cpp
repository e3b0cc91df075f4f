#include "hsconas/base/shipped_files.hpp"

#include <filesystem>

#include <nlohmann/json.hpp>

#include "catch.hpp"
#include "hsconas/base/files.hpp"
#include "support/errors.hpp"
#include "support/temporary_folder.hpp"

using namespace hsconas;

namespace {

namespace fs = std::filesystem;

/// Works in an empty folder until the end of the test.
class EmptyFolder {
 public:
  EmptyFolder() : before_(fs::current_path()) { fs::current_path(folder_ / ""); }
  ~EmptyFolder() { fs::current_path(before_); }
  EmptyFolder(const EmptyFolder&) = delete;
  EmptyFolder& operator=(const EmptyFolder&) = delete;

 private:
  TemporaryFolder folder_;
  fs::path before_;
};

}  // namespace

TEST_CASE("every file in configs/ is shipped, and read where it does not exist", "[base]") {
  const fs::path configs = fs::path(HSCONAS_SOURCE_DIR) / "configs";
  const EmptyFolder here;
  for (const auto& entry : fs::recursive_directory_iterator(configs)) {
    if (!entry.is_regular_file()) continue;
    const fs::path name = "configs" / entry.path().lexically_relative(configs);
    INFO(name);
    CHECK(read_file_or_shipped(name) == read_file(entry.path()));
    CHECK(read_json_or_shipped(fs::absolute(name)) == read_json(entry.path()));
  }
}

TEST_CASE("a user's own file comes before the shipped one of that name", "[base]") {
  const EmptyFolder here;
  make_folder("configs/spaces");
  write_file("configs/spaces/fbnet.json", "{}");
  CHECK(read_file_or_shipped("configs/spaces/fbnet.json") == "{}");
  // A link that leads nowhere is a mistake to report, not a file that is absent.
  fs::create_symlink("nowhere", "configs/spaces/spos.json");
  CHECK_THROWS_WITH(read_file_or_shipped("configs/spaces/spos.json"),
                    Catch::Matchers::ContainsSubstring("spos.json"));
}

TEST_CASE("a shipped file stands in only for configs/NAME in the current folder", "[base]") {
  const EmptyFolder here;
  for (const char* name : {"fbnet.json", "spaces/fbnet.json", "other/configs/spaces/fbnet.json",
                           "configs/fbnet.json", "configs/../quickstart.json"}) {
    CHECK_THROWS_WITH(read_file_or_shipped(name), Catch::Matchers::ContainsSubstring(name));
  }
}
