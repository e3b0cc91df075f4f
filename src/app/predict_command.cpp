#include <filesystem>
#include <memory>
#include <optional>
#include <system_error>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "hsconas/app/commands.hpp"
#include "hsconas/app/torch_commands.hpp"
#include "hsconas/base/csv.hpp"
#include "hsconas/base/error.hpp"
#include "hsconas/base/files.hpp"
#include "hsconas/base/output_file.hpp"
#include "hsconas/base/text.hpp"
#include "hsconas/config/config_file.hpp"
#include "hsconas/latency/import.hpp"
#include "hsconas/latency/measure.hpp"
#include "hsconas/latency/source.hpp"
#include "hsconas/report/table.hpp"
#include "hsconas/score/limits.hpp"
#include "hsconas/stages/work_dir.hpp"

namespace hsconas {

namespace {

using nlohmann::json;

struct PredictOptions {
  ConfigOptions config;
  std::string space;
  std::vector<std::string> archs;
  std::string archs_file;
  std::string table;
  std::string out;
  bool measure = false;
};

/// The output for one architecture.
struct Row {
  std::string arch;
  int batch = 1;
  std::optional<double> predicted_ms, error_ms, measured_ms;
  std::optional<Cost> cost;         ///< Empty for a cell, whose cost is not known.
  std::optional<double> memory_mb;  ///< Peak of activations for the batch; as `cost`.
};

/// The architectures as text: those of --arch, then those of the file.
std::vector<std::string> texts_of(const PredictOptions& options) {
  std::vector<std::string> texts = options.archs;
  if (!options.archs_file.empty()) {
    const CsvTable csv = CsvTable::load(options.archs_file);
    const std::size_t column = arch_column(csv);
    for (std::size_t row = 0; row < csv.rows(); ++row) texts.push_back(csv.text(row, column));
  }
  if (texts.empty()) {
    throw Error(
        ErrorKind::Usage,
        "predict needs architectures: give --arch ARCH, or --archs CSV with at least one row");
  }
  return texts;
}

/// Without --config and --space, takes the space and the table from a run. The run is the folder
/// that is named by a bare word, or the folder that holds the table.
void ask_run(PredictOptions& options) {
  if (!options.space.empty()) return;
  options.config.take_bare_file();
  namespace fs = std::filesystem;
  std::error_code unknown;
  if (fs::is_directory(options.config.file, unknown)) {
    const WorkDir run{.root = options.config.file, .lock = nullptr};
    if (!fs::exists(run.config(), unknown)) {
      throw Error(ErrorKind::Data,
                  fmt::format("{}: holds no run: config.json is missing", run.root.string()));
    }
    if (options.table.empty() && fs::exists(run.latency(), unknown)) {
      options.table = run.latency().string();
    }
    options.config.file = run.config().string();
  }
  if (!options.config.file.empty()) return;
  const WorkDir beside{.root = fs::path(options.table).parent_path(), .lock = nullptr};
  if (!options.table.empty() && fs::exists(beside.config(), unknown)) {
    options.config.file = beside.config().string();
    return;
  }
  throw Error(ErrorKind::Usage,
              "predict does not know the space: name a run (predict RUN --arch A), a config "
              "(--config FILE) or a space (--space FILE)");
}

/// The table to predict with, from the source that --table or the config names; nothing if the
/// networks are only measured. Where --measure compares with a table of a device, `config` then
/// times as that table was timed.
std::optional<LatencyTable> find_table(const PredictOptions& options, const LatencySpace& space,
                                       std::optional<Config>& config, CommandContext& context) {
  Config given = config.value_or(Config{});
  if (!options.table.empty()) given.latency = with_table(given.latency, options.table);
  const LatencySource& source = latency_source(given.latency);
  if (source.is_measured) {
    if (options.measure) return std::nullopt;
    throw Error(ErrorKind::Usage,
                "predict needs a latency table: --table RUN/latency.json, or --measure");
  }
  LatencyTable table = source.make(given, space, {.log = context.log, .stop = context.stop});
  if (options.measure && !source.is_modelled) {
    config->latency = settings_beside(table.device, config->latency, config->latency_device());
  }
  return table;
}

/// Times the networks of `rows` on this machine. Warns if `table` was measured on another device.
void measure_rows(std::vector<Row>& rows, const std::vector<Architecture>& archs,
                  const std::optional<LatencyTable>& table, const Config& config,
                  const SearchSpace& space, const TorchCommands& torch, CommandContext& context) {
  const std::string device = torch.describe_device(config.latency_device());
  if (table && table->device.device != device) {
    context.log.warn(fmt::format("the table predicts for {}, but the networks are measured on {}",
                                 table->device.device, device));
  }
  const auto times = torch.time_networks(config, space, archs, rows.front().batch, context);
  for (std::size_t i = 0; i < rows.size(); ++i) rows[i].measured_ms = times[i];
}

/// `torch` is needed to measure, and otherwise null.
std::vector<Row> predict_rows(PredictOptions options, const TorchCommands* torch,
                              CommandContext& context) {
  ask_run(options);
  if (!options.config.file.empty() && !options.space.empty()) {
    throw Error(ErrorKind::Usage, "predict takes --config or --space, not both");
  }
  const std::vector<std::string> texts = texts_of(options);
  std::optional<Config> config;
  if (options.space.empty()) {
    config = options.config.load();
    if (!config->targets.empty()) {
      throw Error(ErrorKind::Usage,
                  options.config.file +
                      ": has several targets; remove them with targets={}, or name the config of "
                      "one of them, WORK-DIR/targets/NAME/config.json");
    }
  } else if (options.measure) {
    throw Error(
        ErrorKind::Usage,
        "--measure needs the latency settings of a config: use --config instead of --space");
  }
  const LatencySpace space =
      config ? LatencySpace(SearchSpace(config->space)) : load_latency_space(options.space);
  const std::optional<LatencyTable> table = find_table(options, space, config, context);
  std::optional<TableModel> model;
  DeadOperators dead = DeadOperators::Cost;
  int batch = config ? config->latency.batch : 1;
  if (table) {
    model.emplace(space, *table);
    dead = table->dead;
    batch = table->device.batch;
  }
  // A table of blocks alone has no error bar, because no whole network was measured.
  const bool is_modelled =
      options.table.empty() && config && latency_source(config->latency).is_modelled;
  const bool knows_error = is_modelled || (table && table->error_percent > 0.0);
  const LimitsConfig limits = config ? config->limits : LimitsConfig{};
  std::vector<Row> rows;
  std::vector<Architecture> archs;
  for (const std::string& text : texts) {
    archs.push_back(space.decode(text));
    Row& row = rows.emplace_back();
    row.arch = text;
    row.batch = batch;
    if (model) {
      row.predicted_ms = model->predict_ms(space.canonical(archs.back(), dead));
      if (knows_error) row.error_ms = model->error_ms(*row.predicted_ms);
    }
    if (!space.is_cell()) {
      row.cost = space.search_space()->cost(archs.back());
      row.memory_mb = memory_mb(*space.search_space(), archs.back(), memory_batch(limits, batch),
                                limits.memory_value_bytes);
    }
  }
  if (options.measure) {
    measure_rows(rows, archs, table, *config, *space.search_space(), *torch, context);
  }
  return rows;
}

std::string number(const std::optional<double>& value, double scale = 1.0) {
  return value ? fmt::format("{:.4f}", *value / scale) : "-";
}

std::string as_text(const std::vector<Row>& rows) {
  TextTable table({"architecture", "predicted ms", "+-", "measured ms", "MACs (M)", "params (M)",
                   "memory (MB)"});
  for (const Row& row : rows) {
    const auto of_cost = [&](auto count) {
      return row.cost ? std::optional(static_cast<double>(count(*row.cost))) : std::nullopt;
    };
    table.add({row.arch, number(row.predicted_ms), number(row.error_ms), number(row.measured_ms),
               number(of_cost([](const Cost& c) { return c.macs; }), 1e6),
               number(of_cost([](const Cost& c) { return c.parameters(); }), 1e6),
               number(row.memory_mb)});
  }
  return table.str();
}

/// The rows as JSON; keys without a value are left out.
json as_json(const std::vector<Row>& rows) {
  json list = json::array();
  for (const Row& row : rows) {
    json& object = list.emplace_back(json{{"arch", row.arch}, {"batch", row.batch}});
    if (row.predicted_ms) object["predicted_ms"] = *row.predicted_ms;
    if (row.error_ms) object["error_ms"] = *row.error_ms;
    if (row.measured_ms) object["measured_ms"] = *row.measured_ms;
    if (row.cost) {
      object["macs"] = row.cost->macs;
      object["parameters"] = row.cost->parameters();
      object["memory_mb"] = *row.memory_mb;
    }
  }
  return list;
}

std::string as_csv(const std::vector<Row>& rows) {
  std::string text = "arch,predicted_ms,error_ms,measured_ms,macs,parameters,memory_mb\n";
  const auto cell = [](const auto& value) { return value ? format_exact(*value) : ""; };
  for (const Row& row : rows) {
    text +=
        fmt::format("{},{},{},{},{},{},{}\n", row.arch, cell(row.predicted_ms), cell(row.error_ms),
                    cell(row.measured_ms), row.cost ? fmt::format("{}", row.cost->macs) : "",
                    row.cost ? fmt::format("{}", row.cost->parameters()) : "", cell(row.memory_mb));
  }
  return text;
}

void execute(const PredictOptions& options, const TorchCommands* torch, CommandContext& context) {
  check_output(options.out, {options.archs_file, options.table});
  const std::vector<Row> rows = predict_rows(options, torch, context);
  if (!options.out.empty()) {
    write_file(options.out, as_csv(rows));
    fmt::print("{}",
               context.options.json
                   ? json{{"file", options.out}, {"architectures", rows.size()}}.dump() + "\n"
                   : fmt::format("{} architectures written to {}\n", rows.size(), options.out));
    return;
  }
  fmt::print("{}", context.options.json ? json{{"architectures", as_json(rows)}}.dump() + "\n"
                                        : as_text(rows));
}

}  // namespace

void add_predict_command(CLI::App& app, Command& chosen) {
  auto options = std::make_shared<PredictOptions>();
  CLI::App* command = app.add_subcommand(
      "predict", "Predict latency, multiply-adds, parameters and memory of architectures");
  options->config.add_to(*command);
  command
      ->add_option("-s,--space", options->space,
                   "Space or cell (file or shipped name, e.g. fbnet) instead of a config")
      ->type_name("FILE");
  command
      ->add_option("-a,--arch", options->archs,
                   "Architecture, as search prints it; can be given several times")
      ->type_name("ARCH")
      ->allow_extra_args(false);
  command
      ->add_option("--archs", options->archs_file,
                   "CSV with architectures in a column arch (or ops)")
      ->type_name("CSV");
  command->add_option("-o,--out", options->out, "CSV file to write instead of printing")
      ->type_name("CSV");
  command
      ->add_option("-t,--table", options->table,
                   "Latency table (or other file for latency.table), e.g. RUN/latency.json")
      ->type_name("FILE");
  command->add_flag("--measure", options->measure, "Also time the architectures on this machine");
  command->callback([options, &chosen] {
    if (options->measure) {
      chosen = [options](const TorchCommands& torch, CommandContext& context) {
        execute(*options, &torch, context);
      };
    } else {
      chosen = [options](CommandContext& context) { execute(*options, nullptr, context); };
    }
  });
}

}  // namespace hsconas
