// The lines of README and docs are run, so that they stay true. Lines in blocks marked `sh` run as
// they stand, page by page, in a folder with configs/ and a finished run in runs/quickstart; lines
// in blocks marked `console` take long, need other files or other rights: of those that start with
// hsconas, commands and options must exist.
#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "app/program.hpp"
#include "catch.hpp"

using namespace hsconas;
using namespace hsconas::test;

namespace {

namespace fs = std::filesystem;

const fs::path kSource = HSCONAS_SOURCE_DIR;

/// README and the pages of docs.
std::vector<fs::path> pages() {
  std::vector<fs::path> found{kSource / "README.md"};
  for (const auto& file : fs::directory_iterator(kSource / "docs")) {
    if (file.path().extension() == ".md") found.push_back(file.path());
  }
  std::sort(found.begin() + 1, found.end());
  return found;
}

/// The words of each line of a page's blocks marked `mark`, without comments; a line that ends with
/// a backslash goes on in the next one.
std::vector<std::vector<std::string>> lines_in(const fs::path& page, const std::string& mark) {
  std::vector<std::vector<std::string>> lines;
  bool is_inside = false;
  bool goes_on = false;
  for (const std::string& line : lines_of(read_file(page))) {
    if (line.starts_with("```")) {
      is_inside = line == "```" + mark;
      continue;
    }
    if (!is_inside || line.empty()) continue;
    std::string text = line.substr(0, line.find(" #"));
    const bool ends_open = text.ends_with('\\');
    if (ends_open) text.pop_back();
    if (!goes_on) lines.emplace_back();
    for (const std::string& word : split(text, ' ')) {
      if (!word.empty()) lines.back().push_back(word);
    }
    goes_on = ends_open;
  }
  std::erase_if(lines, [](const auto& words) { return words.empty(); });
  return lines;
}

/// A finished run of the quickstart with everything small.
const Bench& quickstart() {
  static const Bench bench;
  static const Outcome outcome = [] {
    fs::create_directory_symlink(kSource / "configs", bench / "configs");
    return bench.run({"search",
                      "quickstart",
                      "--work-dir",
                      "runs/quickstart",
                      "data.train_images=400",
                      "data.holdout_images=200",
                      "data.test_images=200",
                      "supernet.epochs=1",
                      "supernet.warmup_epochs=0",
                      "shrink.stages=[]",
                      "score.calibration_images=100",
                      "search.population=4",
                      "search.parents=2",
                      "search.generations=1",
                      "search.baseline_samples=2",
                      "latency.rounds=3",
                      "latency.budget_minutes=0.02",
                      "latency.sample_ms=0.1",
                      "latency.bias_networks=30",
                      "latency.test_networks=10"});
  }();
  INFO(outcome.err);
  REQUIRE(outcome.exit_code == 0);
  return bench;
}

/// Runs a line; its output goes to the file behind `>`, if there is one.
Outcome run_line(const Bench& bench, std::vector<std::string> words) {
  std::string file;
  if (words.size() > 2 && words[words.size() - 2] == ">") {
    file = words.back();
    words.resize(words.size() - 2);
  }
  words.erase(words.begin());
  const Outcome outcome = bench.run(words);
  if (!file.empty()) write_file(bench / file, outcome.out);
  return outcome;
}

/// The help of the command that a line names.
std::string help_of(const std::vector<std::string>& words) {
  std::vector<std::string> command{words.at(1)};
  if (words.size() > 2 && (command[0] == "latency" || command[0] == "config")) {
    command.push_back(words[2]);
  }
  command.emplace_back("--help");
  const Outcome outcome = quickstart().run(command);
  INFO(join(words, " "));
  CHECK(outcome.exit_code == 0);
  return outcome.out;
}

}  // namespace

TEST_CASE("every line of README and docs that is marked sh runs as it stands", "[app]") {
  std::size_t count = 0;
  for (const fs::path& page : pages()) {
    const auto lines = lines_in(page, "sh");
    if (lines.empty()) continue;
    const Bench bench;
    fs::create_directory_symlink(kSource / "configs", bench / "configs");
    fs::copy(quickstart() / "runs", bench / "runs", fs::copy_options::recursive);
    for (const auto& words : lines) {
      INFO(page.filename().string() << ": " << join(words, " "));
      REQUIRE(words.front() == "hsconas");
      const Outcome outcome = run_line(bench, words);
      INFO(outcome.err);
      CHECK(outcome.exit_code == 0);
      ++count;
    }
  }
  CHECK(count >= 30);
}

TEST_CASE("lines of README and docs that are marked console name commands and options that exist",
          "[app]") {
  std::size_t count = 0;
  for (const fs::path& page : pages()) {
    for (const auto& words : lines_in(page, "console")) {
      if (words.front() != "hsconas" || words.size() < 2) continue;
      const std::string help = help_of(words);
      for (const std::string& word : words) {
        if (!word.starts_with("--")) continue;
        INFO(page.filename().string() << ": " << join(words, " "));
        CHECK(contains(help, word.substr(0, word.find('='))));
      }
      ++count;
    }
  }
  CHECK(count > 3);
}
