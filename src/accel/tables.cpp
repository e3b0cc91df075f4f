#include "hsconas/accel/tables.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "hsconas/base/error.hpp"
#include "hsconas/base/text.hpp"

namespace hsconas {

namespace {

std::vector<EnergyTable> make_energy_tables() {
  return {
      {.name = "eyeriss",
       .source = "Eyeriss, ISCA 2016, 65 nm, relative to a 16-bit multiply-add",
       .unit = "mac",
       .word_bits = 16.0,
       .mac = 1.0,
       .register_read = {1.0, 1.0, 1.0},
       .register_write = {1.0, 1.0, 1.0},
       .noc = 2.0,
       .buffer_read = 6.0,
       .buffer_write = 6.0,
       .offchip = 200.0},
      {.name = "timeloop-pat",
       .source = "Timeloop v2 built-in model, relative to a 16-bit multiply-add",
       .unit = "mac",
       .word_bits = 16.0,
       .mac = 1.0,
       .register_read = {1.0, 1.0, 1.0},
       .register_write = {1.0, 1.0, 1.0},
       .buffer_read = 1.0,
       .buffer_write = 1.0,
       .buffer_per_kib = 5.0 / 99.5,
       .offchip = 200.0},
      // The published energies are for accesses to 16 bits of inputs or partial sums, 2 weights, or
      // 8 words of buffer or off-chip memory.
      {.name = "accelergy-eyeriss",
       .source = "Accelergy's reference table of its eyeriss_like example, 168 PEs, 8-bit words",
       .unit = "pJ",
       .word_bits = 8.0,
       .mac = 0.208,
       .register_read = {0.202 / 2.0, 1.977 / 2.0, 0.251 / 2.0},
       .register_write = {0.177 / 2.0, 1.882 / 2.0, 0.219 / 2.0},
       .buffer_read = 18.18 / 8.0,
       .buffer_write = 14.14 / 8.0,
       .offchip = 512.0 / 8.0},
      {.name = "maestro",
       .source = "MAESTRO, multiples of its multiply-add of 0.00023 nJ; no off-chip, no NoC term",
       .unit = "pJ",
       .word_bits = 8.0,
       .mac = 0.23,
       .register_read = {1.68 * 0.23, 1.68 * 0.23, 1.68 * 0.23},
       .register_write = {1.68 * 0.23, 1.68 * 0.23, 1.68 * 0.23},
       .buffer_read = 18.61 * 0.23,
       .buffer_write = 18.61 * 0.23},
  };
}

std::vector<AreaTable> make_area_tables() {
  constexpr double kMaestroBit = 0.104 / 8.0;
  return {
      {.name = "maestro",
       .source = "MAESTRO, 28 nm",
       .lane = 283.0,
       .register_bit = {kMaestroBit, kMaestroBit, kMaestroBit},
       .buffer_bit = kMaestroBit,
       .bus_word = 101.7938,
       .arbiter_scale = 395.473},
      // The published areas are for registers of 12 x 16, 192 x 16 and 16 x 16 bits and a buffer of
      // 128 KiB.
      {.name = "accelergy-eyeriss",
       .source = "Accelergy's reference areas of its eyeriss_like example, 168 PEs",
       .lane = 192.0,
       .register_bit = {70.0 / (12 * 16), 5816.0 / (192 * 16), 124.0 / (16 * 16)},
       .buffer_bit = 217363.0 / (128.0 * 1024.0 * 8.0)},
  };
}

template <typename Table>
const Table& find_in(std::span<const Table> tables, std::string_view name, const char* what) {
  std::vector<std::string> names;
  for (const Table& table : tables) {
    if (table.name == name) return table;
    names.push_back(table.name);
  }
  throw Error(ErrorKind::Usage,
              fmt::format("unknown {} table '{}'{}", what, name, suggestion(name, names)));
}

}  // namespace

std::span<const EnergyTable> energy_tables() {
  static const std::vector<EnergyTable> all = make_energy_tables();
  return all;
}

const EnergyTable& find_energy_table(std::string_view name) {
  return find_in(energy_tables(), name, "energy");
}

std::span<const AreaTable> area_tables() {
  static const std::vector<AreaTable> all = make_area_tables();
  return all;
}

const AreaTable& find_area_table(std::string_view name) {
  return find_in(area_tables(), name, "area");
}

double interconnect_area(const AreaTable& table, double pes, double words) {
  const double bus = table.bus_word * (14.662 * pes + 28.895) * words;
  const double arbiter =
      table.arbiter_scale * std::max(1.2886 * pes * pes + 5.5814 * pes - 23.711, 1.0);
  return bus + arbiter;
}

}  // namespace hsconas
