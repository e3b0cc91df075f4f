#include <fmt/format.h>

#include "hsconas/base/error.hpp"
#include "hsconas/latency/latency_space.hpp"
#include "hsconas/space/search_space.hpp"
#include "layer_chart.hpp"
#include "page.hpp"
#include "run_sections.hpp"

namespace hsconas {

namespace {

std::string shape_of(const Block& block) {
  return fmt::format("{} \u2192 {} channels, {} \u2192 {} px", block.in_channels,
                     block.out_channels, block.in_size, block.out_size);
}

double entry_ms(const LatencyTable& table, const std::string& key) {
  const auto found = table.entries.find(key);
  if (found == table.entries.end()) {
    throw Error(ErrorKind::Data,
                fmt::format("latency.json has no entry {}, which the winner needs", key));
  }
  return found->second.network_ms;
}

std::vector<LayerBar> layer_bars(const SearchSpace& space, const Architecture& arch,
                                 const LatencyTable& table) {
  const LatencySpace terms(space);
  std::vector<LayerBar> bars;
  const auto add_fixed = [&](const char* name, const Block& block) {
    if (table.by_position) return;  // In such a table B includes the stem and the head.
    bars.push_back(
        {.name = name, .choice = "", .shape = shape_of(block), .ms = entry_ms(table, block.key())});
  };
  add_fixed("stem", space.stem());
  for (int layer = 0; layer < space.layers(); ++layer) {
    const LayerChoice choice = arch[static_cast<std::size_t>(layer)];
    const auto& term = terms.term(terms.index(layer, choice));
    const bool has_width = space.op(choice.op).has_mid();
    const double width = space.description().widths[static_cast<std::size_t>(choice.width)];
    const std::string& name = space.op(choice.op).name;
    const bool has_entry = table.by_position || !term.is_free;
    bars.push_back(
        {.name = fmt::format("layer {}", layer),
         .choice = has_width ? fmt::format("{} \u00D7{:.3g}", name, width) : name,
         .shape = shape_of(space.block(layer, choice)),
         .width = has_width ? width : -1.0,
         .look = choice.op,
         .ms = has_entry ? entry_ms(table, table.by_position ? term.position_key : term.block_key)
                         : 0.0});
  }
  add_fixed("head", space.head());
  bars.push_back({.name = "B",
                  .choice = "",
                  .shape = table.by_position ? "stem, head and the rest" : "time between blocks",
                  .ms = table.bias_ms});
  return bars;
}

}  // namespace

std::string layers_section(const RunRecord& run) {
  constexpr const char* kTitle = "The winner, layer by layer";
  if (!run.result || !run.table) {
    return section(kTitle, paragraph("There is no winner or no latency table so far."));
  }
  const SearchSpace space(run.config.space);
  const Architecture arch = space.decode(run.result->winner.arch);
  const std::vector<LayerBar> bars = layer_bars(space, arch, *run.table);
  double total_ms = 0.0;
  for (const LayerBar& bar : bars) total_ms += bar.ms;
  HtmlTable table({"", "operator", "shape", "inner channels", "ms", "share"});
  for (const LayerBar& bar : bars) {
    const std::size_t row = static_cast<std::size_t>(&bar - bars.data());
    const std::size_t first = run.table->by_position ? 0 : 1;  // The stem, if present, is row 0.
    const bool is_layer = bar.look >= 0;
    const int layer = static_cast<int>(row) - static_cast<int>(first);
    const int inner =
        is_layer ? space.mid_channels(layer, arch[static_cast<std::size_t>(layer)]) : 0;
    table.add({bar.name, bar.choice, bar.shape, inner > 0 ? fmt::format("{}", inner) : "-",
               fmt::format("{:.4f}", bar.ms), fmt::format("{:.1f} %", 100.0 * bar.ms / total_ms)});
  }
  return section(
      kTitle,
      figure(layer_chart(bars, total_ms, ms_axis("predicted", run.table->device.batch)),
             fmt::format("{:.4g} ms in all. Each outline is a layer's full inner width, and its "
                         "filled part the chosen width factor. B is the latency model's constant: "
                         "the time that is in no other row.",
                         total_ms)) +
          foldable("The layers as a table", table.str()));
}

}  // namespace hsconas
