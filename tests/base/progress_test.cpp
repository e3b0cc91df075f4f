#include "hsconas/base/progress.hpp"

#include "catch.hpp"
#include "hsconas/base/files.hpp"
#include "support/errors.hpp"
#include "support/temporary_folder.hpp"

using namespace hsconas;

TEST_CASE("a finished loop leaves one line with its count in the log file", "[base]") {
  const TemporaryFolder folder;
  Log log(Verbosity::Quiet, false);
  log.attach_file(folder / "log.txt");
  {
    Progress progress(log, "supernet", 10, 4);
    for (int i = 0; i < 6; ++i) progress.step(1, "loss 1.93");
  }
  { const Progress idle(log, "nothing", 0); }
  log.info("end");  // Flushes.
  const std::string text = read_file(folder / "log.txt");
  CHECK(contains(text, "supernet: 10 of 10 in 0 s"));
  CHECK_FALSE(contains(text, "nothing"));
}

TEST_CASE("a log without a console is not interactive and names a file it cannot open", "[base]") {
  const TemporaryFolder folder;
  Log log(Verbosity::Normal, false);
  CHECK_FALSE(log.interactive());
  write_file(folder / "file", "");
  CHECK(contains(error_of([&] { log.attach_file(folder / "file" / "log.txt"); }),
                 "cannot write the log"));
}
