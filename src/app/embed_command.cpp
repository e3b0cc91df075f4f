#include <cmath>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "hsconas/app/commands.hpp"
#include "hsconas/base/files.hpp"
#include "hsconas/base/output_file.hpp"
#include "hsconas/embed/embed_cell.hpp"
#include "hsconas/score/table_evaluator.hpp"

namespace hsconas {

namespace {

using nlohmann::json;

struct EmbedOptions {
  ConfigOptions config;
  EmbedSettings settings;
  std::string out;
};

/// Judges the embeddings by the accuracies that the config names, which they were not made from;
/// without that file by the edges only.
Smoothness judge(const Config& config, const SearchSpace& space, const CellGraphs& graphs,
                 const CellEmbedding& embedding, Log& log) {
  std::vector<std::size_t> networks;
  std::vector<double> accuracies;
  if (config.score.is_known() && is_there(config.score.accuracies)) {
    const TableEvaluator table(space, config.score.accuracies, config.score.accuracy_column);
    for (const Architecture& arch : table.architectures()) {
      networks.push_back(graphs.index(arch));
      accuracies.push_back(table.accuracy(arch));
    }
  } else {
    log.info("score.accuracies names no file, so distances are not compared with accuracies");
    networks.resize(graphs.networks());
    std::iota(networks.begin(), networks.end(), std::size_t{0});
  }
  return smoothness(graphs, embedding, networks, accuracies, config.seed);
}

std::string text_of(const EmbedReport& report, const Smoothness& smooth) {
  std::string text = fmt::format(
      "networks          {} ({} different)\n"
      "embeddings        {} different\n"
      "learned from      {} graphs\n"
      "on {} others\n"
      "  operators       {:.2f} % decoded\n"
      "  edges           {:.2f} % decoded\n"
      "  whole graphs    {:.2f} % decoded\n"
      "random codes      {} drawn, {:.1f} % valid, {:.1f} % of these unique\n",
      report.networks, report.classes, report.distinct, report.learned, report.held_back,
      100.0 * report.operators, 100.0 * report.links, 100.0 * report.graphs, report.draws,
      100.0 * report.valid, 100.0 * report.unique);
  if (smooth.pairs == 0) return text;
  text += fmt::format(
      "rank correlations, {} pairs\n"
      "  distance of embeddings and edges that differ        {:.3f}\n",
      smooth.pairs, smooth.edits);
  if (std::isnan(smooth.accuracy)) return text;
  return text + fmt::format(
                    "  distance of embeddings and difference of accuracies {:.3f}\n"
                    "  edges that differ and difference of accuracies      {:.3f}\n",
                    smooth.accuracy, smooth.edits_accuracy);
}

json object_of(const EmbedReport& report, const Smoothness& smooth) {
  const auto number = [](double value) { return std::isnan(value) ? json() : json(value); };
  return {{"format", "hsconas-embed-1"},
          {"networks", report.networks},
          {"classes", report.classes},
          {"distinct", report.distinct},
          {"learned", report.learned},
          {"held_back", report.held_back},
          {"operators", report.operators},
          {"links", report.links},
          {"graphs", report.graphs},
          {"draws", report.draws},
          {"valid", report.valid},
          {"unique", report.unique},
          {"pairs", smooth.pairs},
          {"edits", number(smooth.edits)},
          {"accuracy", number(smooth.accuracy)},
          {"edits_accuracy", number(smooth.edits_accuracy)}};
}

void embed(EmbedOptions& options, CommandContext& context) {
  const Config& config = options.config.load();
  check_output(options.out, {config.score.accuracies});
  const SearchSpace space(config.space);
  const CellGraphs graphs(space);
  const CellEmbedding embedding =
      embed_cell(graphs, options.settings, config.seed, context.log, context.stop);
  const Smoothness smooth = judge(config, space, graphs, embedding, context.log);
  write_file(options.out, embeddings_csv(space, graphs, embedding));
  context.log.info("the embeddings are in " + options.out);
  fmt::print("{}", context.options.json ? object_of(embedding.report, smooth).dump() + "\n"
                                        : text_of(embedding.report, smooth));
}

}  // namespace

void add_embed_command(CLI::App& app, Command& chosen) {
  auto options = std::make_shared<EmbedOptions>();
  CLI::App* command = app.add_subcommand(
      "embed", "Learn embeddings of all networks of a cell, for search.embeddings");
  options->config.add_to(*command);
  command->add_option("-o,--out", options->out, "CSV file for the embeddings")
      ->type_name("FILE")
      ->required();
  command
      ->add_option("--epochs", options->settings.epochs,
                   "Passes over the networks that are learned from (default 10)")
      ->type_name("N")
      ->check(CLI::Range(1, 100'000));
  command
      ->add_option("--held-back", options->settings.held_back,
                   "Fraction of the networks that are not learned from but decoded as a test "
                   "(default 0.1)")
      ->type_name("SHARE")
      ->check(CLI::Range(0.01, 0.9));
  command->callback([options, &chosen] {
    chosen = [options](CommandContext& context) { embed(*options, context); };
  });
}

}  // namespace hsconas
