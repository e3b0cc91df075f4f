#include "hsconas/space/cell.hpp"

#include <algorithm>
#include <cstddef>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "hsconas/base/json_reader.hpp"
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

/// The index of the operator `name`, which `key` names.
int operator_at(JsonReader& reader, const std::vector<std::string>& operators, const char* key,
                const std::string& name) {
  const auto found = std::find(operators.begin(), operators.end(), name);
  if (found == operators.end()) {
    reader.fail(key, "must be one of the operators" + suggestion(name, operators));
  }
  return static_cast<int>(found - operators.begin());
}

}  // namespace

bool is_cell(const nlohmann::json& json) {
  return json.is_object() && json.contains("edges");
}

CellDescription read_cell(const nlohmann::json& json, const std::string& path) {
  JsonReader reader(json, path);
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
  cell.nothing =
      operator_at(reader, cell.operators, "nothing", reader.required<std::string>("nothing"));
  const auto identity = reader.optional<std::string>("identity", "");
  if (!identity.empty()) {
    cell.identity = operator_at(reader, cell.operators, "identity", identity);
  }
  if (cell.identity == cell.nothing) {
    reader.fail("identity", "must be another operator than nothing");
  }
  reader.finish();
  return cell;
}

nlohmann::json to_json(const CellDescription& cell) {
  nlohmann::json json = {{"name", cell.name},
                         {"operators", cell.operators},
                         {"edges", cell.edges},
                         {"nothing", cell.operators[static_cast<std::size_t>(cell.nothing)]}};
  if (cell.identity >= 0) {
    json["identity"] = cell.operators[static_cast<std::size_t>(cell.identity)];
  }
  return json;
}

}  // namespace hsconas
