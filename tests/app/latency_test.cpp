// Latency tables from the command line: import, adapt, choose, keys, batch prediction.
#include <csignal>
#include <filesystem>
#include <set>
#include <string>
#include <sys/stat.h>
#include <vector>

#include "app/program.hpp"
#include "catch.hpp"

using namespace hsconas;
using namespace hsconas::test;
using nlohmann::json;

namespace {

/// A simulated device for cells with three edges, where every operator has a fixed time per edge.
struct CellBench : Bench {
  CellBench() {
    write_json(*this / "cell.json", {{"name", "triangle"},
                                     {"operators", {"none", "skip", "conv"}},
                                     {"edges", {{0, 1}, {0, 2}, {1, 2}}},
                                     {"nothing", "none"}});
    std::string csv = "arch,fast,slow\n";
    for (int code = 0; code < 27; ++code) {
      const int a = code / 9, b = code / 3 % 3, c = code % 3;
      const double ms = 2.0 + 0.5 * a + 0.25 * b + 0.75 * c;
      csv += std::to_string(a) + std::to_string(b) + std::to_string(c) + "," + std::to_string(ms) +
             "," + std::to_string(3.0 * ms + 1.0 * (a == 2)) + "\n";
    }
    write_file(*this / "networks.csv", csv);
  }

  Outcome import(const std::vector<std::string>& more) const {
    std::vector<std::string> words{"latency", "import", "-s", "cell.json", "-o", "table.json"};
    words.insert(words.end(), more.begin(), more.end());
    return run(words);
  }
};

double predicted(const Bench& bench, const std::string& table, const std::string& arch) {
  const Outcome outcome =
      bench.run({"predict", "-s", "cell.json", "--table", table, "--arch", arch, "--json"});
  INFO(outcome.err);
  REQUIRE(outcome.exit_code == 0);
  return json::parse(outcome.out)["architectures"][0]["predicted_ms"];
}

std::string space_file(const std::string& name) {
  return (std::filesystem::path(HSCONAS_SOURCE_DIR) / "configs/spaces" / (name + ".json")).string();
}

}  // namespace

TEST_CASE("a table fitted to some networks of a cell predicts the others", "[app]") {
  const CellBench bench;
  const Outcome text = bench.import({"--networks", "networks.csv", "--column", "fast", "--fit",
                                     "18", "--scatter", "plot.svg", "--device-name", "toy"});
  INFO(text.err);
  REQUIRE(text.exit_code == 0);
  CHECK(contains(text.out, "toy"));
  CHECK(contains(text.out, "fitted on 18 networks"));
  CHECK(contains(text.out, "(chosen)"));
  CHECK(contains(read_file(bench / "plot.svg"), "<svg"));
  CHECK(predicted(bench, "table.json", "212") == Approx(2.0 + 1.0 + 0.25 + 1.5).epsilon(1e-3));

  const Outcome outcome =
      bench.import({"--networks", "networks.csv", "--column", "fast", "--fit", "18", "--json"});
  const json report = json::parse(outcome.out);
  CHECK(report["held_out"]["random"]["fitted"]["n"] == 9);
  CHECK(report["held_out"]["random"]["fitted"]["rmse_percent"] < 0.1);
}

TEST_CASE("latency import and adapt do not write over what they read", "[app]") {
  const CellBench bench;
  const std::string networks = read_file(bench / "networks.csv");
  const Outcome outcome = bench.run({"latency", "import", "-s", "cell.json", "--networks",
                                     "networks.csv", "--column", "fast", "-o", "./networks.csv"});
  CHECK(outcome.exit_code == 2);
  CHECK(contains(outcome.err, "./networks.csv: cannot write: it is read as well"));
  CHECK(read_file(bench / "networks.csv") == networks);

  REQUIRE(bench.import({"--networks", "networks.csv", "--column", "fast"}).exit_code == 0);
  CHECK(bench
            .run({"latency", "adapt", "-s", "cell.json", "-t", "table.json", "--networks",
                  "networks.csv", "--column", "slow", "-o", "table.json"})
            .exit_code == 2);
}

