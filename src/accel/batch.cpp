#include "hsconas/accel/batch.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <thread>
#include <vector>

#include "engine.hpp"

// The kernel is compiled once per instruction set and the loader picks the best; sanitizers and
// other compilers get the plain one. Products and sums are never fused, so all give the same bits.
#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && defined(__OPTIMIZE__) && \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define HSCONAS_CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define HSCONAS_CLONES
#endif

namespace hsconas {

namespace {

constexpr std::size_t kLanes = 8;
using Lanes = double __attribute__((vector_size(kLanes * sizeof(double))));

/// Eight designs of one dataflow and where they stand in the batch; the last ones may repeat.
struct alignas(kLanes * sizeof(double)) Octet {
  const Dataflow* dataflow = nullptr;
  engine::Design<Lanes> designs;
  std::size_t used = 0;
  std::size_t index[kLanes]{};
};

struct alignas(kLanes * sizeof(double)) LaneCost {
  Lanes cycles{};
  Lanes energy{};
};

HSCONAS_CLONES void add_cost(const engine::Extents& extents, double count, const Octet& block,
                             LaneCost& total) {
  engine::Outcome<Lanes> outcome;
  engine::evaluate(extents, *block.dataflow, block.designs, outcome);
  const Lanes none = engine::filled<Lanes>(std::numeric_limits<double>::infinity());
  const auto fits = outcome.smallest_bits <= block.designs.buffer_bits;
  total.cycles += fits ? Lanes(outcome.cycles * count) : none;
  total.energy += fits ? Lanes(outcome.energy * count) : none;
}

template <std::size_t N>
void set_lane(std::array<Lanes, N>& to, std::size_t lane, const std::array<double, N>& from) {
  for (std::size_t i = 0; i < N; ++i) to[i][lane] = from[i];
}

void set_lane(engine::Design<Lanes>& to, std::size_t lane, const engine::Design<double>& from) {
  to.rows[lane] = from.rows;
  to.columns[lane] = from.columns;
  to.lanes[lane] = from.lanes;
  set_lane(to.register_words, lane, from.register_words);
  set_lane(to.bits, lane, from.bits);
  to.buffer_bits[lane] = from.buffer_bits;
  to.noc_words[lane] = from.noc_words;
  to.hop_cycles[lane] = from.hop_cycles;
  to.offchip_bits[lane] = from.offchip_bits;
  to.multicast[lane] = from.multicast;
  to.reduction[lane] = from.reduction;
  to.mac[lane] = from.mac;
  set_lane(to.register_read, lane, from.register_read);
  set_lane(to.register_write, lane, from.register_write);
  set_lane(to.noc, lane, from.noc);
  set_lane(to.buffer_read, lane, from.buffer_read);
  set_lane(to.buffer_write, lane, from.buffer_write);
  set_lane(to.offchip, lane, from.offchip);
}

void store(const Octet& block, const LaneCost& cost, std::span<double> cycles,
           std::span<double> energy) {
  for (std::size_t lane = 0; lane < block.used; ++lane) {
    cycles[block.index[lane]] = cost.cycles[lane];
    energy[block.index[lane]] = cost.energy[lane];
  }
}

}  // namespace

struct DesignBatch::Blocks {
  std::vector<Octet> blocks;
  std::size_t size = 0;

  void run(std::size_t begin, std::size_t end, const Network& network, std::span<double> cycles,
           std::span<double> energy) const {
    for (std::size_t b = begin; b < end; ++b) {
      LaneCost total;
      for (const Layer& layer : network.layers) {
        add_cost(engine::Extents(layer), layer.count, blocks[b], total);
      }
      store(blocks[b], total, cycles, energy);
    }
  }
};

DesignBatch::DesignBatch(std::span<const Accelerator> designs)
    : blocks_(std::make_unique<Blocks>()) {
  std::map<const Dataflow*, std::vector<std::size_t>> by_dataflow;
  for (std::size_t i = 0; i < designs.size(); ++i) {
    by_dataflow[&find_dataflow(designs[i].dataflow)].push_back(i);
  }
  for (const auto& [dataflow, members] : by_dataflow) {
    for (std::size_t first = 0; first < members.size(); first += kLanes) {
      Octet& block = blocks_->blocks.emplace_back();
      block.dataflow = dataflow;
      block.used = std::min(kLanes, members.size() - first);
      for (std::size_t lane = 0; lane < kLanes; ++lane) {
        block.index[lane] = members[first + std::min(lane, block.used - 1)];
        set_lane(block.designs, lane, engine::numbers_of(designs[block.index[lane]]));
      }
    }
  }
  blocks_->size = designs.size();
}

DesignBatch::~DesignBatch() = default;
DesignBatch::DesignBatch(DesignBatch&&) noexcept = default;
DesignBatch& DesignBatch::operator=(DesignBatch&&) noexcept = default;

std::size_t DesignBatch::size() const {
  return blocks_->size;
}

void DesignBatch::cost_of(const Layer& layer, std::span<double> cycles,
                          std::span<double> energy) const {
  const engine::Extents extents(layer);
  for (const Octet& block : blocks_->blocks) {
    LaneCost cost;
    add_cost(extents, 1.0, block, cost);
    store(block, cost, cycles, energy);
  }
}

void DesignBatch::cost_of(const Network& network, std::span<double> cycles,
                          std::span<double> energy, int threads) const {
  const std::size_t count = blocks_->blocks.size();
  const std::size_t parts = std::clamp<std::size_t>(static_cast<std::size_t>(std::max(threads, 1)),
                                                    1, std::max<std::size_t>(count, 1));
  const auto part = [&](std::size_t i) {
    blocks_->run(count * i / parts, count * (i + 1) / parts, network, cycles, energy);
  };
  std::vector<std::jthread> others;
  for (std::size_t i = 1; i < parts; ++i) others.emplace_back(part, i);
  part(0);
}

}  // namespace hsconas
