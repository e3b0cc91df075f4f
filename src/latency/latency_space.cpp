#include "hsconas/latency/latency_space.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "hsconas/base/error.hpp"
#include "hsconas/base/shipped_files.hpp"

namespace hsconas {

std::string to_string(DeadOperators dead) {
  switch (dead) {
    case DeadOperators::Cost:
      return "cost";
    case DeadOperators::UnreadFree:
      return "unread free";
    case DeadOperators::Free:
      return "free";
  }
  return {};
}

DeadOperators read_dead_operators(const std::string& word) {
  for (const auto dead : {DeadOperators::Cost, DeadOperators::UnreadFree, DeadOperators::Free}) {
    if (word == to_string(dead)) return dead;
  }
  throw Error(ErrorKind::Data,
              fmt::format("dead_operators must be cost, unread free or free, got '{}'", word));
}

LatencySpace::LatencySpace(const SearchSpace& space)
    : name_(space.description().name),
      positions_(space.layers()),
      widths_(space.widths()),
      space_(std::make_shared<const SearchSpace>(space)) {
  for (int op = 0; op < space.ops(); ++op) op_names_.push_back(space.op(op).name);
  if (is_cell()) {
    add_edge_terms();
  } else {
    add_layer_terms();
  }
}

LatencySpace::LatencySpace(CellDescription cell) : LatencySpace(SearchSpace(std::move(cell))) {}

const SearchSpace& LatencySpace::space_of_layers() const {
  space_->stem();  // Throws for a cell, with the remedy.
  return *space_;
}

void LatencySpace::add_layer_terms() {
  for (int layer = 0; layer < positions_; ++layer) {
    const LayerShape& shape = space_->shape(layer);
    const std::string shape_key = fmt::format("i{}_o{}_r{}_s{}", shape.in_channels,
                                              shape.out_channels, shape.in_size, shape.stride);
    for (int op = 0; op < ops(); ++op) {
      for (int width = 0; width < widths_; ++width) {
        const Block block = space_->block(layer, {op, width});
        const bool has_width = widths_ > 1 && space_->op(op).has_mid();
        terms_.push_back({.position_key = fmt::format("{}/{}{}", layer, op_name(op),
                                                      has_width ? fmt::format(":{}", width) : ""),
                          .block_key = block.key(),
                          .shape_key = shape_key,
                          .is_free = block.is_identity(),
                          .work = work_of(block)});
      }
    }
  }
  fixed_blocks_ = {space_->stem().key(), space_->head().key()};
}

void LatencySpace::add_edge_terms() {
  for (int position = 0; position < positions_; ++position) {
    for (int op = 0; op < ops(); ++op) {
      terms_.push_back({.position_key = fmt::format("{}/{}", position, op_name(op)),
                        .block_key = {},
                        .shape_key = {},
                        .is_free = op == space_->cell()->nothing,
                        .work = {}});
    }
  }
}

Architecture random_architecture(const LatencySpace& space, Rng& rng) {
  Architecture arch;
  for (int position = 0; position < space.positions(); ++position) {
    const auto op = static_cast<int>(rng.index(static_cast<std::size_t>(space.ops())));
    const auto width = static_cast<int>(rng.index(static_cast<std::size_t>(space.widths())));
    arch.push_back({op, width});
  }
  return arch;
}

Architecture LatencySpace::canonical(Architecture arch, DeadOperators dead) const {
  arch = space_->canonical(std::move(arch));
  return is_cell() && dead != DeadOperators::Cost ? without_dead(std::move(arch), dead) : arch;
}

Architecture LatencySpace::without_dead(Architecture arch, DeadOperators dead) const {
  const CellDescription& cell = *space_->cell();
  int last = 0;
  for (const auto& [from, to] : cell.edges) last = std::max(last, to);
  const auto nodes = static_cast<std::size_t>(last) + 1;
  std::vector<bool> fed(nodes);   // A path leads from the input to the node.
  std::vector<bool> used(nodes);  // A path leads from the node to the output.
  fed.front() = true;
  used.back() = true;
  // Edges lead forward, so one sweep by node suffices whatever order they are listed in.
  const auto spread = [&](std::size_t node, bool forward) {
    for (std::size_t i = 0; i < arch.size(); ++i) {
      if (arch[i].op == cell.nothing) continue;
      const auto from = static_cast<std::size_t>(cell.edges[i].first);
      const auto to = static_cast<std::size_t>(cell.edges[i].second);
      if (forward && from == node && fed[from]) fed[to] = true;
      if (!forward && to == node && used[to]) used[from] = true;
    }
  };
  for (std::size_t node = 0; node < nodes; ++node) spread(node, true);
  for (std::size_t node = nodes; node-- > 0;) spread(node, false);
  for (std::size_t i = 0; i < arch.size(); ++i) {
    const auto& [from, to] = cell.edges[i];
    const bool is_fed = dead == DeadOperators::UnreadFree || fed[static_cast<std::size_t>(from)];
    if (!is_fed || !used[static_cast<std::size_t>(to)]) arch[i].op = cell.nothing;
  }
  return arch;
}

std::map<std::string, double> work_of(const Block& block) {
  std::map<std::string, double> work;
  for (const Block::Path& path : block.paths) {
    for (const Primitive& p : path.primitives) {
      if (!p.has_weight() && p.kind != PrimitiveKind::AvgPool) continue;
      const double pixels_in = 1e-6 * p.in_size * p.in_size;
      const double pixels_out = 1e-6 * p.out_size * p.out_size;
      work["calls"] += 1.0;
      work["activations"] += p.in_channels * pixels_in + p.out_channels * pixels_out;
      if (!p.has_weight()) continue;
      const auto weights = static_cast<double>(p.weight_count());
      work["weights"] += 1e-6 * weights;
      const bool is_depthwise = p.groups > 1 && p.groups == p.in_channels;
      work[is_depthwise ? fmt::format("depthwise {}", p.kernel) : "dense"] += weights * pixels_out;
    }
  }
  return work;
}

LatencySpace load_latency_space(const std::filesystem::path& name) {
  const std::filesystem::path path = file_or_shipped(name, Shipped::Space);
  const nlohmann::json json = read_json_or_shipped(path);
  return naming_errors(path.string(), [&] {
    return LatencySpace(SearchSpace(is_cell(json) ? read_space(json, "") : read_space(json)));
  });
}

}  // namespace hsconas