TEST_CASE("a signal ends latency import, whose fit takes long, and nothing is written", "[app]") {
  const Bench bench;
  std::string csv = "arch,ms\n";
  for (int code = 0; code < 1500; ++code) {  // Six digits below 5.
    std::string arch;
    for (int rest = code * 10 + 3, i = 0; i < 6; ++i, rest /= 5) arch += std::to_string(rest % 5);
    csv += arch + "," + std::to_string(5.0 + 0.1 * (code % 97)) + "\n";
  }
  REQUIRE(::mkfifo((bench / "networks.csv").c_str(), 0600) == 0);
  Process fitting = bench.start({"latency", "import", "-s", "nas-bench-201", "--networks",
                                 "networks.csv", "-o", "table.json"});
  write_file(bench / "networks.csv", csv);  // Waits until the program reads it.
  fitting.send(SIGTERM);
  const Outcome outcome = fitting.wait();
  CHECK(outcome.exit_code == 75);
  CHECK(contains(outcome.err, "stopped"));
  CHECK_FALSE(std::filesystem::exists(bench / "table.json"));
}

TEST_CASE("options of latency import that have no effect are refused", "[app]") {
  const CellBench bench;
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"--dead-operators", "cost"}, {"--no-pairs"}}) {
    std::vector<std::string> command{"latency",    "import",       "-s", "nas-bench-macro",
                                     "--networks", "networks.csv", "-o", "table.json"};
    command.insert(command.end(), words.begin(), words.end());
    const Outcome outcome = bench.run(command);
    CHECK(outcome.exit_code == 2);
    CHECK(contains(outcome.err, words.front() + " concerns cells, but nas-bench-macro is a chain"));
  }
  const Outcome blocks = bench.run({"latency", "import", "-s", "nas-bench-macro", "--operators",
                                    "blocks.csv", "--least-squares", "-o", "table.json"});
  CHECK(blocks.exit_code == 2);
  CHECK(contains(blocks.err, "--least-squares concerns tables that are fitted to whole networks"));
}

TEST_CASE("latency adapt adapts a table to another device", "[app]") {
  const CellBench bench;
  REQUIRE(bench.import({"--networks", "networks.csv", "--column", "fast"}).exit_code == 0);
  for (const bool choose : {false, true}) {
    std::vector<std::string> words{
        "latency", "adapt", "-s", "cell.json", "-t",     "table.json", "--column",    "slow",
        "--fit",   "14",    "-o", "slow.json", "--json", "--networks", "networks.csv"};
    if (choose) words.emplace_back("--choose");
    const Outcome outcome = bench.run(words);
    INFO(outcome.err);
    REQUIRE(outcome.exit_code == 0);
    CHECK(json::parse(outcome.out)["held_out"]["random"]["fitted"]["rmse_percent"] < 2.0);
    CHECK(predicted(bench, "slow.json", "001") == Approx(3.0 * 2.75).epsilon(0.03));
  }
}

