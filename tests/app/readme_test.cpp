// The lines of README are run, so that they stay true.
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "app/program.hpp"
#include "catch.hpp"

using namespace hsconas;
using namespace hsconas::test;

namespace {

namespace fs = std::filesystem;

/// Every command line in README's blocks and in its table of commands, without comments, each with
/// its continuation lines, from the word hsconas on.
std::vector<std::string> readme_lines() {
  std::vector<std::string> commands;
  const auto lines = lines_of(read_file(fs::path(HSCONAS_SOURCE_DIR) / "README.md"));
  for (std::size_t i = 0; i < lines.size(); ++i) {
    std::string line = lines[i];
    while (line.ends_with(" \\") && i + 1 < lines.size()) {
      const std::string& next = lines[++i];
      line = line.substr(0, line.size() - 1) + next.substr(next.find_first_not_of(' '));
    }
    const bool is_row = line.starts_with("| `hsconas ");
    std::string command;
    for (const char* start : {"    hsconas ", "    build/release/hsconas ", "| `hsconas "}) {
      if (line.starts_with(start)) command = line.substr(std::string(start).size());
    }
    if (command.empty() || command.find(": ") < command.find(' ')) continue;
    command = command.substr(0, command.find(is_row ? "`" : "#"));
    command.erase(command.find_last_not_of(' ') + 1);
    commands.push_back(command);
  }
  return commands;
}

/// How a line is run: some of its words by others, and more words behind it.
struct Recipe {
  std::map<std::string, std::string> words = {};
  std::vector<std::string> more = {};
};

const std::vector<std::string> kPlan{"--dry-run", "--device", "cpu"};

/// Nothing for a line that cannot be run here; the tests named beside it do the same.
std::map<std::string, std::optional<Recipe>> recipes() {
  const Recipe as_it_is;
  const std::string winner = read_json(finished_run().file("result.json"))["winner"]["arch"];
  return {
      {"search --config configs/cifar10.json data.format=folder data.path=my_images "
       "space.classes=37 latency.target_ms=2.5",
       Recipe{.more = kPlan}},
      {"profile --config configs/gpu.json", {}},  // Needs a GPU, as the next one does.
      {"profile --config configs/gpu.json 'space.widths=[0.5,1.0]' latency.rounds=3 "
       "latency.interval_percent=100 latency.budget_minutes=0.5 latency.bias_networks=20 "
       "latency.test_networks=10",
       {}},
      {"search --config configs/gpu.json latency.accelerator=configs/accelerators/kc-p.json",
       Recipe{.more = kPlan}},
      {"retrain RUN", Recipe{.more = {"retrain.epochs=1", "retrain.warmup_epochs=0"}}},
      {"evaluate RUN", as_it_is},
      {"evaluate RUN --batch 16 --threads 1", as_it_is},
      {"export RUN", as_it_is},
      {"predict --arch A --table RUN/latency.json", Recipe{.words = {{"A", winner}}}},
      {"report RUN [RUN...]", Recipe{.words = {{"[RUN...]", "runs/a"}}}},
      {"report runs/a", as_it_is},
      {"report runs/a runs/b runs/c -o both.html", as_it_is},
      {"profile --config configs/edge.json --export-kit kit",
       Recipe{.words = {{"configs/edge.json", "micro.json"}}}},
      {"latency import kit/results.csv", {}},  // kit_test.cpp
      {"latency keys   -s configs/spaces/fbnet.json > blocks.csv", as_it_is},
      {"latency choose -s configs/spaces/fbnet.json -n 50 > networks.csv", as_it_is},
      {"latency import -s configs/spaces/fbnet.json --operators blocks.csv --networks networks.csv "
       "-o phone.json",
       {}},  // latency_test.cpp
      {"latency adapt  -s configs/spaces/fbnet.json --table phone.json --networks other.csv -o "
       "other.json",
       {}},  // latency_test.cpp
      {"accel -d configs/accelerators/eyeriss-168.json -n configs/networks/resnet18.json",
       as_it_is},
      {"accel -d configs/accelerators/kc-p.json -s configs/spaces/nas-bench-macro.json -a 22212202",
       as_it_is},
      {"codesign --config configs/codesign.json codesign.accuracies=nas_bench_macro_cifar10.csv.gz",
       Recipe{.words = {{"codesign.accuracies=nas_bench_macro_cifar10.csv.gz",
                         "codesign.accuracies=known.csv"}},
              .more = kPlan}},
      {"codesign --config configs/codesign.json codesign.accuracies=... codesign.method=coupled "
       "codesign.max_latency_ms=2",
       Recipe{.words = {{"codesign.accuracies=...", "codesign.accuracies=known.csv"}},
              .more = kPlan}},
      {"codesign --config configs/dance.json data.path=fashion_mnist", Recipe{.more = kPlan}},
  };
}

}  // namespace

TEST_CASE("every command line of README runs", "[app]") {
  const Bench bench;
  fs::create_directory_symlink(fs::path(HSCONAS_SOURCE_DIR) / "configs", bench / "configs");
  make_folder(bench / "runs");
  for (const char* name : {"RUN", "runs/a", "runs/b", "runs/c"}) {
    fs::copy(finished_run().bench / "run", bench / name, fs::copy_options::recursive);
  }
  write_file(bench / "known.csv", "arch,mean_acc\n22212202,0.9\n00000000,0.5\n11111111,0.8\n");
  const auto known = recipes();
  int run = 0;
  for (const std::string& line : readme_lines()) {
    INFO(line);
    std::vector<std::string> words;
    for (const std::string& word : split(line, ' ')) {
      if (!word.empty()) words.push_back(word);
    }
    const bool is_name = words.size() == 1 || words.at(1).find('\\') != std::string::npos;
    if (is_name) {
      CHECK(bench.run({words.front(), "--help"}).exit_code == 0);
      continue;
    }
    const auto recipe = known.find(line);
    REQUIRE(recipe != known.end());  // A new line needs a recipe.
    if (!recipe->second) continue;
    std::string file;
    if (words.size() > 2 && words[words.size() - 2] == ">") {
      file = words.back();
      words.resize(words.size() - 2);
    }
    for (std::string& word : words) {
      const auto other = recipe->second->words.find(word);
      if (other != recipe->second->words.end()) word = other->second;
    }
    words.insert(words.end(), recipe->second->more.begin(), recipe->second->more.end());
    fs::remove_all(bench / "RUN/retrain");
    const Outcome outcome = bench.run(words);
    INFO(outcome.err);
    CHECK(outcome.exit_code == 0);
    CHECK_FALSE(outcome.out.empty());
    if (!file.empty()) write_file(bench / file, outcome.out);
    ++run;
  }
  CHECK(run >= 15);
}
