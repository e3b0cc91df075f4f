#include "hsconas/embed/cell_graph.hpp"

#include <algorithm>
#include <string>
#include <unordered_map>

#include <fmt/format.h>

#include "hsconas/base/error.hpp"

namespace hsconas {

namespace {

constexpr const char* kZero = "#";

const CellDescription& cell_of(const SearchSpace& space) {
  if (space.is_cell()) return *space.cell();
  throw Error(ErrorKind::Usage,
              fmt::format("space {} is no cell: its layers are chosen independently of each other, "
                          "so their graph holds nothing to learn; name a cell, such as "
                          "configs/cells/nas-bench-201.json",
                          space.description().name));
}

/// The number of networks of a cell. Throws Error(Usage) if there are too many to list.
std::size_t count_networks(const CellDescription& cell) {
  std::size_t count = 1;
  for (std::size_t edge = 0; edge < cell.edges.size(); ++edge) {
    count *= cell.operators.size();
    if (count > CellGraphs::kMostNetworks) {
      throw Error(ErrorKind::Usage,
                  fmt::format("cell {} has more than {} networks, which is the most that can be "
                              "embedded: name a cell with fewer edges or operators",
                              cell.name, CellGraphs::kMostNetworks));
    }
  }
  return count;
}

/// The term that an edge adds to the node it leads to; `from` is the sum at the node it starts at.
std::string term(const CellDescription& cell, int op, const std::string& from) {
  if (op == cell.nothing || from == kZero) return kZero;
  if (op == cell.identity) return from;
  return fmt::format("({}){}", from, cell.operators[static_cast<std::size_t>(op)]);
}

/// The output of a network as a text, by the rules of NAS-Bench-201's authors. A node without an
/// edge to it is a zero.
std::string expression(const CellDescription& cell, int last_node, const Architecture& arch) {
  std::vector<std::string> sums{"0"};
  for (int node = 1; node <= last_node; ++node) {
    std::vector<std::string> terms;
    for (std::size_t edge = 0; edge < arch.size(); ++edge) {
      const auto [from, to] = cell.edges[edge];
      if (to == node) {
        terms.push_back(term(cell, arch[edge].op, sums[static_cast<std::size_t>(from)]));
      }
    }
    std::sort(terms.begin(), terms.end());
    std::string& sum = sums.emplace_back();
    for (const std::string& each : terms) sum += (sum.empty() ? "" : "+") + each;
    if (sum.empty()) sum = kZero;
  }
  return sums.back();
}

}  // namespace

CellGraphs::CellGraphs(const SearchSpace& cell)
    : cell_(cell_of(cell)), class_of_(count_networks(cell_)) {
  for (const auto& [from, to] : cell_.edges) last_node_ = std::max(last_node_, to);
  std::unordered_map<std::string, std::size_t> known;
  for (std::size_t i = 0; i < class_of_.size(); ++i) {
    const auto [at, is_new] =
        known.emplace(expression(cell_, last_node_, network(i)), firsts_.size());
    if (is_new) firsts_.push_back(i);
    class_of_[i] = at->second;
  }
}

Architecture CellGraphs::network(std::size_t index) const {
  Architecture arch(cell_.edges.size());
  for (LayerChoice& choice : arch) {
    choice.op = static_cast<int>(index % cell_.operators.size());
    index /= cell_.operators.size();
  }
  return arch;
}

std::size_t CellGraphs::index(const Architecture& arch) const {
  std::size_t index = 0;
  for (std::size_t edge = arch.size(); edge-- > 0;) {
    index = index * cell_.operators.size() + static_cast<std::size_t>(arch[edge].op);
  }
  return index;
}

CellGraph CellGraphs::graph(const Architecture& arch) const {
  CellGraph graph;
  graph.kinds.push_back(input_kind());
  for (const LayerChoice choice : arch) graph.kinds.push_back(choice.op);
  graph.kinds.push_back(output_kind());
  const auto is_there = [&](std::size_t edge) { return arch[edge].op != cell_.nothing; };
  for (std::size_t edge = 0; edge < arch.size(); ++edge) {
    if (!is_there(edge)) continue;
    const int node = static_cast<int>(edge) + 1;
    const auto [from, to] = cell_.edges[edge];
    if (from == 0) graph.links.emplace_back(0, node);
    if (to == last_node_) graph.links.emplace_back(node, nodes() - 1);
    for (std::size_t other = 0; other < arch.size(); ++other) {
      if (!is_there(other) || cell_.edges[other].first != to) continue;
      const int user = static_cast<int>(other) + 1;
      graph.links.emplace_back(std::min(node, user), std::max(node, user));
    }
  }
  std::sort(graph.links.begin(), graph.links.end());
  return graph;
}

}  // namespace hsconas
