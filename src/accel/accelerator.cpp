#include "hsconas/accel/accelerator.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "hsconas/base/error.hpp"
#include "hsconas/base/json_reader.hpp"
#include "hsconas/base/shipped_files.hpp"

namespace hsconas {

using nlohmann::json;

namespace {

[[noreturn]] void refuse(const std::string& sentence) {
  throw Error(ErrorKind::Usage, sentence);
}

template <typename Number>
void check_range(const char* what, Number value, double low, double high) {
  const auto number = static_cast<double>(value);
  if (number >= low && number <= high) return;  // A NaN is in no range.
  refuse(fmt::format("{} must be in [{}, {}], got {}", what, low, high, value));
}

std::array<std::int64_t, kTensors> read_tensors(JsonReader& reader, std::string_view key,
                                                std::array<std::int64_t, kTensors> values) {
  if (!reader.has(key)) return values;
  JsonReader child = reader.child(key);
  values[0] = child.optional("input", values[0]);
  values[1] = child.optional("weight", values[1]);
  values[2] = child.optional("psum", values[2]);
  child.finish();
  return values;
}

json tensors_json(const std::array<std::int64_t, kTensors>& values) {
  return {{"input", values[0]}, {"weight", values[1]}, {"psum", values[2]}};
}

void read_array(JsonReader& reader, Accelerator& design) {
  if (reader.has("pes")) {
    if (reader.has("rows") || reader.has("columns")) {
      reader.fail("pes", "must not be given together with rows or columns");
    }
    const auto pes = reader.required<std::int64_t>("pes");
    check_range("pes", pes, 1, 65536);
    set_pes(design, pes);
    return;
  }
  design.rows = reader.required<std::int64_t>("rows");
  design.columns = reader.required<std::int64_t>("columns");
}

Supply read_supply(JsonReader& reader, Supply supply) {
  if (!reader.has("supply")) return supply;
  JsonReader child = reader.child("supply");
  supply.nominal = child.optional("nominal", supply.nominal);
  supply.threshold = child.optional("threshold", supply.threshold);
  supply.lowest = child.optional("lowest", supply.lowest);
  supply.highest = child.optional("highest", supply.highest);
  child.finish();
  return supply;
}

SupportedBits read_supported_bits(JsonReader& reader) {
  SupportedBits bits;
  if (!reader.has("supported_bits")) return bits;
  JsonReader child = reader.child("supported_bits");
  bits.input = child.optional("input", bits.input);
  bits.weight = child.optional("weight", bits.weight);
  child.finish();
  std::sort(bits.input.begin(), bits.input.end());
  std::sort(bits.weight.begin(), bits.weight.end());
  return bits;
}

json to_json(const Supply& supply) {
  return {{"nominal", supply.nominal},
          {"threshold", supply.threshold},
          {"lowest", supply.lowest},
          {"highest", supply.highest}};
}

void check_supply(const Supply& supply) {
  constexpr double kMost = 100.0;
  /// The clock falls without bound towards the threshold.
  constexpr double kAboveThreshold = 0.01;
  check_range("supply.threshold", supply.threshold, 0, kMost);
  check_range("supply.lowest", supply.lowest, supply.threshold + kAboveThreshold, kMost);
  check_range("supply.highest", supply.highest, supply.lowest, kMost);
  check_range("supply.nominal", supply.nominal, supply.lowest, supply.highest);
}

void check_supported(const char* what, const std::vector<std::int64_t>& widths, std::int64_t own) {
  for (std::size_t i = 0; i < widths.size(); ++i) {
    if (widths[i] < 1 || widths[i] > own) {
      refuse(
          fmt::format("supported_bits.{0} must be in [1, {1}], got {2}: the design is built for "
                      "the {1} bits of bits.{0}",
                      what, own, widths[i]));
    }
    if (i > 0 && widths[i] == widths[i - 1]) {
      refuse(fmt::format("supported_bits.{} names {} twice", what, widths[i]));
    }
  }
}

void check_leakage(const Accelerator& design) {
  check_range("leakage_mw_per_mm2", design.leakage_mw_per_mm2, 0, 1e6);
  const EnergyTable& table = find_energy_table(design.energy);
  if (design.leakage_mw_per_mm2 > 0.0 && table.unit != "pJ") {
    refuse(
        fmt::format("leakage_mw_per_mm2 needs an energy table in pJ, such as accelergy-eyeriss, "
                    "not {}",
                    table.name));
  }
}

bool supports(std::int64_t width, std::int64_t own, const std::vector<std::int64_t>& others) {
  return width == 0 || width == own ||
         std::find(others.begin(), others.end(), width) != others.end();
}

}  // namespace

bool supports(const Accelerator& design, const LayerBits& bits) {
  const SupportedBits& others = design.supported_bits;
  return supports(bits.input, design.bits[0], others.input) &&
         supports(bits.weight, design.bits[1], others.weight) &&
         supports(bits.output, design.bits[0], others.input);
}

void check(const Accelerator& design) {
  const Dataflow& dataflow = find_dataflow(design.dataflow);
  const double most = dataflow.is_linear ? 65536 : 4096;
  check_range("rows", design.rows, 1, most);
  check_range("columns", design.columns, 1, most);
  check_range("pes (rows x columns)", design.pes(), 1, 65536);
  check_range("lanes", design.lanes, 1, 1024);
  for (const auto words : design.register_words) {
    check_range("register_words", words, 1, 1 << 20);
  }
  for (const auto bits : design.bits) check_range("bits", bits, 1, 64);
  check_range("buffer_bytes", design.buffer_bytes, 1, 1e12);
  check_range("noc_words", design.noc_words, 1e-3, 1e9);
  check_range("noc_hop_cycles", design.noc_hop_cycles, 0, 1e6);
  check_range("offchip_bytes", design.offchip_bytes, 1e-3, 1e9);
  check_range("clock_mhz", design.clock_mhz, 1e-3, 1e6);
  check_supported("input", design.supported_bits.input, design.bits[0]);
  check_supported("weight", design.supported_bits.weight, design.bits[1]);
  check_supply(design.supply);
  check_range("voltage", design.voltage, design.supply.lowest, design.supply.highest);
  check_leakage(design);
  find_area_table(design.area);
}

void set_pes(Accelerator& design, std::int64_t pes) {
  const Dataflow& dataflow = find_dataflow(design.dataflow);
  if (dataflow.is_linear) {
    design.rows = pes;
    design.columns = 1;
    return;
  }
  if (dataflow.cluster > 0) {
    if (pes < dataflow.cluster || pes % dataflow.cluster != 0) {
      refuse(fmt::format("dataflow {} works in clusters of {} PEs: pes must be a multiple, got {}",
                         dataflow.name, dataflow.cluster, pes));
    }
    design.rows = dataflow.cluster;
    design.columns = pes / dataflow.cluster;
    return;
  }
  design.rows = static_cast<std::int64_t>(std::sqrt(static_cast<double>(pes)));
  while (pes % design.rows != 0) --design.rows;
  design.columns = pes / design.rows;
}

Accelerator read_accelerator(const json& source, const std::string& path) {
  JsonReader reader(source, path);
  Accelerator design;
  design.name = reader.optional<std::string>("name", path);
  reader.optional<std::string>("description", "");
  design.dataflow = reader.required<std::string>("dataflow");
  read_array(reader, design);
  design.lanes = reader.optional("lanes", design.lanes);
  design.register_words = read_tensors(reader, "register_words", design.register_words);
  design.buffer_bytes = reader.required<std::int64_t>("buffer_bytes");
  design.noc_words = reader.required<double>("noc_words");
  design.noc_hop_cycles = reader.optional("noc_hop_cycles", design.noc_hop_cycles);
  design.multicast = reader.optional("multicast", design.multicast);
  design.reduction = reader.optional("reduction", design.reduction);
  design.offchip_bytes = reader.required<double>("offchip_bytes");
  design.bits = read_tensors(reader, "bits", design.bits);
  design.supported_bits = read_supported_bits(reader);
  design.clock_mhz = reader.optional("clock_mhz", design.clock_mhz);
  design.supply = read_supply(reader, design.supply);
  design.voltage = reader.optional("voltage", design.supply.nominal);
  design.leakage_mw_per_mm2 = reader.optional("leakage_mw_per_mm2", design.leakage_mw_per_mm2);
  design.energy = reader.optional("energy", design.energy);
  design.area = reader.optional("area", design.area);
  reader.finish();
  check(design);
  return design;
}

json to_json(const Accelerator& design) {
  json object{{"name", design.name},
              {"dataflow", design.dataflow},
              {"rows", design.rows},
              {"columns", design.columns},
              {"lanes", design.lanes},
              {"register_words", tensors_json(design.register_words)},
              {"buffer_bytes", design.buffer_bytes},
              {"noc_words", design.noc_words},
              {"noc_hop_cycles", design.noc_hop_cycles},
              {"multicast", design.multicast},
              {"reduction", design.reduction},
              {"offchip_bytes", design.offchip_bytes},
              {"bits", tensors_json(design.bits)},
              {"clock_mhz", design.clock_mhz},
              {"energy", design.energy},
              {"area", design.area}};
  const SupportedBits& bits = design.supported_bits;
  if (bits != SupportedBits{}) {
    object["supported_bits"] = {{"input", bits.input}, {"weight", bits.weight}};
  }
  if (design.supply != Supply{}) object["supply"] = to_json(design.supply);
  if (design.voltage != design.supply.nominal) object["voltage"] = design.voltage;
  if (design.leakage_mw_per_mm2 > 0.0) object["leakage_mw_per_mm2"] = design.leakage_mw_per_mm2;
  return object;
}

Accelerator load_accelerator(const std::filesystem::path& path) {
  const json source = parse_json(read_file_or_shipped(path), path.string());
  return naming_errors(path.string(), [&] {
    Accelerator design = read_accelerator(source);
    if (!source.contains("name")) design.name = path.stem().string();
    return design;
  });
}

Area area_of(const Accelerator& design) {
  const AreaTable& table = find_area_table(design.area);
  const auto pes = static_cast<double>(design.pes());
  Area area;
  area.multipliers = pes * static_cast<double>(design.lanes) * table.lane;
  for (std::size_t t = 0; t < kTensors; ++t) {
    area.registers += pes * static_cast<double>(design.register_words[t] * design.bits[t]) *
                      table.register_bit[t];
  }
  area.buffer = 8.0 * static_cast<double>(design.buffer_bytes) * table.buffer_bit;
  area.interconnect = interconnect_area(table, pes, design.noc_words);
  return area;
}

}  // namespace hsconas
