#pragma once

// Blocks and whole networks of a device that FakeTimer stands for, and CSV files of them.
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "hsconas/base/text.hpp"
#include "hsconas/latency/import.hpp"
#include "hsconas/latency/measure.hpp"
#include "support/fake_timer.hpp"
#include "support/spaces.hpp"

namespace hsconas {

inline const DeviceInfo kDevice{.device = "phone", .precision = "int8", .versions = "unknown"};

inline CsvTable parse(std::string_view text) {
  return CsvTable::parse(text, "m.csv");
}

/// A CSV of all blocks of `space` as FakeTimer times them.
inline std::string blocks_csv(const SearchSpace& space) {
  std::string text = "key,ms\n";
  for (const Block& block : distinct_blocks(space)) {
    text += block.key() + "," + format_exact(FakeTimer::block_ms(block)) + "\n";
  }
  return text;
}

/// Time of a whole network by FakeTimer, but operator 0 takes `factor` times as long as alone.
inline double network_ms(const SearchSpace& space, const Architecture& arch, double factor) {
  double ms = 0.25;
  for (const Block& block : space.network(arch)) {
    ms += FakeTimer::block_ms(block) * (block.name == space.op(0).name ? factor : 1.0);
  }
  return ms;
}

/// `count` different networks of `space` with the times of network_ms().
inline std::vector<Measurement> measured(const SearchSpace& space, std::size_t count, double factor,
                                         std::uint64_t seed = 1) {
  Rng rng(seed, "import-test");
  std::set<Architecture> taken;
  std::vector<Measurement> networks;
  while (networks.size() < count) {
    const Architecture arch = space.canonical(sample(Subspace::full(space), rng));
    if (taken.insert(arch).second) networks.push_back({arch, network_ms(space, arch, factor)});
  }
  return networks;
}

inline LatencyTable read_back(const LatencyTable& table) {
  return read_table(nlohmann::json::parse(to_json(table).dump()), "table.json");
}

}  // namespace hsconas
