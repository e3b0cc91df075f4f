#include "hsconas/report/codesign_report.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "codesign_front.hpp"
#include "page.hpp"
#include "run_sections.hpp"
#include "svg.hpp"

namespace hsconas {

namespace {

using nlohmann::json;

/// A quantity of the best pair, and its limit.
struct LimitedQuantity {
  const char* name;
  std::string unit;
  double value = 0.0;
  double limit = 0.0;  ///< 0: no limit.

  std::string share() const { return fmt::format("{:.0f} % of the limit", 100.0 * value / limit); }
};

std::vector<LimitedQuantity> quantities(const CodesignRun& codesign) {
  const CodesignRecord& found = *codesign.found;
  const CodesignConfig& config = codesign.run.config.codesign;
  std::vector<LimitedQuantity> all{
      {"latency", "ms", found.best.latency_ms, config.max_latency_ms},
      {"energy", found.energy_unit, found.best.energy, config.max_energy},
      {"area", "mm\u00B2", found.best.area_mm2, config.max_area_mm2}};
  if (found.best.power_mw) {
    all.push_back({"mean power", "mW", *found.best.power_mw, config.max_power_mw});
  }
  return all;
}

std::string gap_text(const CodesignRecord& found) {
  if (!found.optimum) return "";
  if (found.is_optimal()) return "the best of all pairs";
  return fmt::format("{:.3f} points below the best of all pairs", *found.gap_points());
}

std::string facts(const CodesignRun& codesign) {
  const CodesignRecord& found = *codesign.found;
  std::string html = "<dl class=\"facts\">\n";
  html += fact("accuracy", percent(found.best.accuracy), gap_text(found));
  for (const LimitedQuantity& quantity : quantities(codesign)) {
    html +=
        fact(fmt::format("{}, {}", quantity.name, quantity.unit),
             fmt::format("{:.4g}", quantity.value), quantity.limit > 0.0 ? quantity.share() : "");
  }
  html += fact("accuracies", fmt::format("{}", found.networks), "asked for by the search");
  html += fact("pairs", fmt::format("{}", found.pairs),
               fmt::format("whose costs were computed, in {:.3g} s", found.seconds));
  return html + "</dl>\n";
}

/// The pair found beside the best of all; empty where that is not known, or the same.
std::string optimum_part(const CodesignRecord& found) {
  if (!found.optimum || found.is_optimal()) return "";
  HtmlTable table(
      {"", "accuracy", "latency ms", "energy " + found.energy_unit, "accelerator", "network"});
  const auto add = [&](const char* title, const CodesignPair& pair) {
    table.add({title, percent(pair.accuracy), fmt::format("{:.4f}", pair.latency_ms),
               fmt::format("{:.4g}", pair.energy), pair.design, pair.arch});
  };
  add("found", found.best);
  add("best of all pairs", *found.optimum);
  return table.str() +
         paragraph(
             "The accuracies of all networks are known, so the best of all pairs inside the limits "
             "can be computed. Of equally accurate pairs, it is the one with the lowest energy x "
             "delay.");
}

std::string limits_part(const CodesignRun& codesign) {
  HtmlTable table({"limit", "at most", "best pair", ""});
  bool has_limits = false;
  for (const LimitedQuantity& quantity : quantities(codesign)) {
    if (quantity.limit <= 0.0) continue;
    has_limits = true;
    table.add({quantity.name, fmt::format("{:.4g} {}", quantity.limit, quantity.unit),
               fmt::format("{:.4g} {}", quantity.value, quantity.unit), quantity.share()});
  }
  return has_limits ? table.str() : paragraph("There are no limits.");
}

/// How to go on with the network.
std::string next_step(const CodesignRun& codesign) {
  if (codesign.found->compression) {
    return fmt::format(
        "<p>The compressed network is in <code>{0}</code>, its ONNX file in "
        "<code>{0}/export</code>.</p>\n",
        escaped(codesign.run.folder));
  }
  return fmt::format(
      "<p>Train the network alone: <code>{}</code></p>\n",
      escaped(fmt::format("hsconas retrain --config {}/config.json --arch {} --out DIR",
                          codesign.run.folder, codesign.found->best.arch)));
}

std::string head(const CodesignRun& codesign) {
  const CodesignRecord& found = *codesign.found;
  return fmt::format("<h1>{}</h1>\n<p class=\"lead\">{}</p>\n", escaped(found.name),
                     escaped(fmt::format(
                         "Co-design by {}: search space {}, {} designs of {} ({} combinations left "
                         "out), batch {}, seed {}.",
                         found.method, found.space, found.design_count, found.designs,
                         found.left_out, found.batch, found.seed))) +
         facts(codesign) +
         fmt::format("<p><code>{}</code><br>{}</p>\n", escaped(name_of(found.best)),
                     escaped(found.best.layers)) +
         optimum_part(found) + limits_part(codesign) + next_step(codesign);
}

std::string design_section(const CodesignRecord& found) {
  HtmlTable table({"key", "value"});
  for (const auto& [key, value] : found.best.accelerator.items()) {
    table.add({key, value.is_string() ? value.get<std::string>() : value.dump()});
  }
  return section("The accelerator", table.str());
}

std::string proxy_section(const CodesignRecord& found) {
  if (!found.proxy_set) return "";
  const std::string caption = fmt::format(
      "On the proxy {}, these {} networks are the best under various limits. Each was "
      "tried on every design.",
      found.proxy.value_or(""), found.proxy_set->size());
  return section("Networks from the proxy",
                 paragraph(caption) + pairs_table(*found.proxy_set, found));
}

std::string ranks_section(const CodesignRecord& found) {
  if (!found.ranks) return "";
  const RankSummary& ranks = *found.ranks;
  HtmlTable table({"Spearman with the proxy", "median", "lowest"});
  table.add({"latency", fmt::format("{:.3f}", ranks.latency_median),
             fmt::format("{:.3f}", ranks.latency_lowest)});
  table.add({"energy", fmt::format("{:.3f}", ranks.energy_median),
             fmt::format("{:.3f}", ranks.energy_lowest)});
  const std::string drawing =
      ranks.matrix ? figure(to_svg(rank_map(*ranks.matrix, ranks.networks)),
                            fmt::format("{} designs, evenly spread over the list. Rank "
                                        "correlations of all designs with the proxy are in "
                                        "ranks.csv.",
                                        ranks.matrix->designs.size()))
                   : paragraph("The heat map is in ranks.svg.");
  return section(
      "How designs rank networks",
      paragraph(fmt::format("{} networks were ranked by latency and by energy on every design. {} "
                            "of {} designs have a rank correlation with the proxy {} below {:.3g}.",
                            ranks.networks, ranks.designs_below, found.design_count,
                            found.proxy.value_or(""), ranks.below)) +
          table.str() + drawing);
}

std::string dance_section(const CodesignRecord& found) {
  if (!found.dance) return "";
  const DanceSummary& dance = *found.dance;
  HtmlTable table({"quantity", "value"});
  table.add({"accuracy on the test images", percent(dance.test_accuracy)});
  table.add({"energy x delay x area", fmt::format("{:.4g}", dance.edap)});
  table.add({"multiply-adds (M)", fmt::format("{:.2f}", static_cast<double>(dance.macs) / 1e6)});
  table.add({"layers skipped", fmt::format("{:.0f} %", 100.0 * dance.skip_share)});
  if (dance.evaluator) {
    table.add({"design that the cost networks choose", dance.evaluator->design});
    table.add(
        {"its cost, relative to the best design", fmt::format("{:.4f}", dance.evaluator->regret)});
  }
  return section("DANCE", table.str());
}

std::string compression_section(const CodesignRecord& found) {
  if (!found.compression) return "";
  HtmlTable table({"trained network", "architecture", "accelerator", "accuracy", "latency ms",
                   "energy " + found.energy_unit});
  for (const StartSummary& start : found.compression->starts) {
    const auto& best = start.best;
    table.add({start.folder, start.arch, best ? best->design : "none fits", percent(start.accuracy),
               best ? fmt::format("{:.4f}", best->latency_ms) : "",
               best ? fmt::format("{:.4g}", best->energy) : ""});
  }
  std::string winner;
  if (const auto& made = found.best.compression) {
    winner = fmt::format("The best network is made from {}; its weights: {}.",
                         found.compression->starts[made->start].folder, describe_bits(made->bits));
  }
  if (found.compression->test_accuracy) {
    winner += fmt::format(" Its accuracy on the test images is {}.",
                          percent(*found.compression->test_accuracy));
  }
  return section("Compression",
                 paragraph(winner) +
                     paragraph("The trained networks before they were compressed, each on the "
                               "accelerator where its energy x delay is lowest, without limits:") +
                     table.str());
}

/// The smallest value that is a number; 1 if there is none.
double lowest(const std::vector<double>& values) {
  double least = 1.0;
  for (const double value : values) {
    if (!std::isnan(value)) least = std::min(least, value);
  }
  return least;
}

}  // namespace

HeatMap rank_map(const RankMatrix& ranks, std::size_t networks) {
  return {.title = fmt::format("Spearman of {} networks between designs", networks),
          .subtitle = "below the diagonal latency, above it energy",
          .labels = ranks.designs,
          .values = ranks.values,
          // The multiple of 0.1 below the lowest value, so that all colours are used.
          .low = std::min(0.9, std::floor(lowest(ranks.values) * 10.0) / 10.0),
          .high = 1.0};
}

std::string codesign_report(const CodesignRun& codesign) {
  const CodesignRecord& found = *codesign.found;
  const bool is_trained = codesign.run.config.codesign.accuracies.empty();
  return html_page(found.name + " - hsconas",
                   "<main>\n" + head(codesign) + codesign_front_section(codesign) +
                       compression_section(found) + design_section(found) + dance_section(found) +
                       proxy_section(found) + ranks_section(found) +
                       (is_trained ? training_section(codesign.run) : "") +
                       settings_section(codesign.run) + "</main>\n");
}

}  // namespace hsconas