TEST_CASE("latency adapt and choose take several tables or a folder of them", "[app]") {
  const CellBench bench;
  std::filesystem::create_directory(bench / "tables");
  for (const char* device : {"fast", "slow"}) {
    REQUIRE(bench
                .run({"latency", "import", "-s", "cell.json", "--networks", "networks.csv",
                      "--column", device, "-o", std::string("tables/") + device + ".json"})
                .exit_code == 0);
  }
  const std::vector<std::string> adapt{
      "latency",      "adapt",    "-s",   "cell.json", "--networks",
      "networks.csv", "--column", "slow", "--fit",     "14"};
  const auto adapted = [&](std::vector<std::string> more) {
    more.insert(more.begin(), adapt.begin(), adapt.end());
    const Outcome outcome = bench.run(more);
    INFO(outcome.err);
    CHECK(outcome.exit_code == 0);
    return outcome.out;
  };
  const std::string by_name =
      adapted({"-t", "tables/fast.json", "-t", "tables/slow.json", "-o", "slow.json"});
  CHECK(contains(by_name, "mixture"));
  // The table that an earlier call wrote into the folder is not one of the sources.
  for (int call = 0; call < 2; ++call) {
    adapted({"-t", "tables", "-o", "tables/adapted.json"});
    CHECK(read_file(bench / "tables/adapted.json") == read_file(bench / "slow.json"));
  }
  CHECK(bench.run({"latency", "choose", "-s", "cell.json", "-n", "5", "-t", "tables"}).exit_code ==
        0);
  std::filesystem::create_directory(bench / "empty");
  const Outcome empty = bench.run({"latency", "choose", "-s", "cell.json", "-t", "empty"});
  CHECK(empty.exit_code == 3);
  CHECK(contains(empty.err, "empty: holds no .json file"));
  // Of several tables, the one at fault is named.
  json lacking = json::parse(read_file(bench / "tables/fast.json"));
  lacking.erase("crc32");
  lacking["entries"].erase(lacking["entries"].begin());
  write_file(bench / "tables/lacking.json", lacking.dump());
  std::vector<std::string> words = adapt;
  words.insert(words.end(), {"-t", "tables", "-o", "slow.json"});
  const Outcome refused = bench.run(words);
  CHECK(refused.exit_code == 3);
  INFO(refused.err);
  CHECK(contains(refused.err, "tables/lacking.json: the latency table of space triangle has no"));
}

TEST_CASE("times for all blocks of latency keys make a table; a missing block is named", "[app]") {
  const Bench bench;
  const Outcome keys = bench.run({"latency", "keys", "-s", space_file("quickstart-32")});
  REQUIRE(keys.exit_code == 0);
  std::string csv;
  const auto lines = lines_of(keys.out);
  REQUIRE(lines.size() > 50);
  CHECK(lines[0].starts_with("key,"));
  const json object =
      json::parse(bench.run({"latency", "keys", "-s", space_file("quickstart-32"), "--json"}).out);
  CHECK(object["blocks"].size() == lines.size() - 1);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    csv += split(lines[i], ',')[0] + (i == 0 ? ",ms\n" : ",0.5\n");
  }
  write_file(bench / "blocks.csv", csv);
  const std::vector<std::string> import{
      "latency",     "import",     "-s", space_file("quickstart-32"),
      "--operators", "blocks.csv", "-o", "table.json"};
  CHECK(bench.run(import).exit_code == 0);
  write_file(bench / "blocks.csv", csv.substr(0, csv.rfind("\n", csv.size() - 2) + 1));
  const Outcome missing = bench.run(import);
  CHECK(missing.exit_code == 3);
  CHECK(contains(missing.err, "blocks.csv: lacks 1 of the"));
}

TEST_CASE("latency adapt takes each table once and writes each file once", "[app]") {
  const CellBench bench;
  REQUIRE(bench.import({"--networks", "networks.csv", "--column", "fast"}).exit_code == 0);
  const auto refused = [&](const std::vector<std::string>& more) {
    std::vector<std::string> words{"latency",      "adapt", "-s",       "cell.json", "--networks",
                                   "networks.csv", "-o",    "new.json", "--column",  "slow"};
    words.insert(words.end(), more.begin(), more.end());
    const Outcome outcome = bench.run(words);
    CHECK(outcome.exit_code == 2);
    CHECK_FALSE(std::filesystem::exists(bench / "new.json"));
    return outcome.err;
  };
  CHECK(contains(refused({"-t", "table.json", "-t", "./table.json"}), "is given twice"));
  CHECK(contains(refused({"-t", "table.json", "--scatter", "./new.json"}),
                 "--out and --scatter would both write it"));
}

