// The lines of README are run, so that they stay true.
#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "app/program.hpp"
#include "catch.hpp"
#include "hsconas/base/csv.hpp"

using namespace hsconas;
using namespace hsconas::test;
using nlohmann::json;

namespace {

namespace fs = std::filesystem;

struct Line {
  std::string command;              ///< Without comment and program, from the word hsconas on.
  std::vector<std::string> output;  ///< What is shown below a line that begins with $.
};

/// `text` up to a comment and without blanks at its ends.
std::string trimmed(std::string text) {
  text = text.substr(0, text.find(" #"));
  text.erase(0, std::min(text.find_first_not_of(' '), text.size()));
  text.erase(text.find_last_not_of(' ') + 1);
  return text;
}

/// Every command of a document: the lines of its indented blocks, each with its continuation, and
/// what stands between backticks in its text and tables and begins with hsconas.
std::vector<Line> commands_of(const fs::path& document) {
  std::vector<Line> commands;
  const auto lines = lines_of(read_file(document));
  for (std::size_t i = 0; i < lines.size(); ++i) {
    std::string line = lines[i];
    if (line.starts_with("    ")) {
      while (line.ends_with(" \\") && i + 1 < lines.size()) {
        line = line.substr(0, line.size() - 1) + trimmed(lines[++i]);
      }
      Line found{.command = trimmed(line), .output = {}};
      if (found.command.starts_with("$ ")) {
        found.command = found.command.substr(2);
        while (i + 1 < lines.size() && lines[i + 1].starts_with("    ")) {
          found.output.push_back(trimmed(lines[++i]));
        }
      }
      commands.push_back(found);
      continue;
    }
    const auto spans = split(line, '`');
    for (std::size_t span = 1; span < spans.size(); span += 2) {
      if (spans[span].starts_with("hsconas ")) commands.push_back({trimmed(spans[span]), {}});
    }
  }
  for (Line& line : commands) {
    const std::string built = "build/release/hsconas ";
    if (line.command.starts_with(built)) line.command = line.command.substr(built.size() - 8);
  }
  return commands;
}

/// The commands of other programs, and why they are not run here.
const std::map<std::string, std::string>& left_out() {
  static const std::map<std::string, std::string> reasons{
      {"scripts/quickstart.sh", "installs and builds the program that is tested here"},
      {"scripts/test.sh", "runs this test"},
      {"cmake", "builds the program that is tested here"},
      {"python3", "kit_test.cpp runs it"},
      {"sbatch", "tests/scripts/slurm_test.sh submits it"},
      {"VALUES=\"9", "tests/scripts/slurm_test.sh submits it"}};
  return reasons;
}

/// How a line is run: some of its words by others, and more words behind it.
struct Recipe {
  std::map<std::string, std::string> words = {};
  std::vector<std::string> more = {};
  int exit_code = 0;
};

const std::vector<std::string> kPlan{"--dry-run", "--device", "cpu"};

/// How each line is run; a line that names a command alone needs no recipe.
std::map<std::string, Recipe> recipes() {
  const Recipe as_it_is;
  const std::string winner = read_json(finished_run().file("result.json"))["winner"]["arch"];
  const std::vector<std::string> briefly{"retrain.epochs=1", "retrain.warmup_epochs=0"};
  return {
      {"search --config configs/cifar10.json data.format=folder data.path=my_images "
       "space.classes=37 latency.target_ms=2.5",
       {.more = kPlan}},
      {"search quickstart", {.more = kPlan}},
      {"config new mine.json", as_it_is},
      {"config keys [SECTION]", {.words = {{"[SECTION]", "search"}}}},
      {"profile --config configs/gpu.json", {.more = kPlan}},
      {"profile --config configs/gpu.json 'space.widths=[0.5,1.0]' latency.rounds=3 "
       "latency.interval_percent=100 latency.budget_minutes=0.5 latency.bias_networks=20 "
       "latency.test_networks=10",
       {.words = {{"'space.widths=[0.5,1.0]'", "space.widths=[0.5,1.0]"}}, .more = kPlan}},
      {"search --config configs/gpu.json latency.accelerator=configs/accelerators/kc-p.json",
       {.more = kPlan}},
      {"retrain RUN", {.more = briefly}},
      {"retrain --config configs/dance.json --arch A --out DIR",
       {.words = {{"configs/dance.json", "micro.json"}, {"A", winner}}, .more = briefly}},
      {"evaluate RUN", as_it_is},
      {"evaluate RUN --batch 16 --threads 1", as_it_is},
      {"export RUN", as_it_is},
      {"predict --arch A --table RUN/latency.json", {.words = {{"A", winner}}}},
      {"report RUN [RUN...]", {.words = {{"[RUN...]", "runs/a"}}}},
      {"report runs/a", as_it_is},
      {"report runs/a runs/b runs/c -o both.html", as_it_is},
      {"profile --config configs/edge.json --export-kit kit",
       {.words = {{"configs/edge.json", "micro.json"}}}},
      {"latency import kit/results.csv", as_it_is},
      {"latency keys -s configs/spaces/fbnet.json > blocks.csv", as_it_is},
      {"latency choose -s configs/spaces/fbnet.json -n 50 > networks.csv", as_it_is},
      {"latency import -s configs/spaces/fbnet.json --operators blocks.csv --networks networks.csv "
       "-o phone.json",
       as_it_is},
      {"latency adapt -s configs/spaces/fbnet.json --table phone.json --networks other.csv -o "
       "other.json",
       {.words = {{"other.csv", "networks.csv"}}}},
      {"accel -d configs/accelerators/eyeriss-168.json -n configs/networks/resnet18.json",
       as_it_is},
      {"accel -d configs/accelerators/kc-p.json -s configs/spaces/nas-bench-macro.json -a 22212202",
       as_it_is},
      {"accel -d tight.json -n configs/networks/resnet18.json", {.exit_code = 4}},
      {"codesign --config configs/codesign.json codesign.accuracies=nas_bench_macro_cifar10.csv.gz",
       {.words = {{"codesign.accuracies=nas_bench_macro_cifar10.csv.gz",
                   "codesign.accuracies=known.csv"}},
        .more = kPlan}},
      {"codesign --config configs/codesign.json codesign.accuracies=... codesign.method=coupled "
       "codesign.max_latency_ms=2",
       {.words = {{"codesign.accuracies=...", "codesign.accuracies=known.csv"}}, .more = kPlan}},
      {"codesign --config configs/dance.json data.path=fashion_mnist", {.more = kPlan}},
  };
}

/// A folder with what the lines name.
struct ReadmeBench : Bench {
  ReadmeBench() {
    const Bench& bench = *this;
    fs::create_directory_symlink(fs::path(HSCONAS_SOURCE_DIR) / "configs", bench / "configs");
    make_folder(bench / "runs");
    for (const char* name : {"RUN", "runs/a", "runs/b", "runs/c"}) {
      fs::copy(finished_run().bench / "run", bench / name, fs::copy_options::recursive);
    }
    write_file(bench / "known.csv", "arch,mean_acc\n22212202,0.9\n00000000,0.5\n11111111,0.8\n");
    json design = read_json(bench / "configs/accelerators/eyeriss-168.json");
    design["name"] = "tight";
    design["buffer_bytes"] = 300;
    write_json(bench / "tight.json", design);
  }

