#include "hsconas/accel/cost.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "engine.hpp"
#include "hsconas/accel/operating_point.hpp"
#include "hsconas/base/error.hpp"
#include "hsconas/base/text.hpp"
#include "numbers.hpp"

namespace hsconas {

namespace {

double sum(const std::array<double, kTensors>& values) {
  return values[0] + values[1] + values[2];
}

void add(std::array<double, kTensors>& to, const std::array<double, kTensors>& values) {
  for (std::size_t t = 0; t < kTensors; ++t) to[t] += values[t];
}

[[noreturn]] void does_not_fit(const Layer& layer, const Accelerator& design, double bits) {
  throw Error(ErrorKind::Infeasible,
              fmt::format("{}: the global buffer of {} bytes is too small for layer {}: dataflow "
                          "{} on {} x {} PEs needs {:.0f} bytes for its smallest tile",
                          design.name, design.buffer_bytes, layer.name, design.dataflow,
                          design.rows, design.columns, bits / 8.0));
}

/// The widths of a design's words: its own and those that it supports besides.
std::string widths_of(std::int64_t own, const std::vector<std::int64_t>& others) {
  std::vector<std::string> texts;
  for (const std::int64_t width : others) {
    if (width != own) texts.push_back(fmt::format("{}", width));
  }
  texts.push_back(fmt::format("{}", own));
  return join(texts, ", ");
}

[[noreturn]] void does_not_support(const Layer& layer, const Accelerator& design) {
  const auto& [input, weight] = design.supported_bits;
  const std::string activations = widths_of(design.bits[0], input);
  const std::string weights = widths_of(design.bits[1], weight);
  const LayerBits& asked = layer.bits;
  for (const auto& [what, bits, supported] :
       {std::tuple{"inputs", LayerBits{.input = asked.input}, &activations},
        {"weights", LayerBits{.weight = asked.weight}, &weights},
        {"results", LayerBits{.output = asked.output}, &activations}}) {
    if (supports(design, bits)) continue;
    throw Error(ErrorKind::Infeasible,
                fmt::format("{}: layer {} asks for {} of {} bits, but the design supports {}: "
                            "choose one of them, or extend the design's supported_bits",
                            design.name, layer.name, what,
                            std::max({bits.input, bits.weight, bits.output}), *supported));
  }
  throw Error(ErrorKind::Internal, "a supported width was refused");
}

LayerCost report(const Layer& layer, const Accelerator& design, const engine::Outcome<double>& o) {
  LayerCost cost;
  cost.macs = static_cast<double>(layer.macs());
  cost.cycles = o.cycles;
  cost.compute = o.compute;
  cost.noc_in = o.noc_in;
  cost.noc_out = o.noc_out;
  cost.offchip_cycles = o.offchip_cycles;
  cost.fill = o.fill;
  cost.drain = o.drain;
  cost.utilization = cost.macs / (static_cast<double>(design.pes() * design.lanes) * cost.cycles);
  cost.noc = {.in = o.noc_sent, .out = {0.0, 0.0, o.psums_out}};
  cost.buffer = {
      .in = {o.noc_sent[0], o.noc_sent[1], o.noc_sent[2] + o.merges + o.offchip_words[2]},
      .out = {o.offchip_words[0], o.offchip_words[1], o.psums_out}};
  cost.offchip = {.in = {o.offchip_words[0], o.offchip_words[1], 0.0},
                  .out = {0.0, 0.0, o.offchip_words[2]}};
  cost.offchip_bytes = o.offchip_bits / 8.0;
  cost.registers = {.in = {o.noc_delivered[0], o.noc_delivered[1], o.noc_delivered[2] + cost.macs},
                    .out = {cost.macs, cost.macs, cost.macs + o.psums_out}};
  cost.energy_terms = {.mac = o.mac_energy,
                       .registers = o.register_energy,
                       .noc = o.noc_energy,
                       .buffer = o.buffer_energy,
                       .offchip = o.offchip_energy,
                       .leakage = o.leakage_energy};
  cost.energy = o.energy;
  cost.tile = {.k = o.tile.k,
               .c = o.tile.c,
               .y = o.tile.y,
               .x = o.tile.x,
               .g = o.groups,
               .bytes = o.tile_bits / 8.0,
               .double_buffered = o.tile.single == 0.0};
  return cost;
}

}  // namespace

double Transfers::words() const {
  return sum(in) + sum(out);
}

double EnergyTerms::total() const {
  return mac + sum(registers) + sum(noc) + sum(buffer) + sum(offchip) + leakage;
}

EnergyTerms& EnergyTerms::operator+=(const EnergyTerms& other) {
  mac += other.mac;
  add(registers, other.registers);
  add(noc, other.noc);
  add(buffer, other.buffer);
  add(offchip, other.offchip);
  leakage += other.leakage;
  return *this;
}

const char* LayerCost::bound() const {
  const double largest = std::max({compute, noc_in, noc_out, offchip_cycles});
  if (largest == compute) return "compute";
  if (largest == offchip_cycles) return "off-chip";
  return largest == noc_in ? "NoC in" : "NoC out";
}

engine::Design<double> numbers_of(const Accelerator& design) {
  const EnergyTable& energy = find_energy_table(design.energy);
  const OperatingPoint point = operating_point(design);
  const auto number = [](auto value) { return static_cast<double>(value); };
  engine::Design<double> d;
  d.rows = number(design.rows);
  d.columns = number(design.columns);
  d.lanes = number(design.lanes);
  d.buffer_bits = 8.0 * number(design.buffer_bytes);
  d.noc_words = design.noc_words;
  d.hop_cycles = design.noc_hop_cycles;
  d.offchip_bits = 8.0 * point.offchip_bytes;
  d.multicast = design.multicast ? 1.0 : 0.0;
  d.reduction = design.reduction ? 1.0 : 0.0;
  d.mac = energy.mac * point.energy;
  d.leakage = point.leakage_per_cycle();
  const double kib = number(design.buffer_bytes) / 1024.0;
  const double buffer_extra = energy.buffer_per_kib * std::max(kib - 0.5, 0.0);
  for (std::size_t t = 0; t < kTensors; ++t) {
    d.register_words[t] = number(design.register_words[t]);
    d.bits[t] = number(design.bits[t]);
    const double words = d.bits[t] / energy.word_bits;
    const double on_chip = words * point.energy;
    d.register_read[t] = energy.register_read[t] * on_chip;
    d.register_write[t] = energy.register_write[t] * on_chip;
    d.noc[t] = energy.noc * on_chip;
    d.buffer_read[t] = (energy.buffer_read + buffer_extra) * on_chip;
    d.buffer_write[t] = (energy.buffer_write + buffer_extra) * on_chip;
    d.offchip[t] = energy.offchip * words;
  }
  // Results are stored off-chip with the width of the next layer's inputs.
  d.stored_bits = d.bits[0];
  d.offchip[2] = energy.offchip * (d.stored_bits / energy.word_bits);
  return d;
}

struct CostModel::Numbers {
  const Dataflow& dataflow;
  engine::Design<double> design;
};

CostModel::CostModel(Accelerator design)
    : design_(std::move(design)),
      numbers_(new Numbers{find_dataflow(design_.dataflow), numbers_of(design_)}) {}
CostModel::~CostModel() = default;
CostModel::CostModel(CostModel&&) noexcept = default;
CostModel& CostModel::operator=(CostModel&&) noexcept = default;

LayerCost CostModel::cost_of(const Layer& layer) const {
  const engine::Design<double>* design = &numbers_->design;
  std::optional<engine::Design<double>> with_bits;
  if (layer.bits.any()) {
    if (!supports(design_, layer.bits)) does_not_support(layer, design_);
    with_bits = *design;
    engine::set_bits(*with_bits, layer.bits);
    design = &*with_bits;
  }
  engine::Outcome<double> outcome;
  engine::evaluate(Extents(layer), numbers_->dataflow, *design, outcome);
  if (outcome.smallest_bits > numbers_->design.buffer_bits) {
    does_not_fit(layer, design_, outcome.smallest_bits);
  }
  return report(layer, design_, outcome);
}

LayerCost cost_of(const Layer& layer, const Accelerator& design) {
  return CostModel(design).cost_of(layer);
}

NetworkCost cost_of(const Network& network, const Accelerator& design) {
  const CostModel model(design);
  NetworkCost total;
  for (const Layer& layer : network.layers) {
    const LayerCost& cost = total.layers.emplace_back(model.cost_of(layer));
    const double count = layer.count;
    total.macs += count * cost.macs;
    total.cycles += count * cost.cycles;
    total.energy += count * cost.energy;
    total.offchip_bytes += count * cost.offchip_bytes;
    for (int i = 0; i < layer.count; ++i) total.energy_terms += cost.energy_terms;
  }
  total.milliseconds = total.cycles / (operating_point(design).clock_mhz * 1e3);
  return total;
}

}  // namespace hsconas
