#include <algorithm>
#include <filesystem>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "hsconas/app/commands.hpp"
#include "hsconas/base/error.hpp"
#include "hsconas/base/files.hpp"
#include "hsconas/base/progress.hpp"
#include "hsconas/config/config_file.hpp"
#include "hsconas/report/method_table.hpp"
#include "hsconas/search/methods.hpp"

namespace hsconas {

namespace {

using nlohmann::json;

constexpr const char* kBaseline = "random";

struct MethodsOptions {
  ConfigOptions config;
  std::string methods = "all";
  std::string title;
  std::string out;
  int seeds = 100;
  int evaluations = 500;
};

/// A method with settings of its own.
struct MethodEntry {
  std::string name;  ///< As the user wrote it.
  Config config;
};

std::vector<std::string> words_in(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

/// The entry of "METHOD key=value ...", where the keys are those of the section search.
MethodEntry read_entry(const Config& config, const std::string& text) {
  const std::vector<std::string> words = words_in(text);
  if (words.empty()) {
    throw Error(ErrorKind::Usage,
                "--methods must name methods, with commas in between, such as \"evolution, "
                "regularized population=10\"");
  }
  find_search_method(words.front());
  json source = to_json(config);
  source["search"]["method"] = words.front();
  std::string name = words.front();
  for (std::size_t i = 1; i < words.size(); ++i) {
    const std::size_t equals = words[i].find('=');
    if (equals == std::string::npos || equals == 0) {
      throw Error(ErrorKind::Usage,
                  fmt::format("--methods: '{}' is not of the form key=value, such as population=20",
                              words[i]));
    }
    const std::string key = words[i].substr(0, equals);
    const std::string value = words[i].substr(equals + 1);
    if (key == "method") {
      throw Error(ErrorKind::Usage,
                  fmt::format("--methods: '{}' stands behind the method {}: name each method in an "
                              "entry of its own, with commas in between",
                              words[i], words.front()));
    }
    json parsed = json::parse(value, nullptr, false);
    source["search"][key] = parsed.is_discarded() ? json(value) : parsed;
    name += " " + words[i];
  }
  return {.name = std::move(name), .config = read_config(source)};
}

/// The methods to compare. Random search, with which the others are compared, is always among them.
std::vector<MethodEntry> read_entries(const Config& config, const std::string& methods) {
  // An empty list has no part that the loop below could refuse.
  if (methods.empty()) read_entry(config, methods);
  std::vector<MethodEntry> entries;
  std::istringstream stream(methods);
  for (std::string text; std::getline(stream, text, ',');) {
    if (words_in(text) != std::vector<std::string>{"all"}) {
      entries.push_back(read_entry(config, text));
      continue;
    }
    for (const SearchMethod& method : search_methods()) {
      entries.push_back(read_entry(config, std::string(method.name)));
    }
  }
  const bool has_baseline =
      std::any_of(entries.begin(), entries.end(),
                  [](const MethodEntry& entry) { return entry.config.search.method == kBaseline; });
  if (!has_baseline) entries.push_back(read_entry(config, kBaseline));
  std::set<std::string> names;
  for (const MethodEntry& entry : entries) {
    if (names.insert(entry.name).second) continue;
    throw Error(ErrorKind::Usage,
                fmt::format("--methods names '{}' twice: name each entry once", entry.name));
  }
  return entries;
}

std::string default_title(const Config& config, const KnownNetworks& known,
                          const KnownOptimum& optimum) {
  if (!known.objective().has_target()) {
    return fmt::format("{}: {} networks without a budget", config.space.name, optimum.networks);
  }
  return fmt::format("{}: {} networks near T = {:.6g} {} ({})", config.space.name, optimum.networks,
                     known.objective().target_ms, known.latency().unit(),
                     config.latency.column.empty() ? "predicted" : config.latency.column);
}

MethodComparison compare(const Config& config, KnownNetworks& known, const MethodsOptions& options,
                         CommandContext& context) {
  const std::vector<MethodEntry> entries = read_entries(config, options.methods);
  MethodComparison comparison{.title = options.title,
                              .evaluations = static_cast<std::size_t>(options.evaluations),
                              .optimum = known_optimum(known, config.search.latency_tolerance),
                              .methods = {}};
  if (comparison.title.empty()) {
    comparison.title = default_title(config, known, comparison.optimum);
  }
  Progress progress(context.log, "comparing methods",
                    static_cast<std::int64_t>(entries.size()) * options.seeds);
  for (const MethodEntry& entry : entries) {
    MethodTrials& trials = comparison.methods.emplace_back();
    trials.name = entry.name;
    trials.is_random = entry.config.search.method == kBaseline;
    const auto embeddings = known.load_embeddings(entry.config.search.embeddings);
    for (int seed = 0; seed < options.seeds; ++seed) {
      context.stop.check();
      trials.trials.push_back(run_trial(known, entry.config, static_cast<std::uint64_t>(seed),
                                        comparison.evaluations, comparison.optimum, context.stop,
                                        embeddings ? &*embeddings : nullptr));
      progress.step(1, entry.name);
    }
  }
  return comparison;
}

void write_files(const std::filesystem::path& folder, const MethodComparison& comparison) {
  make_folder(folder);
  write_file(folder / "methods.md", markdown(comparison));
  write_file(folder / "methods.csv", csv(comparison));
  write_file(folder / "methods.tex", latex(comparison));
  write_file(folder / "trials.csv", trials_csv(comparison));
  write_file(folder / "regret.svg", regret_plot(comparison));
  write_file(folder / "reported.svg", reported_plot(comparison));
}

void compare_methods(MethodsOptions& options, CommandContext& context) {
  const Config& config = options.config.load();
  if (!config.score.is_known()) {
    throw Error(ErrorKind::Usage,
                "compare-methods works on known accuracies: name a CSV of them with "
                "score.accuracies");
  }
  if (!config.targets.empty()) {
    throw Error(ErrorKind::Usage,
                "compare-methods does not support targets: remove them with targets={}");
  }
  KnownNetworks known(config, context.log, context.stop);
  const MethodComparison comparison = compare(config, known, options, context);
  if (!options.out.empty()) {
    write_files(options.out, comparison);
    context.log.info("tables and curves are in " + options.out);
  }
  fmt::print("{}", context.options.json ? to_json(comparison).dump() + "\n" : markdown(comparison));
}

}  // namespace

void add_methods_command(CLI::App& app, Command& chosen) {
  auto options = std::make_shared<MethodsOptions>();
  CLI::App* command = app.add_subcommand(
      "compare-methods", "Run search methods many times on known accuracies and compare them");
  options->config.add_to(*command);
  command
      ->add_option("--methods", options->methods,
                   "Methods, with commas in between, each with its own settings if needed, e.g. "
                   "\"evolution population=20 parents=5, random\" (default: all)")
      ->type_name("LIST");
  command->add_option("--seeds", options->seeds, "Searches per method (default 100)")
      ->type_name("N")
      ->check(CLI::Range(2, 100'000));
  command
      ->add_option("--evaluations", options->evaluations,
                   "Evaluations of each search (default 500)")
      ->type_name("N")
      ->check(CLI::Range(1, 1'000'000));
  command->add_option("--title", options->title, "Title of the tables and curves")
      ->type_name("TEXT");
  command
      ->add_option("-o,--out", options->out,
                   "Folder for the tables (Markdown, CSV, LaTeX) and the curves (SVG)")
      ->type_name("DIR");
  command->callback([options, &chosen] {
    chosen = [options](CommandContext& context) { compare_methods(*options, context); };
  });
}

}  // namespace hsconas
