// Catch2 version 2 makes its main here; version 3 brings one in its own library. Both list here
// what was skipped.
#define CATCH_CONFIG_MAIN
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <set>

#include "catch.hpp"
#include "support/skip.hpp"

namespace {

#if HSCONAS_CATCH2_MAJOR >= 3
using Listener = Catch::EventListenerBase;
#else
using Listener = Catch::TestEventListenerBase;
#endif

std::string running_test;
std::set<std::string> skipped;
std::set<std::string> cut;

/// Lists the skips on stderr and appends them, a line each, to the file HSCONAS_SKIPS where that is
/// set: ctest does not show what a test that passed has said.
class SkipList : public Listener {
 public:
  using Listener::Listener;

  void testCaseStarting(const Catch::TestCaseInfo& test) override { running_test = test.name; }

  void testRunEnded(const Catch::TestRunStats&) override {
    list("skipped", skipped);
    list("checked in part", cut);
  }

 private:
  static void list(const std::string& what, const std::set<std::string>& tests) {
    if (tests.empty()) return;
    std::cerr << tests.size() << (tests.size() == 1 ? " test " : " tests ") << what << ":\n";
    for (const std::string& test : tests) std::cerr << "  " << test << '\n';
    if (const char* file = std::getenv("HSCONAS_SKIPS")) {
      std::ofstream lines(file, std::ios::app);
      for (const std::string& test : tests) lines << what << ": " << test << '\n';
    }
  }
};

}  // namespace

CATCH_REGISTER_LISTENER(SkipList)

namespace hsconas {

void skip_test(const std::string& reason) {
  skipped.insert(running_test + ": " + reason);
#ifdef SKIP  // Catch2 3.3 and newer.
  SKIP(reason);
#endif
}

void skip_part(const std::string& reason) {
  cut.insert(running_test + ": " + reason);
}

}  // namespace hsconas
