#include "hsconas/base/log.hpp"

#include "catch.hpp"
#include "hsconas/base/files.hpp"
#include "support/errors.hpp"
#include "support/temporary_folder.hpp"

using namespace hsconas;

TEST_CASE("the first file of a log also gets the messages from before", "[log]") {
  const TemporaryFolder folder;
  Log log(Verbosity::Quiet, false);
  log.info("early");
  log.detail("early detail");
  log.attach_file(folder / "a.txt");
  log.info("late");
  const std::string text = read_file(folder / "a.txt");
  CHECK(text.find("early") < text.find("early detail"));
  CHECK(text.find("early detail") < text.find("late"));
}

TEST_CASE("a message goes to the file attached last, once", "[log]") {
  const TemporaryFolder folder;
  Log log(Verbosity::Quiet, false);
  log.attach_file(folder / "a.txt");
  log.info("one");
  log.attach_file(folder / "b.txt");
  log.info("two");
  log.attach_file(folder / "b.txt");
  log.info("three");
  CHECK(contains(read_file(folder / "a.txt"), "one"));
  CHECK_FALSE(contains(read_file(folder / "a.txt"), "two"));
  const std::string text = read_file(folder / "b.txt");
  CHECK_FALSE(contains(text, "one"));
  for (const char* message : {"two", "three"}) {
    CHECK(text.find(message) != std::string::npos);
    CHECK(text.find(message) == text.rfind(message));
  }
}