TEST_CASE("latency choose lists different networks of the space, the same for a seed", "[app]") {
  const Bench bench;
  const std::vector<std::string> words{"latency", "choose", "-s", space_file("fbnet"), "-n", "20"};
  const Outcome first = bench.run(words);
  REQUIRE(first.exit_code == 0);
  const auto lines = lines_of(first.out);
  REQUIRE(lines.size() == 21);
  CHECK(lines[0] == "arch");
  CHECK(std::set<std::string>(lines.begin(), lines.end()).size() == 21);
  for (std::size_t i = 1; i < lines.size(); ++i) CHECK(lines[i].size() == 22);
  CHECK(bench.run(words).out == first.out);
  std::vector<std::string> as_json = words;
  as_json.emplace_back("--json");
  const json object = json::parse(bench.run(as_json).out);
  CHECK(object["architectures"] == std::vector<std::string>(lines.begin() + 1, lines.end()));
}

TEST_CASE("invalid measurements are a one-line error with the file's line, exit code 3", "[app]") {
  const CellBench bench;
  const std::vector<std::pair<std::string, std::string>> cases{
      {"arch,time\n000,1\n", "has no column 'ms'"},
      {"arch,ms\n00,1\n", "bad.csv:2: arch"},
      {"arch,ms\n003,1\n", "bad.csv:2: arch"},
      {"arch,ms\n000,1\n001,-2\n", "bad.csv:3: ms must be a time > 0, got -2"},
      {"arch,ms\n000,nan\n", "bad.csv:2: ms must be a number, got 'nan'"},
      {"arch,ms\n000,\n", "bad.csv:2: ms must be a number, got ''"},
      {"arch,ms\n", "bad.csv: holds no networks"},
      {"", "bad.csv: "}};
  for (const auto& [csv, message] : cases) {
    CAPTURE(csv);
    write_file(bench / "bad.csv", csv);
    const Outcome outcome = bench.import({"--networks", "bad.csv"});
    CHECK(outcome.exit_code == 3);
    CHECK(lines_of(outcome.err).size() == 1);
    CHECK(contains(outcome.err, message));
    CHECK_FALSE(std::filesystem::exists(bench / "table.json"));
  }
}

TEST_CASE("repeated-measurements: the numbers of networks and of rows are printed", "[app]") {
  const CellBench bench;
  std::string csv = "arch,ms\n";
  for (const std::string& line : lines_of(read_file(bench / "networks.csv"))) {
    const auto cells = split(line, ',');
    if (cells[0] == "arch") continue;
    for (int repeat = 0; repeat < 3; ++repeat) csv += cells[0] + "," + cells[1] + "\n";
  }
  write_file(bench / "repeats.csv", csv);
  const Outcome text = bench.import({"--networks", "repeats.csv"});
  INFO(text.err);
  REQUIRE(text.exit_code == 0);
  CHECK(contains(text.out, "27 networks read from 81 rows"));
  CHECK(contains(text.out, "fitted on 22 networks"));
  const json report = json::parse(bench.import({"--networks", "repeats.csv", "--json"}).out);
  CHECK(report["networks"] == 27);
  CHECK(report["rows"] == 81);
}

TEST_CASE("too-few-networks: an import of three networks is refused with the number needed",
          "[app]") {
  const CellBench bench;
  write_file(bench / "three.csv", "arch,ms\n000,1\n111,2\n222,3\n");
  const Outcome three = bench.import({"--networks", "three.csv"});
  CHECK(three.exit_code == 3);
  CHECK(contains(three.err,
                 "three.csv: 3 networks to fit on are too few for the 9 choices of "
                 "space triangle: at least 10 different ones are needed"));
  write_file(bench / "one.csv", "arch,ms\n000,1\n000,2\n");
  const Outcome one = bench.import({"--networks", "one.csv"});
  CHECK(one.exit_code == 3);
  CHECK(contains(one.err, "one.csv: a fit needs two different networks or more"));
  for (const char* count : {"-3", "0", "1", "28"}) {
    const Outcome outcome =
        bench.import({"--networks", "networks.csv", "--column", "fast", "--fit", count});
    INFO(outcome.err);
    CHECK(outcome.exit_code == 2);
    CHECK(contains(outcome.err, count));
    CHECK_FALSE(contains(outcome.err, "18446744073709551"));
  }
  CHECK(
      bench.import({"--networks", "networks.csv", "--column", "fast", "--seed", "-1"}).exit_code ==
      2);
}

