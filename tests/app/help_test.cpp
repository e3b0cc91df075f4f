// Shell completion and manual pages, which the program writes itself.
#include <cstdlib>
#include <string>

#include "app/program.hpp"
#include "catch.hpp"
#include "support/skip.hpp"

using namespace hsconas;
using namespace hsconas::test;

namespace {

/// What bash completes `line` to, with the cursor at its end; `line` holds single quotes nowhere.
std::string completed(const Bench& bench, const std::string& line) {
  const std::string script =
      "source ./completion 2> /dev/null; COMP_WORDS=(" + line +
      "); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _hsconas 2> /dev/null; echo \" ${COMPREPLY[@]} \"";
  const std::string command =
      "cd '" + (bench / "").string() + "' && bash -c '" + script + "' > out";
  REQUIRE(std::system(command.c_str()) == 0);
  return read_file(bench / "out");
}

bool has(const char* program) {
  return std::system((std::string("command -v ") + program + " > /dev/null").c_str()) == 0;
}

}  // namespace

TEST_CASE("bash completes commands, options, keys, choices and shipped configs", "[help]") {
  const Bench bench;
  const Outcome outcome = bench.run({"completion", "bash"});
  REQUIRE(outcome.exit_code == 0);
  write_file(bench / "completion", outcome.out);

  CHECK(completed(bench, "hsconas se") == " search \n");
  CHECK(completed(bench, "hsconas config k") == " keys \n");
  CHECK(completed(bench, "hsconas search --work") == " --work-dir \n");
  CHECK(contains(completed(bench, "hsconas search search.pop"), " search.population= "));
  CHECK(contains(completed(bench, "hsconas search --config quick"), " quickstart "));
  CHECK(contains(completed(bench, "hsconas latency import --dead-operators un"), " unread "));
}

TEST_CASE("zsh and fish accept their completion scripts", "[help]") {
  const Bench bench;
  for (const std::string shell : {"zsh", "fish"}) {
    const Outcome outcome = bench.run({"completion", shell});
    REQUIRE(outcome.exit_code == 0);
    CHECK(contains(outcome.out, "search"));
    if (!has(shell.c_str())) {
      skip_part("no " + shell);
      continue;
    }
    write_file(bench / "completion", outcome.out);
    const std::string check = shell + " -n '" + (bench / "completion").string() + "'";
    CHECK(std::system(check.c_str()) == 0);
  }
  const Outcome wrong = bench.run({"completion", "tcsh"});
  CHECK(wrong.exit_code == 2);
  CHECK(contains(wrong.err, "bash, zsh or fish"));
}

TEST_CASE("each command has a manual page that man formats without a warning", "[help]") {
  const Bench bench;
  REQUIRE(bench.run({"manual", "man"}).exit_code == 0);
  const std::string page = read_file(bench / "man" / "hsconas-search.1");
  CHECK(contains(page, "\\-\\-work\\-dir"));
  CHECK(contains(read_file(bench / "man" / "hsconas.1"), "hsconas\\-retrain"));
  CHECK(contains(read_file(bench / "man" / "hsconas-latency.1"), "\\-\\-dead\\-operators"));
  if (!has("groff")) return skip_part("no groff");
  const std::string check =
      "cd '" + (bench / "man").string() + "' && test -z \"$(groff -man -Tutf8 -ww -z *.1 2>&1)\"";
  CHECK(std::system(check.c_str()) == 0);
}