  /// Measures what the CSV `text` lists: each line takes longer than the one before. Fixed blocks
  /// and parts of a kit have their times too.
  static std::string timed(const std::string& text) {
    std::string all;
    int line = 0;
    for (const std::string& row : lines_of(text)) {
      all += row + (line == 0 ? std::string(",ms") : fmt::format(",{}", 1.0 + 0.001 * line)) + '\n';
      ++line;
    }
    return all;
  }

  /// The times of every model of the kit.
  void time_kit() const {
    const CsvTable models = CsvTable::load(*this / "kit/manifest.csv");
    std::string text = "file,ms\n";
    for (std::size_t row = 0; row < models.rows(); ++row) {
      if (models.text(row, models.column("role")) == "reference") continue;
      text += fmt::format("{},{}\n", models.text(row, models.column("file")),
                          1.0 + 0.001 * static_cast<double>(row));
    }
    write_file(*this / "kit/results.csv", text);
  }

  /// Runs the words of a line as its recipe says.
  Outcome follow(std::vector<std::string> words, const Recipe& recipe) const {
    std::string file;
    if (words.size() > 2 && words[words.size() - 2] == ">") {
      file = words.back();
      words.resize(words.size() - 2);
    }
    for (std::string& word : words) {
      const auto other = recipe.words.find(word);
      if (other != recipe.words.end()) word = other->second;
    }
    words.insert(words.end(), recipe.more.begin(), recipe.more.end());
    fs::remove_all(*this / "RUN/retrain");
    Outcome outcome = run(words);
    if (!file.empty()) write_file(*this / file, timed(outcome.out));
    if (fs::exists(*this / "kit/manifest.csv")) time_kit();
    return outcome;
  }
};

/// `import|adapt` below `latency`: each command by itself.
void check_named_commands(const Bench& bench, const std::vector<std::string>& words) {
  const auto names = split(words.size() > 1 ? words[1] : "", '|');
  for (std::string name : names) {
    if (name.ends_with('\\')) name.pop_back();
    CAPTURE(words.front(), name);
    std::vector<std::string> help{words.front(), "--help"};
    if (!name.empty()) help.insert(help.begin() + 1, name);
    CHECK(bench.run(help).exit_code == 0);
  }
}

}  // namespace

