#include <algorithm>
#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "hsconas/app/commands.hpp"
#include "hsconas/base/error.hpp"
#include "hsconas/config/config_file.hpp"
#include "hsconas/latency/measure.hpp"
#include "hsconas/profile/torch_timer.hpp"
#include "hsconas/report/table.hpp"
#include "hsconas/supernet/device.hpp"

namespace hsconas {

namespace {

using nlohmann::json;

struct PredictOptions {
  ConfigOptions config;
  std::vector<std::string> archs;
  std::string table;
  bool measure = false;
};

std::vector<double> time_for_real(const Config& config, const SearchSpace& space,
                                  const std::vector<Architecture>& archs, int batch,
                                  CommandContext& context) {
  const auto& device = config.latency.device.empty() ? config.device.type : config.latency.device;
  TorchTimer timer(open_device(device), config.latency.threads, batch);
  return measure_networks(space, archs, timer, config.latency, config.seed, context.log,
                          context.stop);
}

void execute(const PredictOptions& options, CommandContext& context) {
  const Config config = load_config(options.config.file, options.config.all_overrides());
  const SearchSpace space(config.space);
  const std::string table_file = options.table.empty() ? config.latency.table : options.table;
  std::unique_ptr<TableModel> model;
  int batch = config.latency.batch;
  if (!table_file.empty()) {
    const LatencyTable table = load_table(table_file);
    model = std::make_unique<TableModel>(space, table);
    batch = table.device.batch;
  } else if (!options.measure) {
    throw Error(ErrorKind::Usage,
                "predict needs a latency table: --table RUN/latency.json, or --measure");
  }
  std::vector<Architecture> archs;
  for (const std::string& text : options.archs) archs.push_back(space.decode(text));
  std::vector<double> measured;
  if (options.measure) measured = time_for_real(config, space, archs, batch, context);

  TextTable table({"architecture", "predicted ms", "measured ms", "MACs (M)", "params (M)"});
  json rows = json::array();
  for (std::size_t i = 0; i < archs.size(); ++i) {
    const Cost cost = space.cost(archs[i]);
    json row = {{"arch", options.archs[i]},
                {"macs", cost.macs},
                {"parameters", cost.parameters()},
                {"batch", batch}};
    if (model) row["predicted_ms"] = model->predict_ms(archs[i]);
    if (options.measure) row["measured_ms"] = measured[i];
    table.add({options.archs[i],
               model ? fmt::format("{:.4f}", row["predicted_ms"].get<double>()) : "-",
               options.measure ? fmt::format("{:.4f}", measured[i]) : "-",
               fmt::format("{:.3f}", static_cast<double>(cost.macs) / 1e6),
               fmt::format("{:.4f}", static_cast<double>(cost.parameters()) / 1e6)});
    rows.push_back(std::move(row));
  }
  fmt::print("{}",
             context.options.json ? json{{"architectures", rows}}.dump() + "\n" : table.str());
}

}  // namespace

void add_predict_command(CLI::App& app, Command& chosen) {
  auto options = std::make_shared<PredictOptions>();
  CLI::App* command =
      app.add_subcommand("predict", "Latency, multiply-adds and parameters of given architectures");
  options->config.add_to(*command);
  command->add_option("-a,--arch", options->archs, "Architecture, as search prints it; repeatable")
      ->required()
      ->type_name("ARCH")
      ->allow_extra_args(false);
  command->add_option("-t,--table", options->table, "Latency table, e.g. RUN/latency.json")
      ->type_name("FILE");
  command->add_flag("--measure", options->measure, "Also time them on this machine");
  command->callback([options, &chosen] {
    chosen = [options](CommandContext& context) { execute(*options, context); };
  });
}

}  // namespace hsconas
