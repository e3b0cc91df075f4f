#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "hsconas/space/search_space.hpp"

namespace hsconas {

/// A network of a cell as a graph of operators. Node 0 is the input of the cell, the last one its
/// output, and those in between are its edges in their order.
struct CellGraph {
  std::vector<int> kinds;  ///< Per node: an operator, input_kind() or output_kind().
  std::vector<std::pair<int, int>> links;  ///< Nodes i < j one of which uses the other's output.

  bool operator==(const CellGraph&) const = default;
};

/// The graphs of all networks of a cell, and the classes of networks that compute the same. Two
/// networks are in one class if their outputs, written as texts, are equal: the operator `nothing`,
/// and every operator after it, is a zero; the operator `identity` is left out; the terms of a sum
/// are sorted. These are the rules of NAS-Bench-201's authors, whose 15,625 networks have 6,466
/// classes. Some classes still compute the same, because the texts keep zeros in sums, and do not
/// sort the terms of a sum that an identity passes on. Source: Dong and Yang, ICLR 2020.
class CellGraphs {
 public:
  /// Throws Error(Usage) for a space that is no cell or has more than kMostNetworks.
  explicit CellGraphs(const SearchSpace& cell);
  static constexpr std::size_t kMostNetworks = 1'000'000;

  std::size_t networks() const { return class_of_.size(); }
  /// The network with this number below networks(); the first edge's operator changes fastest.
  Architecture network(std::size_t index) const;
  /// The number of a network.
  std::size_t index(const Architecture& arch) const;
  std::size_t classes() const { return firsts_.size(); }
  std::size_t class_of(std::size_t network) const { return class_of_[network]; }
  /// The first network of a class.
  std::size_t first_of(std::size_t number) const { return firsts_[number]; }
  /// The graph of a network as it is written: nodes of the operator `nothing` have no links.
  CellGraph graph(const Architecture& arch) const;

  int nodes() const { return static_cast<int>(cell_.edges.size()) + 2; }
  int kinds() const { return input_kind() + 2; }
  int input_kind() const { return static_cast<int>(cell_.operators.size()); }
  int output_kind() const { return input_kind() + 1; }

 private:
  CellDescription cell_;
  int last_node_ = 0;  ///< The output of the cell.
  std::vector<std::size_t> class_of_;
  std::vector<std::size_t> firsts_;
};

}  // namespace hsconas
