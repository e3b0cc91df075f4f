#pragma once

#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace hsconas {

/// A cell: a directed acyclic graph with an operator on every edge. Node 0 is the input, the last
/// node the output. Its file (configs/cells) has the keys name, operators, edges as [from, to],
/// nothing, the operator that stands for a missing edge, and, if there is one, identity, the
/// operator that passes on its input as it is.
struct CellDescription {
  std::string name;
  std::vector<std::string> operators;
  std::vector<std::pair<int, int>> edges;
  int nothing = 0;    ///< Index into `operators`.
  int identity = -1;  ///< Likewise; -1: there is none.
};

/// Whether a space file describes a cell: it has the key `edges`.
bool is_cell(const nlohmann::json& json);

/// Reads a cell strictly; errors carry paths below `path`. Throws Error(Usage).
CellDescription read_cell(const nlohmann::json& json, const std::string& path = {});
nlohmann::json to_json(const CellDescription& cell);

}  // namespace hsconas
