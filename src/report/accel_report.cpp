#include "hsconas/report/accel_report.hpp"

#include <algorithm>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "hsconas/accel/operating_point.hpp"
#include "hsconas/base/text.hpp"
#include "hsconas/report/table.hpp"

namespace hsconas {

using nlohmann::json;

namespace {

std::string shape_of(const Layer& layer) {
  std::string text = fmt::format("{}x{}x{}x{} {}x{}", layer.g * layer.k, layer.c, layer.r, layer.s,
                                 layer.oy, layer.ox);
  if (layer.stride > 1) text += fmt::format("/{}", layer.stride);
  if (layer.g > 1) text += fmt::format(" g{}", layer.g);
  if (layer.n > 1) text += fmt::format(" n{}", layer.n);
  return text;
}

/// Quotes `text` as a CSV cell when necessary.
std::string quoted(const std::string& text) {
  if (text.find_first_of(",\"\n") == std::string::npos) return text;
  std::string cell = "\"";
  for (const char c : text) cell += c == '"' ? std::string("\"\"") : std::string(1, c);
  return cell + "\"";
}

double sum(const std::array<double, kTensors>& values) {
  return values[0] + values[1] + values[2];
}

json by_tensor(const std::array<double, kTensors>& values) {
  json object;
  for (std::size_t t = 0; t < kTensors; ++t) object[name_of(kAllTensors[t])] = values[t];
  return object;
}

json to_json(const Transfers& transfers) {
  return {{"in", by_tensor(transfers.in)}, {"out", by_tensor(transfers.out)}};
}

json to_json(const EnergyTerms& terms) {
  return {{"mac", terms.mac},
          {"registers", by_tensor(terms.registers)},
          {"noc", by_tensor(terms.noc)},
          {"buffer", by_tensor(terms.buffer)},
          {"offchip", by_tensor(terms.offchip)},
          {"leakage", terms.leakage}};
}

/// The widths with which a layer is processed.
std::array<std::int64_t, 3> bits_of(const Layer& layer, const Accelerator& design) {
  const auto either = [](std::int64_t own, std::int64_t other) { return own != 0 ? own : other; };
  return {either(layer.bits.input, design.bits[0]), either(layer.bits.weight, design.bits[1]),
          either(layer.bits.output, design.bits[0])};
}

json bits_json(const Layer& layer, const Accelerator& design) {
  const auto [input, weight, output] = bits_of(layer, design);
  return {{"input", input}, {"weight", weight}, {"output", output}};
}

bool has_bits(const Network& network) {
  return std::any_of(network.layers.begin(), network.layers.end(),
                     [](const Layer& layer) { return layer.bits.any(); });
}

/// "200 MHz", or "107.7 MHz (0.6 V)" if that is not the nominal voltage.
std::string clock_of(const Accelerator& design) {
  if (design.voltage == design.supply.nominal) return fmt::format("{} MHz", design.clock_mhz);
  return fmt::format("{:.1f} MHz ({} V)", operating_point(design).clock_mhz, design.voltage);
}

json to_json(const Layer& layer, const Accelerator& design, const LayerCost& cost) {
  return {{"layer", layer.name},
          {"count", layer.count},
          {"shape",
           {{"n", layer.n},
            {"g", layer.g},
            {"k", layer.k},
            {"c", layer.c},
            {"r", layer.r},
            {"s", layer.s},
            {"oy", layer.oy},
            {"ox", layer.ox},
            {"stride", layer.stride},
            {"dilation", layer.dilation}}},
          {"bits", bits_json(layer, design)},
          {"macs", cost.macs},
          {"cycles", cost.cycles},
          {"utilization", cost.utilization},
          {"bound", cost.bound()},
          {"resource_cycles",
           {{"compute", cost.compute},
            {"noc_in", cost.noc_in},
            {"noc_out", cost.noc_out},
            {"offchip", cost.offchip_cycles},
            {"fill", cost.fill},
            {"drain", cost.drain}}},
          {"words",
           {{"registers", to_json(cost.registers)},
            {"noc", to_json(cost.noc)},
            {"buffer", to_json(cost.buffer)},
            {"offchip", to_json(cost.offchip)}}},
          {"offchip_bytes", cost.offchip_bytes},
          {"tile",
           {{"g", cost.tile.g},
            {"k", cost.tile.k},
            {"c", cost.tile.c},
            {"y", cost.tile.y},
            {"x", cost.tile.x},
            {"bytes", cost.tile.bytes},
            {"double_buffered", cost.tile.double_buffered}}},
          {"energy", cost.energy},
          {"energy_terms", to_json(cost.energy_terms)}};
}

std::string totals(const Network& network, const Accelerator& design, const NetworkCost& cost) {
  const std::string& unit = find_energy_table(design.energy).unit;
  const Area area = area_of(design);
  const EnergyTerms& e = cost.energy_terms;
  const auto percent = [&](double part) { return 100.0 * part / cost.energy; };
  const double peak = static_cast<double>(design.pes() * design.lanes);
  std::string text = fmt::format(
      "{} on {} ({}, {} x {} PEs): {:.3f} ms at {}, {:.0f} cycles, {:.1f} % of the array\n"
      "energy {:.4g} {}: MAC {:.1f} %, registers {:.1f} %, NoC {:.1f} %, buffer {:.1f} %, off-chip "
      "{:.1f} %",
      network.name, design.name, design.dataflow, design.rows, design.columns, cost.milliseconds,
      clock_of(design), cost.cycles, 100.0 * cost.macs / (peak * cost.cycles), cost.energy, unit,
      percent(e.mac), percent(sum(e.registers)), percent(sum(e.noc)), percent(sum(e.buffer)),
      percent(sum(e.offchip)));
  if (e.leakage > 0.0) text += fmt::format(", leakage {:.1f} %", percent(e.leakage));
  return text + fmt::format("\noff-chip {:.3f} MB, area {:.3f} mm2\n", cost.offchip_bytes / 1e6,
                            area.total() / 1e6);
}

}  // namespace

std::string accel_report(const Network& network, const Accelerator& design,
                         const NetworkCost& cost) {
  const std::string& unit = find_energy_table(design.energy).unit;
  std::vector<std::string> columns{
      "layer",       "K x C x R x S, out",       "n", "MACs (M)", "cycles", "util %", "bound",
      "off-chip KB", fmt::format("{}/MAC", unit)};
  const bool shows_bits = has_bits(network);
  if (shows_bits) columns.insert(columns.begin() + 2, "bits");
  TextTable table(columns);
  for (std::size_t i = 0; i < network.layers.size(); ++i) {
    const Layer& layer = network.layers[i];
    const LayerCost& c = cost.layers[i];
    std::vector<std::string> cells{layer.name,
                                   shape_of(layer),
                                   fmt::format("{}", layer.count),
                                   fmt::format("{:.3f}", c.macs / 1e6),
                                   fmt::format("{:.0f}", c.cycles),
                                   fmt::format("{:.1f}", 100.0 * c.utilization),
                                   c.bound(),
                                   fmt::format("{:.1f}", c.offchip_bytes / 1e3),
                                   fmt::format("{:.2f}", c.energy / c.macs)};
    if (shows_bits) {
      cells.insert(cells.begin() + 2, fmt::format("{}", fmt::join(bits_of(layer, design), "/")));
    }
    table.add(cells);
  }
  return table.str() + totals(network, design, cost);
}

std::string accel_csv(const Network& network, const Accelerator& design, const NetworkCost& cost) {
  std::string text =
      "layer,count,macs,cycles,utilization,bound,compute,noc_in,noc_out,offchip,fill,drain,"
      "offchip_bytes,noc_words,buffer_words,energy,energy_mac,energy_registers,energy_noc,"
      "energy_buffer,energy_offchip,energy_leakage,input_bits,weight_bits,output_bits\n";
  for (std::size_t i = 0; i < network.layers.size(); ++i) {
    const LayerCost& c = cost.layers[i];
    const EnergyTerms& e = c.energy_terms;
    text += fmt::format("{},{},{},{},{},{}", quoted(network.layers[i].name),
                        network.layers[i].count, format_exact(c.macs), format_exact(c.cycles),
                        format_exact(c.utilization), c.bound());
    for (const double value :
         {c.compute, c.noc_in, c.noc_out, c.offchip_cycles, c.fill, c.drain, c.offchip_bytes,
          c.noc.words(), c.buffer.words(), c.energy, e.mac, sum(e.registers), sum(e.noc),
          sum(e.buffer), sum(e.offchip), e.leakage}) {
      text += fmt::format(",{}", format_exact(value));
    }
    text += fmt::format(",{}\n", fmt::join(bits_of(network.layers[i], design), ","));
  }
  return text;
}

json accel_json(const Network& network, const Accelerator& design, const NetworkCost& cost) {
  const Area area = area_of(design);
  json layers = json::array();
  for (std::size_t i = 0; i < network.layers.size(); ++i) {
    layers.push_back(to_json(network.layers[i], design, cost.layers[i]));
  }
  return {{"format", "hsconas-accel-1"},
          {"network", network.name},
          {"design", hsconas::to_json(design)},
          {"macs", cost.macs},
          {"cycles", cost.cycles},
          {"ms", cost.milliseconds},
          {"clock_mhz", operating_point(design).clock_mhz},
          {"offchip_bytes", cost.offchip_bytes},
          {"energy_unit", find_energy_table(design.energy).unit},
          {"energy", cost.energy},
          {"energy_terms", to_json(cost.energy_terms)},
          {"area_um2",
           {{"multipliers", area.multipliers},
            {"registers", area.registers},
            {"buffer", area.buffer},
            {"interconnect", area.interconnect},
            {"total", area.total()}}},
          {"layers", layers}};
}

}  // namespace hsconas
