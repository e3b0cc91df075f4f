#pragma once

#include <cmath>
#include <filesystem>
#include <string>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "hsconas/base/files.hpp"
#include "hsconas/space/search_space.hpp"
#include "hsconas/space/subspace.hpp"
#include "support/spaces.hpp"

namespace hsconas {

/// A cell with 4 edges and 3 operators: 81 networks.
inline nlohmann::json small_cell() {
  return {{"name", "small"},
          {"operators", {"none", "skip", "conv"}},
          {"edges", {{0, 1}, {0, 2}, {1, 2}, {2, 3}}},
          {"nothing", "none"}};
}

/// Writes a CSV with all networks of small_cell(): accuracies in percent (acc, in which 2222 is the
/// best and all values differ; full, which is one higher), latencies (ms), another cost (macs), and
/// latencies of the networks without operator 0 on the first edge (some).
inline void write_known_table(const std::filesystem::path& file) {
  const SearchSpace space(read_space(small_cell()));
  std::string csv = "ops,acc,full,ms,macs,some\n";
  for (const Architecture& arch : enumerate(Subspace::full(space))) {
    double accuracy = 50.0;
    double ms = 1.0;
    double weight = 1.0;
    for (const LayerChoice& choice : arch) {
      accuracy += weight * choice.op;
      ms += 0.5 * choice.op * choice.op;
      weight *= 1.7;
    }
    csv += fmt::format("{},{},{},{},{},{}\n", space.encode(arch), accuracy, accuracy + 1.0, ms,
                       1e6 * ms, arch[0].op == 0 ? "" : fmt::format("{}", ms));
  }
  write_file(file, csv);
}

/// A config that searches that CSV.
inline nlohmann::json known_config(const std::filesystem::path& table) {
  return {
      {"name", "known"},
      {"space", small_cell()},
      {"score",
       {{"accuracies", table.string()}, {"accuracy_column", "acc"}, {"reported_column", "full"}}},
      {"search",
       {{"population", 10}, {"generations", 3}, {"parents", 4}, {"baseline_samples", 10}}}};
}

}  // namespace hsconas