TEST_CASE("every command line of README and docs runs", "[app]") {
  const ReadmeBench bench;
  const auto known = recipes();
  std::set<std::string> done;
  std::vector<Line> lines;
  std::vector<fs::path> documents{"README.md"};
  for (const auto& file : fs::directory_iterator(fs::path(HSCONAS_SOURCE_DIR) / "docs")) {
    if (file.path().extension() == ".md")
      documents.push_back(fs::path("docs") / file.path().filename());
  }
  for (const fs::path& document : documents) {
    const auto more = commands_of(fs::path(HSCONAS_SOURCE_DIR) / document);
    lines.insert(lines.end(), more.begin(), more.end());
  }
  for (const Line& line : lines) {
    INFO(line.command);
    std::vector<std::string> words;
    for (const std::string& word : split(line.command, ' ')) {
      if (!word.empty()) words.push_back(word);
    }
    if (words.front() != "hsconas") {
      CHECK(left_out().contains(words.front()));  // A new one needs a reason not to be run.
      done.insert(words.front());
      continue;
    }
    words.erase(words.begin());
    const std::string command = join(words, " ");
    if (!done.insert(command).second) continue;
    if (words.size() == 1 || words[1].find('\\') != std::string::npos) {
      check_named_commands(bench, words);
      continue;
    }
    const auto recipe = known.find(command);
    REQUIRE(recipe != known.end());  // A new line needs a recipe.
    const Outcome outcome = bench.follow(words, recipe->second);
    INFO(outcome.err);
    CHECK(outcome.exit_code == recipe->second.exit_code);
    if (line.output.empty()) {
      CHECK_FALSE(outcome.out.empty());
    } else {
      CHECK(outcome.out + outcome.err == join(line.output, " ") + '\n');
    }
  }
  // Nor is there a recipe or a reason for a line that is gone.
  for (const auto& [command, recipe] : known) {
    INFO(command);
    CHECK(done.contains(command));
  }
  for (const auto& [command, reason] : left_out()) {
    INFO(command << " is not run: " << reason);
    CHECK(done.contains(command));
  }
}