TEST_CASE(
    "small things: latency import of a CSV without options says what it holds and what to type",
    "[app]") {
  const CellBench bench;
  const Outcome alone = bench.run({"latency", "import", "networks.csv"});
  CHECK(alone.exit_code == 2);
  CHECK(contains(alone.err, "networks.csv holds whole networks"));
  CHECK(contains(alone.err, "hsconas latency import --space SPACE.json --networks networks.csv"));
  write_file(bench / "blocks.csv", "key,ms\nx,1\n");
  CHECK(contains(bench.run({"latency", "import", "blocks.csv"}).err, "holds single blocks"));
  write_file(bench / "other.csv", "x,y\n1,2\n");
  const Outcome other = bench.run({"latency", "import", "other.csv"});
  CHECK(other.exit_code == 3);
  CHECK(contains(other.err, "other.csv: needs a column file"));
  // With the other options, the CSV without --networks is accepted.
  const Outcome given = bench.import({"networks.csv", "--column", "fast"});
  INFO(given.err);
  CHECK(given.exit_code == 0);
  CHECK(predicted(bench, "table.json", "212") == Approx(2.0 + 1.0 + 0.25 + 1.5).epsilon(1e-2));
}

TEST_CASE("csv-dialects: the error about measurements in another format names the format",
          "[app]") {
  const CellBench bench;
  std::string wide = "\xff\xfe";  // "arch,ms" and a row, in UTF-16 with its mark.
  for (const char letter : std::string("arch,ms\n21000000,4.25\n")) wide += {letter, '\0'};
  struct Dialect {
    std::string file, text, problem;
  };
  for (const Dialect& dialect :
       {Dialect{"semi.csv", "arch;ms\n21000000;4,25\n00110222;10,5\n",
                "is separated by semicolons"},
        Dialect{"tab.csv", "arch\tms\n21000000\t4.25\n00110222\t10.5\n", "is separated by tabs"},
        Dialect{"utf16.csv", wide, "is UTF-16 text; save it as UTF-8"},
        Dialect{"comma.csv", "arch,ms\n21000000,4,25\n00110222,10,5\n",
                "decimal numbers need a point"}}) {
    write_file(bench / dialect.file, dialect.text);
    const Outcome outcome = bench.run({"latency", "import", "-s", space_file("nas-bench-macro"),
                                       "-o", "t.json", "--networks", dialect.file});
    INFO(outcome.err);
    CHECK(outcome.exit_code == 3);
    CHECK(contains(outcome.err, dialect.file));
    CHECK(contains(outcome.err, dialect.problem));
  }
}

TEST_CASE("predict takes many architectures from a CSV and writes a CSV", "[app]") {
  const CellBench bench;
  REQUIRE(bench.import({"--networks", "networks.csv", "--column", "fast"}).exit_code == 0);
  const Outcome outcome = bench.run({"predict", "-s", "cell.json", "--table", "table.json",
                                     "--archs", "networks.csv", "--out", "out.csv"});
  INFO(outcome.err);
  REQUIRE(outcome.exit_code == 0);
  const auto lines = lines_of(read_file(bench / "out.csv"));
  REQUIRE(lines.size() == 28);
  CHECK(lines[0] == "arch,predicted_ms,error_ms,measured_ms,macs,parameters,memory_mb");
  CHECK(split(lines[1], ',').size() == 7);
  CHECK(split(lines[1], ',')[0] == "000");
  const Outcome both = bench.run({"predict", "-s", "cell.json", "--config", "micro.json", "--table",
                                  "table.json", "--arch", "000"});
  CHECK(both.exit_code == 2);
  CHECK(contains(both.err, "takes --config or --space, not both"));
}
