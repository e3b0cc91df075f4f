#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <memory>
#include <set>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "hsconas/app/commands.hpp"
#include "hsconas/base/error.hpp"
#include "hsconas/base/files.hpp"
#include "hsconas/base/output_file.hpp"
#include "hsconas/base/rng.hpp"
#include "hsconas/base/text.hpp"
#include "hsconas/edge/edge_kit.hpp"
#include "hsconas/latency/import.hpp"
#include "hsconas/latency/measure.hpp"
#include "hsconas/latency/table_fit.hpp"
#include "hsconas/report/latency_report.hpp"
#include "signals.hpp"

namespace hsconas {

namespace {

using nlohmann::json;

struct ImportOptions {
  std::string results;  ///< The results.csv of an edge kit, or a CSV to recognise by its header.
  std::string space, networks, operators, out, scatter;
  std::vector<std::string> sources;  ///< Tables of other devices, or folders of them.
  std::string column = "ms";
  std::string dead = "auto";
  std::string device = "imported";
  int batch = 1;
  std::size_t fit = 0;
  std::uint64_t seed = 1;
  bool choose = false;
  bool least_squares = false;
  bool no_pairs = false;
  std::size_t count = 50;
};

DeviceInfo device_of(const ImportOptions& options) {
  return {.device = options.device,
          .threads = 1,
          .batch = options.batch,
          .precision = "unknown",
          .versions = "imported"};
}

/// Counts for the report: rows of the CSV, and different networks in them.
struct NetworksRead {
  std::size_t rows = 0;
  std::size_t networks = 0;
};

/// `prior` may be null; it matters for --choose only.
MeasurementSplit load_networks(const ImportOptions& options, const LatencySpace& space,
                               NetworksRead& read, const TermPrior* prior = nullptr) {
  const CsvTable csv = CsvTable::load(options.networks);
  std::vector<Measurement> networks = read_measurements(csv, space, options.column);
  read = {.rows = csv.rows(), .networks = networks.size()};
  end_at_signals();  // All is read. Choosing and fitting take long, and nothing is written before.
  return naming_errors(options.networks, [&] {
    return split_measurements(std::move(networks), options.fit, options.seed,
                              options.choose ? &space : nullptr, prior);
  });
}

LatencyTable fit_to_networks(const ImportOptions& options, const LatencySpace& space,
                             NetworksRead& read) {
  TableFitOptions fit{
      .least_squares = options.least_squares, .dead = {}, .pairs = !options.no_pairs};
  if (options.dead != "auto") fit.dead = read_dead_operators(options.dead);
  const MeasurementSplit networks = load_networks(options, space, read);
  return naming_errors(options.networks,
                       [&] { return fit_table(space, networks, fit, device_of(options)); });
}

/// Refuses options that would have no effect.
void check_options(const ImportOptions& options, const LatencySpace& space) {
  const std::string of_cells = options.dead != "auto" ? "--dead-operators"
                               : options.no_pairs     ? "--no-pairs"
                                                      : "";
  if (!of_cells.empty() && !space.is_cell()) {
    throw Error(ErrorKind::Usage,
                fmt::format("{} concerns cells, but {} is a chain of layers: leave it out",
                            of_cells, options.space));
  }
  if (options.least_squares && !options.operators.empty()) {
    throw Error(ErrorKind::Usage,
                "--least-squares concerns tables that are fitted to whole networks alone: leave it "
                "out, or leave out --operators");
  }
}

LatencyTable import_table(const ImportOptions& options, const LatencySpace& space,
                          NetworksRead& read) {
  check_options(options, space);
  if (options.operators.empty()) return fit_to_networks(options, space, read);
  if (space.is_cell()) {
    throw Error(ErrorKind::Usage,
                "--operators needs a search space, because a cell has no blocks: use --networks");
  }
  LatencyTable table = table_of_blocks(CsvTable::load(options.operators), *space.search_space(),
                                       options.column, device_of(options));
  if (!options.networks.empty()) correct_table(table, space, load_networks(options, space, read));
  return table;
}

std::string read_text(const NetworksRead& read) {
  if (read.rows == 0) return {};
  std::string text = fmt::format("{} networks read from {} rows", read.networks, read.rows);
  if (read.rows > read.networks)
    text += "; repeated measurements of a network count as their median";
  return text + "\n";
}

void finish(const LatencyTable& table, const LatencySpace& space, const ImportOptions& options,
            const NetworksRead& read, CommandContext& context) {
  write_sealed_json(options.out, to_json(table));
  if (!options.scatter.empty()) write_file(options.scatter, to_svg(latency_scatter(table)));
  for (const std::string& sentence : shortcomings(table, space)) context.log.warn(sentence);
  if (const auto doubt = latency_doubt(table); !doubt.empty()) context.log.warn(doubt);
  if (context.options.json) {
    json report = latency_report_json(table);
    report["table"] = options.out;
    if (read.rows > 0) {
      report["networks"] = read.networks;
      report["rows"] = read.rows;
    }
    fmt::print("{}\n", report.dump());
  } else {
    fmt::print("{}{}table written to {}\n", read_text(read), latency_report(table), options.out);
  }
}

/// Checks, before the work, what import and adapt write.
void check_outputs(const ImportOptions& options) {
  std::vector<std::string> inputs = options.sources;
  inputs.insert(inputs.end(), {options.networks, options.operators, options.results});
  check_output(options.out, inputs);
  check_output(options.scatter, inputs);
  check_different({{"--out", options.out}, {"--scatter", options.scatter}});
}

/// Imports the results of an edge kit. The kit's manifest in the same folder holds all settings, so
/// options that contradict it are rejected.
void import_results(ImportOptions options, CommandContext& context) {
  for (const auto& [name, value] : {std::pair("--space", &options.space),
                                    {"--networks", &options.networks},
                                    {"--operators", &options.operators}}) {
    if (value->empty()) continue;
    throw Error(ErrorKind::Usage,
                fmt::format("{} does not go with the results of an edge kit: leave it out", name));
  }
  const std::filesystem::path results = options.results;
  const auto folder = results.has_parent_path() ? results.parent_path() : ".";
  if (options.out.empty()) options.out = (folder / "latency.json").string();
  check_outputs(options);
  const EdgeKit kit = load_edge_kit(folder);
  finish(table_of_results(results, kit, device_of(options)), LatencySpace(SearchSpace(kit.space)),
         options, {}, context);
}

/// Decides by the header whether the CSV options.results, which was given without an option, is
/// meant for --networks or --operators, and moves it there. Returns false for the results of an
/// edge kit, which have a column of file names.
bool take_by_header(ImportOptions& options) {
  const CsvTable csv = CsvTable::load(options.results);
  if (csv.has("file")) return false;
  const bool has_networks = csv.has("arch") || csv.has("ops");
  if (!has_networks && !csv.has("key")) {
    throw Error(ErrorKind::Data,
                fmt::format("{}: needs a column file (results of an edge kit), arch or ops (whole "
                            "networks), or key (single blocks)",
                            options.results));
  }
  std::string& place = has_networks ? options.networks : options.operators;
  const char* name = has_networks ? "--networks" : "--operators";
  if (!place.empty()) {
    throw Error(ErrorKind::Usage, fmt::format("{} and {} are both meant as {}: name only one",
                                              options.results, place, name));
  }
  if (options.space.empty() || options.out.empty()) {
    throw Error(ErrorKind::Usage,
                fmt::format("{} holds {}; name their space and the table to write: hsconas latency "
                            "import --space SPACE.json {} {} --out TABLE.json",
                            options.results, has_networks ? "whole networks" : "single blocks",
                            name, options.results));
  }
  place = std::move(options.results);
  options.results.clear();
  return true;
}

void import_latency(ImportOptions options, CommandContext& context) {
  if (!options.results.empty() && !take_by_header(options)) {
    return import_results(std::move(options), context);
  }
  if (options.space.empty() || options.out.empty()) {
    throw Error(ErrorKind::Usage,
                "latency import needs --space and --out, or the results.csv of an edge kit (run "
                "with --help)");
  }
  if (options.networks.empty() && options.operators.empty()) {
    throw Error(ErrorKind::Usage, "latency import needs --networks, --operators, or both");
  }
  check_outputs(options);
  const LatencySpace space = load_latency_space(options.space);
  NetworksRead read;
  const LatencyTable table = import_table(options, space, read);
  finish(table, space, options, read, context);
}

/// The files in `words`, of which a folder stands for the .json files in it. Leaves out the table
/// that the command writes, which an earlier call may have left in such a folder.
std::vector<std::filesystem::path> table_files(const std::vector<std::string>& words,
                                               const std::string& written) {
  namespace fs = std::filesystem;
  std::vector<fs::path> files;
  for (const std::string& word : words) {
    if (!fs::is_directory(word)) {
      files.emplace_back(word);
      continue;
    }
    const std::size_t before = files.size();
    for (const auto& entry : fs::directory_iterator(word)) {
      const fs::path& path = entry.path();
      const bool is_written = fs::exists(written) && fs::equivalent(path, written);
      if (path.extension() == ".json" && !is_written) files.push_back(path);
    }
    if (files.size() == before) {
      throw Error(ErrorKind::Data, word + ": holds no .json file: name a folder of latency tables");
    }
    std::sort(files.begin() + static_cast<std::ptrdiff_t>(before), files.end());
  }
  std::set<fs::path> known;
  for (const fs::path& file : files) {
    std::error_code ignored;
    if (known.insert(fs::weakly_canonical(file, ignored)).second) continue;
    throw Error(ErrorKind::Usage,
                fmt::format("{}: is given twice, so its device would count twice: name each table "
                            "once",
                            file.string()));
  }
  return files;
}

std::vector<LatencyTable> load_sources(const ImportOptions& options, const LatencySpace& space) {
  std::vector<LatencyTable> tables;
  for (const auto& file : table_files(options.sources, options.out)) {
    tables.push_back(load_table(file));
    naming_errors(file.string(), [&] { prior_from_devices(space, {&tables.back(), 1}); });
  }
  return tables;
}

void adapt_latency(const ImportOptions& options, CommandContext& context) {
  check_outputs(options);
  const LatencySpace space = load_latency_space(options.space);
  const std::vector<LatencyTable> sources = load_sources(options, space);
  const TermPrior prior = prior_from_devices(space, sources);
  NetworksRead read;
  const MeasurementSplit networks = load_networks(options, space, read, &prior);
  finish(adapt_table(space, sources, networks, device_of(options)), space, options, read, context);
}

void print_keys(const ImportOptions& options, CommandContext& context) {
  const LatencySpace space = load_latency_space(options.space);
  if (space.is_cell()) {
    throw Error(ErrorKind::Usage, options.space +
                                      " is a cell, which has no blocks to time: time "
                                      "whole networks (hsconas latency choose)");
  }
  std::string text = "key,in_channels,mid_channels,out_channels,in_size,stride,macs\n";
  json list = json::array();
  for (const Block& block : distinct_blocks(*space.search_space())) {
    const std::int64_t macs = cost_of(block).macs;
    text += fmt::format("{},{},{},{},{},{},{}\n", block.key(), block.in_channels,
                        block.mid_channels, block.out_channels, block.in_size, block.stride, macs);
    list.push_back({{"key", block.key()},
                    {"in_channels", block.in_channels},
                    {"mid_channels", block.mid_channels},
                    {"out_channels", block.out_channels},
                    {"in_size", block.in_size},
                    {"stride", block.stride},
                    {"macs", macs}});
  }
  fmt::print("{}", context.options.json ? json{{"blocks", list}}.dump() + "\n" : text);
}

void print_chosen(const ImportOptions& options, CommandContext& context) {
  const LatencySpace space = load_latency_space(options.space);
  Rng rng(options.seed, "latency-choose");
  std::vector<Architecture> candidates;
  for (std::size_t i = 0; i < kChoiceCandidates; ++i) {
    candidates.push_back(random_architecture(space, rng));
  }
  TermPrior prior;
  if (!options.sources.empty()) prior = prior_from_devices(space, load_sources(options, space));
  const TermPrior* known = options.sources.empty() ? nullptr : &prior;
  end_at_signals();
  std::vector<std::string> archs;
  for (const std::size_t i : choose_networks(space, candidates, options.count, known)) {
    archs.push_back(space.encode(space.canonical(candidates[i], DeadOperators::Cost)));
  }
  fmt::print("{}", context.options.json ? json{{"architectures", archs}}.dump() + "\n"
                                        : "arch\n" + join(archs, "\n") + "\n");
}

struct CompareOptions {
  std::string first, second;
};

void compare_latency(const CompareOptions& options, CommandContext& context) {
  const LatencyTable first = load_table(options.first);
  const LatencyTable second = load_table(options.second);
  const TableDifference d = compare_entries(first, second);
  if (d.entries == 0) {
    throw Error(ErrorKind::Data,
                fmt::format("{} and {} have no entry in common: compare tables of one space",
                            options.first, options.second));
  }
  if (context.options.json) {
    fmt::print("{}\n", json{{"entries", d.entries},
                            {"covered", d.covered},
                            {"median_ratio", d.median_ratio},
                            {"largest_percent", d.largest_percent},
                            {"largest_key", d.largest_key},
                            {"equal_pairs", first.pairs == second.pairs}}
                           .dump());
    return;
  }
  const auto has_intervals = [](const LatencyTable& table) {
    return std::any_of(table.entries.begin(), table.entries.end(),
                       [](const auto& entry) { return entry.second.high > entry.second.low; });
  };
  fmt::print(
      "{} common entries above 0 ms{}\n"
      "times in the second are {:.4f} times those in the first (median); the largest difference is "
      "{:.1f} %, at {}\n",
      d.entries,
      has_intervals(first) || has_intervals(second)
          ? fmt::format("; in {:.1f} % of them the tables agree within their 90 % intervals",
                        100.0 * d.covered)
          : "",
      d.median_ratio, d.largest_percent, d.largest_key);
  if (first.pairs != second.pairs) {
    fmt::print(
        "the tables also have different times of pairs, which are not compared: see hsconas "
        "predict\n");
  }
}

void add_space(CLI::App& command, ImportOptions& options) {
  command
      .add_option("-s,--space", options.space,
                  "Space or cell file, or name of a shipped one, e.g. fbnet")
      ->required()
      ->type_name("FILE");
}

/// Adds --seed with a range check. Without it, CLI11 would read "-1" as a huge unsigned number.
void add_seed(CLI::App& command, ImportOptions& options, const char* help) {
  command.add_option("--seed", options.seed, help)
      ->check(CLI::Range(std::int64_t{0}, std::numeric_limits<std::int64_t>::max()))
      ->type_name("N");
}

void add_fit_options(CLI::App& command, ImportOptions& options) {
  add_space(command, options);
  command
      .add_option("--networks", options.networks,
                  "CSV of measured whole networks, with the columns arch (or ops) and ms")
      ->type_name("CSV");
  command.add_option("--column", options.column, "Column that holds milliseconds (default: ms)")
      ->type_name("NAME");
  command
      .add_option("--fit", options.fit,
                  "Number of networks to fit on, drawn by --seed (default: four fifths)")
      ->check(CLI::Range(2, 100000000))
      ->type_name("N");
  command.add_flag("--choose", options.choose,
                   "Fit on the most informative networks instead (see latency choose)");
  add_seed(command, options, "Random seed that selects the networks to fit on");
  command.add_option("-o,--out", options.out, "Latency table to write")
      ->required()
      ->type_name("FILE");
  command.add_option("--scatter", options.scatter, "Also plot predicted against measured latency")
      ->type_name("SVG");
  command.add_option("--device-name", options.device, "Name of the measured device")
      ->check([](const std::string& name) {
        return name.empty() ? "must not be empty: leave it out" : std::string();
      })
      ->type_name("TEXT");
  command.add_option("--batch", options.batch, "Images per measured inference")
      ->check(CLI::Range(1, 65536))
      ->type_name("N");
}

CLI::Option* add_sources(CLI::App& command, ImportOptions& options) {
  return command
      .add_option("-t,--table", options.sources,
                  "Latency table of another device, or a folder of them; repeatable")
      ->allow_extra_args(false)
      ->type_name("FILE");
}

void add_import(CLI::App& latency, Command& chosen) {
  auto import = std::make_shared<ImportOptions>();
  CLI::App* command = latency.add_subcommand(
      "import", "Make a table from measured blocks, whole networks, or both");
  add_fit_options(*command, *import);
  command->get_option("--space")->required(false);
  command->get_option("--out")->required(false);
  command
      ->add_option("results", import->results,
                   "results.csv of an edge kit (profile --export-kit), in the kit's folder")
      ->type_name("CSV");
  command
      ->add_option("--operators", import->operators,
                   "CSV of timed blocks, with the columns key (see latency keys) and ms")
      ->type_name("CSV");
  command
      ->add_option("--dead-operators", import->dead,
                   "Whether a cell's dead operators take time; auto: the best fit")
      ->check(CLI::IsMember({"auto", "cost", "unread free", "free"}))
      ->type_name("WORD");
  CLI::Option* no_pairs =
      command->add_flag("--no-pairs", import->no_pairs,
                        "Fit a cell as a sum of single operators, without times of pairs");
  command
      ->add_flag("--least-squares", import->least_squares,
                 "Fit by plain least squares per position, for comparison")
      ->excludes(no_pairs);
  command->callback([import, &chosen] {
    chosen = [import](CommandContext& context) { import_latency(*import, context); };
  });
}

void add_adapt(CLI::App& latency, Command& chosen) {
  auto adapt = std::make_shared<ImportOptions>();
  CLI::App* command = latency.add_subcommand(
      "adapt", "Adapt other devices' tables with a few networks measured on a new one");
  add_fit_options(*command, *adapt);
  command->get_option("--networks")->required();
  add_sources(*command, *adapt)->required();
  command->callback([adapt, &chosen] {
    chosen = [adapt](CommandContext& context) { adapt_latency(*adapt, context); };
  });
}

void add_choose(CLI::App& latency, Command& chosen) {
  auto choose = std::make_shared<ImportOptions>();
  CLI::App* command = latency.add_subcommand(
      "choose", "List the most informative networks, to time them on another device");
  add_space(*command, *choose);
  add_sources(*command, *choose);
  command->add_option("-n,--count", choose->count, "Number of networks to list (default: 50)")
      ->check(CLI::Range(2, 1000))
      ->type_name("N");
  add_seed(*command, *choose, "Random seed that draws the networks to choose from");
  command->callback([choose, &chosen] {
    chosen = [choose](CommandContext& context) { print_chosen(*choose, context); };
  });
}

void add_compare(CLI::App& latency, Command& chosen) {
  auto compare = std::make_shared<CompareOptions>();
  CLI::App* command = latency.add_subcommand(
      "compare", "Compare the entries of two tables, with regard to their 90 % intervals");
  command->add_option("first", compare->first, "First latency table")
      ->required()
      ->type_name("FILE");
  command->add_option("second", compare->second, "Second latency table")
      ->required()
      ->type_name("FILE");
  command->callback([compare, &chosen] {
    chosen = [compare](CommandContext& context) { compare_latency(*compare, context); };
  });
}

void add_keys(CLI::App& latency, Command& chosen) {
  auto keys = std::make_shared<ImportOptions>();
  CLI::App* command = latency.add_subcommand("keys", "List all blocks of a space, as CSV to time");
  add_space(*command, *keys);
  command->callback([keys, &chosen] {
    chosen = [keys](CommandContext& context) { print_keys(*keys, context); };
  });
}

}  // namespace

void add_latency_commands(CLI::App& app, Command& chosen) {
  CLI::App* latency =
      app.add_subcommand("latency", "Make and compare latency tables of other devices");
  latency->require_subcommand(1);
  add_import(*latency, chosen);
  add_adapt(*latency, chosen);
  add_choose(*latency, chosen);
  add_compare(*latency, chosen);
  add_keys(*latency, chosen);
}

}  // namespace hsconas
