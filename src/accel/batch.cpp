#include "hsconas/accel/batch.hpp"

#include <algorithm>
#include <cstdint>
#include <map>
#include <thread>
#include <vector>

#include "numbers.hpp"
#include "octet.hpp"

namespace hsconas {

namespace {

OctetKernel best_kernel() {
#if defined(__GNUC__) && defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f")) return add_cost_avx512;
  if (__builtin_cpu_supports("avx2")) return add_cost_avx2;
#endif
  return add_cost_plain;
}

static_assert(sizeof(engine::Design<double>) == Octet::kNumbers * sizeof(double));

void set_numbers(Octet& octet, std::size_t lane, engine::Design<double> numbers) {
  std::size_t i = 0;
  engine::each_number(numbers, [&](double number) { octet.numbers[i++][lane] = number; });
}

engine::Design<double> numbers_in(const Octet& octet, std::size_t lane) {
  engine::Design<double> numbers;
  std::size_t i = 0;
  engine::each_number(numbers, [&](double& number) { number = octet.numbers[i++][lane]; });
  return numbers;
}

/// Bit w - 1 is set for every width of w bits that is the design's own or among the others.
std::uint64_t mask_of(std::int64_t own, const std::vector<std::int64_t>& others) {
  std::uint64_t mask = std::uint64_t{1} << (own - 1);
  for (const std::int64_t width : others) mask |= std::uint64_t{1} << (width - 1);
  return mask;
}

void set_design(Octet& octet, std::size_t lane, const Accelerator& design) {
  set_numbers(octet, lane, numbers_of(design));
  octet.input_widths[lane] = mask_of(design.bits[0], design.supported_bits.input);
  octet.weight_widths[lane] = mask_of(design.bits[1], design.supported_bits.weight);
}

bool supports(const Octet& octet, std::size_t lane, const LayerBits& bits) {
  const auto holds = [](std::uint64_t mask, std::int64_t width) {
    return width == 0 || (width >= 1 && width <= 64 && (mask >> (width - 1) & 1U) != 0);
  };
  return holds(octet.input_widths[lane], bits.input) &&
         holds(octet.weight_widths[lane], bits.weight) &&
         holds(octet.input_widths[lane], bits.output);
}

/// The designs with the word widths of a layer. In a design that does not support them, nothing
/// fits the buffer.
Octet with_bits(const Octet& octet, const LayerBits& bits) {
  Octet changed = octet;
  for (std::size_t lane = 0; lane < Octet::kDesigns; ++lane) {
    engine::Design<double> numbers = numbers_in(octet, lane);
    engine::set_bits(numbers, bits);
    if (!supports(octet, lane, bits)) numbers.buffer_bits = 0.0;
    set_numbers(changed, lane, numbers);
  }
  return changed;
}

void store(const Octet& octet, const OctetCost& cost, std::span<double> cycles,
           std::span<double> energy) {
  for (std::size_t lane = 0; lane < octet.used; ++lane) {
    cycles[octet.index[lane]] = cost.cycles[lane];
    energy[octet.index[lane]] = cost.energy[lane];
  }
}

}  // namespace

struct DesignBatch::Blocks {
  std::vector<Octet> octets;
  std::size_t size = 0;
  OctetKernel kernel = best_kernel();

  void add(const Layer& layer, double count, const Octet& octet, OctetCost& total) const {
    const Extents extents(layer);
    if (layer.bits.any()) {
      kernel(extents, count, with_bits(octet, layer.bits), total);
    } else {
      kernel(extents, count, octet, total);
    }
  }

  void run(std::size_t begin, std::size_t end, const Network& network, std::span<double> cycles,
           std::span<double> energy) const {
    for (std::size_t i = begin; i < end; ++i) {
      OctetCost total;
      for (const Layer& layer : network.layers) {
        add(layer, layer.count, octets[i], total);
      }
      store(octets[i], total, cycles, energy);
    }
  }
};

DesignBatch::DesignBatch(std::span<const Accelerator> designs)
    : blocks_(std::make_unique<Blocks>()) {
  std::map<std::string_view, std::vector<std::size_t>> by_dataflow;
  for (std::size_t i = 0; i < designs.size(); ++i) {
    by_dataflow[designs[i].dataflow].push_back(i);
  }
  for (const auto& [dataflow, members] : by_dataflow) {
    for (std::size_t first = 0; first < members.size(); first += Octet::kDesigns) {
      Octet& octet = blocks_->octets.emplace_back();
      octet.dataflow = &find_dataflow(dataflow);
      octet.used = std::min(Octet::kDesigns, members.size() - first);
      for (std::size_t lane = 0; lane < Octet::kDesigns; ++lane) {
        octet.index[lane] = members[first + std::min(lane, octet.used - 1)];
        set_design(octet, lane, designs[octet.index[lane]]);
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
  for (const Octet& octet : blocks_->octets) {
    OctetCost cost;
    blocks_->add(layer, 1.0, octet, cost);
    store(octet, cost, cycles, energy);
  }
}

void DesignBatch::cost_of(const Network& network, std::span<double> cycles,
                          std::span<double> energy, int threads) const {
  const std::size_t count = blocks_->octets.size();
  const auto parts =
      std::min(static_cast<std::size_t>(std::max(threads, 1)), std::max<std::size_t>(count, 1));
  const auto part = [&](std::size_t i) {
    blocks_->run(count * i / parts, count * (i + 1) / parts, network, cycles, energy);
  };
  std::vector<std::jthread> others;
  for (std::size_t i = 1; i < parts; ++i) others.emplace_back(part, i);
  part(0);
}

}  // namespace hsconas
