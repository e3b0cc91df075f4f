#include <array>

#include "hsconas/reference/timeloop.hpp"

namespace hsconas {

TimeloopArchitecture timeloop_eyeriss_256() {
  // Timeloop's built-in model: 1 + 5 (KB - 0.5) / 99.5 for an access of 16 bits.
  const auto sram = [](double words) { return 1.0 + 5.0 * (words * 2.0 / 1024.0 - 0.5) / 99.5; };
  const auto registers = [&](const char* name, std::array<bool, kTensors> keeps, double words) {
    return TimeloopLevel{.name = name,
                         .keeps = keeps,
                         .capacity = words,
                         .read_energy = sram(words),
                         .write_energy = sram(words),
                         .read_words = 2.0,
                         .write_words = 2.0};
  };
  constexpr double kBufferWords = 64.0 * 1024.0;
  return {.levels = {{.name = "DRAM",
                      .keeps = {true, true, true},
                      .read_energy = 200.0,
                      .write_energy = 200.0},
                     {.name = "GlobalBuffer",
                      .keeps = {true, false, true},
                      .capacity = kBufferWords,
                      .read_energy = sram(kBufferWords),
                      .write_energy = sram(kBufferWords),
                      .read_words = 16.0,
                      .write_words = 16.0},
                     {.name = "DummyBuffer"},
                     registers("InputRegFile", {true, false, false}, 12.0),
                     registers("WeightRegFile", {false, true, false}, 192.0),
                     registers("PsumRegFile", {false, false, true}, 16.0)},
          .mac_energy = 1.0,
          .pes = 256,
          .charges_drains = true};
}

TimeloopArchitecture timeloop_eyeriss_like() {
  // Energies per 8-bit word: an access is to 8 words (off-chip, buffer) or 2 (inputs, weights).
  return {.levels = {{.name = "DRAM",
                      .keeps = {true, true, true},
                      .read_energy = 512.0 / 8.0,
                      .write_energy = 512.0 / 8.0},
                     {.name = "shared_glb",
                      .keeps = {true, false, true},
                      .capacity = 128.0 * 1024.0,
                      .read_energy = 18.18 / 8.0,
                      .write_energy = 14.14 / 8.0},
                     {.name = "inter_PE_column_spatial"},
                     {.name = "inter_PE_spatial"},
                     {.name = "ifmap_spad",
                      .keeps = {true, false, false},
                      .capacity = 24.0,
                      .read_energy = 0.202 / 2.0,
                      .write_energy = 0.177 / 2.0},
                     {.name = "weights_spad",
                      .keeps = {false, true, false},
                      .capacity = 384.0,
                      .read_energy = 1.977 / 2.0,
                      .write_energy = 1.882 / 2.0},
                     {.name = "psum_spad",
                      .keeps = {false, false, true},
                      .capacity = 16.0,
                      .read_energy = 0.251,
                      .write_energy = 0.219}},
          .mac_energy = 0.208,
          .pes = 168,
          .charges_drains = false};
}

}  // namespace hsconas
