#include "hsconas/latency/latency_space.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "hsconas/base/error.hpp"
#include "hsconas/base/json_reader.hpp"
#include "hsconas/base/shipped_files.hpp"
#include "hsconas/base/text.hpp"

namespace hsconas {

namespace {

constexpr int kMaxNodes = 64;
constexpr std::size_t kMaxOperators = 10;  // An architecture is written with one digit per edge.

std::vector<std::pair<int, int>> read_edges(JsonReader& reader) {
  const auto edges = reader.required<std::vector<std::vector<int>>>("edges");
  std::vector<std::pair<int, int>> result;
  for (const auto& edge : edges) {
    if (edge.size() != 2 || edge[0] < 0 || edge[1] <= edge[0] || edge[1] >= kMaxNodes) {
      reader.fail("edges",
                  fmt::format("must hold pairs [from, to] with 0 <= from < to < {}", kMaxNodes));
    }
    result.emplace_back(edge[0], edge[1]);
  }
  if (result.empty()) reader.fail("edges", "must hold at least one edge");
  return result;
}

CellDescription read_cell(const nlohmann::json& json) {
  JsonReader reader(json);
  CellDescription cell;
  cell.name = reader.required<std::string>("name");
  reader.optional<std::string>("description", "");
  cell.operators = reader.required<std::vector<std::string>>("operators");
  if (cell.operators.size() < 2 || cell.operators.size() > kMaxOperators) {
    reader.fail("operators", fmt::format("must name 2 to {} operators", kMaxOperators));
  }
  for (std::size_t i = 0; i < cell.operators.size(); ++i) {
    const auto end = cell.operators.begin() + static_cast<std::ptrdiff_t>(i);
    if (std::find(cell.operators.begin(), end, *end) != end) {
      reader.fail("operators", fmt::format("must be different, got '{}' twice", *end));
    }
  }
  cell.edges = read_edges(reader);
  const auto nothing = reader.required<std::string>("nothing");
  const auto found = std::find(cell.operators.begin(), cell.operators.end(), nothing);
  if (found == cell.operators.end()) {
    reader.fail("nothing", "must be one of the operators" + suggestion(nothing, cell.operators));
  }
  cell.nothing = static_cast<int>(found - cell.operators.begin());
  reader.finish();
  return cell;
}

}  // namespace

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
  for (int layer = 0; layer < positions_; ++layer) {
    const LayerShape& shape = space.shape(layer);
    const std::string shape_key = fmt::format("i{}_o{}_r{}_s{}", shape.in_channels,
                                              shape.out_channels, shape.in_size, shape.stride);
    for (int op = 0; op < space.ops(); ++op) {
      for (int width = 0; width < widths_; ++width) {
        const Block block = space.block(layer, {op, width});
        const bool has_width = widths_ > 1 && space.op(op).has_mid();
        terms_.push_back(
            {.position_key = fmt::format("{}/{}{}", layer, op_names_[static_cast<std::size_t>(op)],
                                         has_width ? fmt::format(":{}", width) : ""),
             .block_key = block.key(),
             .shape_key = shape_key,
             .is_free = block.is_identity(),
             .work = work_of(block)});
      }
    }
  }
  fixed_blocks_ = {space.stem().key(), space.head().key()};
}

LatencySpace::LatencySpace(CellDescription cell)
    : name_(cell.name),
      positions_(static_cast<int>(cell.edges.size())),
      op_names_(cell.operators),
      cell_(std::move(cell)) {
  for (int position = 0; position < positions_; ++position) {
    for (int op = 0; op < ops(); ++op) {
      terms_.push_back({.position_key = fmt::format("{}/{}", position, op_name(op)),
                        .block_key = {},
                        .shape_key = {},
                        .is_free = op == cell_.nothing,
                        .work = {}});
    }
  }
}

std::string LatencySpace::encode(const Architecture& arch) const {
  if (space_) return space_->encode(arch);
  std::string text;
  for (const LayerChoice& choice : arch) text += static_cast<char>('0' + choice.op);
  return text;
}

Architecture LatencySpace::decode(std::string_view text) const {
  if (space_) return space_->decode(text);
  Architecture arch;
  for (const char digit : text) arch.push_back({digit - '0', 0});
  const auto is_choice = [this](LayerChoice choice) { return choice.op >= 0 && choice.op < ops(); };
  if (static_cast<int>(arch.size()) != positions_ ||
      !std::all_of(arch.begin(), arch.end(), is_choice)) {
    throw Error(ErrorKind::Usage,
                fmt::format("architecture '{}' is not the {} digits from 0 to {} of cell {}", text,
                            positions_, ops() - 1, name_));
  }
  return arch;
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
  if (space_) return space_->canonical(std::move(arch));
  return dead == DeadOperators::Cost ? arch : without_dead(std::move(arch), dead);
}

Architecture LatencySpace::without_dead(Architecture arch, DeadOperators dead) const {
  int last = 0;
  for (const auto& [from, to] : cell_.edges) last = std::max(last, to);
  const auto nodes = static_cast<std::size_t>(last) + 1;
  std::vector<bool> fed(nodes);   // A path leads from the input to the node.
  std::vector<bool> used(nodes);  // A path leads from the node to the output.
  fed.front() = true;
  used.back() = true;
  // Edges lead forward, so one sweep by node suffices whatever order they are listed in.
  const auto spread = [&](std::size_t node, bool forward) {
    for (std::size_t i = 0; i < arch.size(); ++i) {
      if (arch[i].op == cell_.nothing) continue;
      const auto from = static_cast<std::size_t>(cell_.edges[i].first);
      const auto to = static_cast<std::size_t>(cell_.edges[i].second);
      if (forward && from == node && fed[from]) fed[to] = true;
      if (!forward && to == node && used[to]) used[from] = true;
    }
  };
  for (std::size_t node = 0; node < nodes; ++node) spread(node, true);
  for (std::size_t node = nodes; node-- > 0;) spread(node, false);
  for (std::size_t i = 0; i < arch.size(); ++i) {
    const auto& [from, to] = cell_.edges[i];
    const bool is_fed = dead == DeadOperators::UnreadFree || fed[static_cast<std::size_t>(from)];
    if (!is_fed || !used[static_cast<std::size_t>(to)]) arch[i].op = cell_.nothing;
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

LatencySpace load_latency_space(const std::filesystem::path& path) {
  const nlohmann::json json = read_json_or_shipped(path);
  try {
    if (json.is_object() && json.contains("edges")) return LatencySpace(read_cell(json));
    return LatencySpace(SearchSpace(read_space(json)));
  } catch (const Error& error) {
    throw Error(error.kind(), path.string() + ": " + error.what());
  }
}

}  // namespace hsconas
