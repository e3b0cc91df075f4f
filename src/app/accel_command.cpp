#include <algorithm>
#include <memory>
#include <optional>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "hsconas/accel/cost.hpp"
#include "hsconas/app/commands.hpp"
#include "hsconas/base/error.hpp"
#include "hsconas/base/file_kind.hpp"
#include "hsconas/base/files.hpp"
#include "hsconas/base/shipped_files.hpp"
#include "hsconas/base/text.hpp"
#include "hsconas/reference/maestro.hpp"
#include "hsconas/reference/scalesim.hpp"
#include "hsconas/reference/timeloop.hpp"
#include "hsconas/report/accel_report.hpp"
#include "hsconas/report/table.hpp"

namespace hsconas {

namespace {

using nlohmann::json;

/// Reads a mapping. Errors name the file.
Mapping read_mapping(const std::string& file) {
  const std::string text = read_file(file);
  try {
    return parse_mapping(text);
  } catch (const Error& error) {
    const std::string other = other_than(text, "a Timeloop mapping");
    throw Error(error.kind(), file + ": " + (other.empty() ? error.what() : other));
  }
}

struct AccelOptions {
  std::string design, network, space, arch, mode = "native", mapping, architecture, layer;
  std::optional<double> voltage;
  std::vector<std::int64_t> weight_bits, activation_bits;
  bool csv = false;
};

SearchSpace load_space(const std::string& name) {
  const std::string file = file_or_shipped(name, Shipped::Space).string();
  try {
    return SearchSpace(read_space(read_json_or_shipped(file)));
  } catch (const Error& error) {
    const std::string what = error.what();
    if (what.starts_with(file)) throw;
    throw Error(error.kind(), fmt::format("{}: {}", file, what));
  }
}

Network network_to_cost(const AccelOptions& options) {
  if (options.network.empty() == (options.space.empty() && options.arch.empty())) {
    throw Error(ErrorKind::Usage,
                "accel needs one network: either --network FILE, or --space FILE with --arch ARCH");
  }
  if (!options.network.empty()) {
    return load_network(file_or_shipped(options.network, Shipped::Network));
  }
  if (options.space.empty() || options.arch.empty()) {
    throw Error(ErrorKind::Usage, "accel needs --space and --arch together");
  }
  const SearchSpace space = load_space(options.space);
  return network_of(space, space.decode(options.arch));
}

Network network_with_bits(const AccelOptions& options) {
  Network network = network_to_cost(options);
  if (!options.weight_bits.empty()) set_weight_bits(network, options.weight_bits);
  if (!options.activation_bits.empty()) set_activation_bits(network, options.activation_bits);
  return network;
}

Accelerator design_to_use(const AccelOptions& options) {
  if (options.design.empty()) {
    throw Error(ErrorKind::Usage,
                "accel needs a design: name it with --design, such as eyeriss-168");
  }
  Accelerator design = load_accelerator(file_or_shipped(options.design, Shipped::Accelerator));
  if (!options.voltage) return design;
  design.voltage = *options.voltage;
  naming_errors(fmt::format("--voltage with {}", design.name), [&] { check(design); });
  return design;
}

/// The other tools' models know neither voltages nor widths per layer.
void check_mode_has_no_bits(const std::string& mode, const Network& network) {
  for (const Layer& layer : network.layers) {
    if (!layer.bits.any()) continue;
    throw Error(ErrorKind::Usage, fmt::format("--mode {} has no word widths per layer, such as "
                                              "those of layer {}: leave them out",
                                              mode, layer.name));
  }
}

[[noreturn]] void refuse_voltage(const std::string& mode) {
  throw Error(
      ErrorKind::Usage,
      fmt::format("--mode {} has no voltages: leave out --voltage, and use designs at their "
                  "nominal voltage",
                  mode));
}

/// The output of a replica of another tool, as named columns and rows of cells.
struct Comparison {
  std::vector<std::string> columns;
  std::vector<std::vector<std::string>> rows;
};

void print(const Comparison& comparison, const AccelOptions& options, CommandContext& context) {
  if (context.options.json) {
    json rows = json::array();
    for (const auto& row : comparison.rows) {
      json& object = rows.emplace_back(json::object());
      for (std::size_t i = 0; i < row.size(); ++i) {
        const json value = i == 0 ? json() : json::parse(row[i], nullptr, false);
        object[comparison.columns[i]] = value.is_number() ? value : json(row[i]);
      }
    }
    fmt::print("{}\n", json{{"mode", options.mode}, {"layers", rows}}.dump());
  } else if (options.csv) {
    fmt::print("{}\n", join(comparison.columns, ","));
    for (const auto& row : comparison.rows) fmt::print("{}\n", join(row, ","));
  } else {
    TextTable table(comparison.columns);
    for (const auto& row : comparison.rows) table.add(row);
    fmt::print("{}", table.str());
  }
}

MaestroMapping maestro_mapping_of(const Accelerator& design) {
  for (const auto& [dataflow, mapping] : {std::pair{"ws-kc", "KC-P"},
                                          {"ws-x", "X-P"},
                                          {"os-yx", "YX-P"},
                                          {"os-yk", "YK-P"},
                                          {"rs-yr", "YR-P"}}) {
    if (design.dataflow == dataflow) return read_maestro_mapping(mapping);
  }
  throw Error(ErrorKind::Usage,
              fmt::format("MAESTRO has no mapping for dataflow {}: choose a design with ws-kc, "
                          "ws-x, os-yx, os-yk or rs-yr",
                          design.dataflow));
}

Comparison as_maestro(const Network& network, const Accelerator& design) {
  const MaestroHardware hardware{
      .pes = design.pes(),
      .noc_words = std::max<std::int64_t>(static_cast<std::int64_t>(design.noc_words), 1),
      .offchip_words =
          std::max<std::int64_t>(static_cast<std::int64_t>(design.offchip_bytes * 8.0 /
                                                           static_cast<double>(design.bits[0])),
                                 1),
      .lanes = design.lanes};
  const MaestroMapping mapping = maestro_mapping_of(design);
  Comparison result{
      {"layer", "count", "cycles", "l1_words", "l2_words", "energy_macs", "area_um2", "power_mw"},
      {}};
  for (const Layer& layer : network.layers) {
    const MaestroCost cost = maestro_cost(layer, mapping, hardware);
    result.rows.push_back({layer.name, fmt::format("{}", layer.count),
                           fmt::format("{}", cost.cycles), fmt::format("{}", cost.l1_words),
                           fmt::format("{}", cost.l2_words), format_exact(cost.energy_macs),
                           format_exact(cost.area_um2), format_exact(cost.power_mw)});
  }
  return result;
}

Comparison as_scalesim(const Network& network, const Accelerator& design) {
  if (!design.dataflow.starts_with("systolic-")) {
    throw Error(ErrorKind::Usage,
                fmt::format("SCALE-Sim models systolic dataflows only, not {}: choose a design "
                            "with systolic-os, systolic-ws or systolic-is",
                            design.dataflow));
  }
  const Systolic dataflow = read_systolic(design.dataflow.substr(9));
  Comparison result{{"layer", "count", "groups", "cycles", "reported_cycles", "utilization_percent",
                     "input_reads", "filter_reads", "output_writes"},
                    {}};
  for (const Layer& layer : network.layers) {
    const ScaleSimCost cost = scalesim_cost(layer, design.rows, design.columns, dataflow);
    result.rows.push_back(
        {layer.name, fmt::format("{}", layer.count), fmt::format("{}", layer.n * layer.g),
         fmt::format("{}", cost.cycles), fmt::format("{}", cost.reported_cycles),
         fmt::format("{:.4f}", cost.overall_utilization), fmt::format("{}", cost.input_reads),
         fmt::format("{}", cost.filter_reads), fmt::format("{}", cost.output_writes)});
  }
  return result;
}

Comparison as_timeloop(const Network& network, const AccelOptions& options) {
  if (options.mapping.empty()) {
    throw Error(ErrorKind::Usage, "--mode timeloop needs a mapping: name it with --mapping FILE");
  }
  const bool is_like = options.architecture == "eyeriss-like";
  if (!is_like && options.architecture != "eyeriss-256") {
    throw Error(ErrorKind::Usage,
                "--mode timeloop needs --architecture eyeriss-256 or eyeriss-like");
  }
  const Layer* layer = network.layers.size() == 1 ? network.layers.data() : nullptr;
  for (const Layer& candidate : network.layers) {
    if (candidate.name == options.layer) layer = &candidate;
  }
  if (layer == nullptr) {
    throw Error(ErrorKind::Usage, fmt::format("network {} has no layer '{}': name the one layer "
                                              "that the mapping is for with --layer",
                                              network.name, options.layer));
  }
  const TimeloopArchitecture architecture =
      is_like ? timeloop_eyeriss_like() : timeloop_eyeriss_256();
  const TimeloopCost cost = timeloop_cost(*layer, read_mapping(options.mapping), architecture);
  Comparison result{{"level", "reads", "fills", "updates", "energy"}, {}};
  const auto sum = [](const auto& values) { return values[0] + values[1] + values[2]; };
  for (std::size_t i = 0; i < cost.levels.size(); ++i) {
    result.rows.push_back({architecture.levels[i].name, format_exact(sum(cost.levels[i].reads)),
                           format_exact(sum(cost.levels[i].fills)),
                           format_exact(sum(cost.levels[i].updates)),
                           format_exact(cost.levels[i].energy)});
  }
  result.rows.push_back({fmt::format("{} in {} cycles", layer->name, cost.cycles), "-", "-", "-",
                         format_exact(cost.energy)});
  return result;
}

void check_mode(const std::string& mode) {
  const std::vector<std::string> modes{"native", "maestro", "scalesim", "timeloop"};
  if (std::find(modes.begin(), modes.end(), mode) != modes.end()) return;
  throw Error(
      ErrorKind::Usage,
      fmt::format("--mode '{}' is not known{}: choose native, maestro, scalesim or timeloop", mode,
                  suggestion(mode, modes)));
}

void execute(const AccelOptions& options, CommandContext& context) {
  check_mode(options.mode);
  const Network network = network_with_bits(options);
  if (options.mode != "native") check_mode_has_no_bits(options.mode, network);
  if (options.mode != "native" && options.voltage) refuse_voltage(options.mode);
  if (options.mode == "timeloop") return print(as_timeloop(network, options), options, context);
  const Accelerator design = design_to_use(options);
  if (options.mode != "native" && design.voltage != design.supply.nominal) {
    refuse_voltage(options.mode);
  }
  if (options.mode == "maestro") return print(as_maestro(network, design), options, context);
  if (options.mode == "scalesim") return print(as_scalesim(network, design), options, context);
  const NetworkCost cost = cost_of(network, design);
  if (context.options.json) {
    fmt::print("{}\n", accel_json(network, design, cost).dump());
  } else {
    fmt::print(
        "{}", options.csv ? accel_csv(network, design, cost) : accel_report(network, design, cost));
  }
}

}  // namespace

void add_accel_command(CLI::App& app, Command& chosen) {
  auto options = std::make_shared<AccelOptions>();
  CLI::App* command = app.add_subcommand(
      "accel", "Cost of a network on an accelerator: cycles, traffic, energy, area");
  const auto file = [&](const char* name, std::string& value, const char* what) {
    command->add_option(name, value, what)->type_name("FILE");
  };
  file("-d,--design", options->design,
       "Accelerator design, or name of a shipped one, e.g. eyeriss-168");
  file("-n,--network", options->network, "Network, or name of a shipped one, e.g. resnet18");
  file("-s,--space", options->space, "Space that --arch belongs to; use both instead of --network");
  command->add_option("-a,--arch", options->arch, "Architecture, as search prints it")
      ->type_name("ARCH");
  command
      ->add_option("--voltage", options->voltage,
                   "Supply voltage of the design, which sets its clock and energies")
      ->type_name("V");
  const auto widths = [&](const char* name, std::vector<std::int64_t>& value, const char* what) {
    command->add_option(name, value, what)->type_name("BITS")->delimiter(',');
  };
  widths("--weight-bits", options->weight_bits,
         "Width of the weights: one number, or one per layer, separated by commas");
  widths("--activation-bits", options->activation_bits,
         "Width of the activations: one number, or one per layer's input");
  command->add_flag("--csv", options->csv, "Print CSV instead of a table");
  command
      ->add_option("--mode", options->mode,
                   "Cost model: native, or a replica of maestro, scalesim or timeloop")
      ->type_name("MODE")
      ->capture_default_str();
  file("--mapping", options->mapping, "With --mode timeloop: mapping file, as Timeloop prints it");
  command
      ->add_option("--architecture", options->architecture,
                   "With --mode timeloop: hardware, eyeriss-256 or eyeriss-like")
      ->type_name("NAME");
  command
      ->add_option("--layer", options->layer,
                   "With --mode timeloop: layer of the network that the mapping is for")
      ->type_name("NAME");
  command->callback([options, &chosen] {
    chosen = [options](CommandContext& context) { execute(*options, context); };
  });
}

}  // namespace hsconas
