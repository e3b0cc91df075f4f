#include "hsconas/accel/dataflow.hpp"

#include <fmt/format.h>

#include "hsconas/base/error.hpp"
#include "hsconas/base/text.hpp"

namespace hsconas {

namespace {

using enum Dim;
using enum Tensor;

std::vector<Dataflow> make_all() {
  // Keeps the weights of a window, then those of further filters, whose partial sums need
  // registers too.
  const std::vector<RegisterStep> keep_weights{
      {S, {Weight, Input}}, {R, {Weight, Input}}, {K, {Weight, Output}}};
  const std::vector<RegisterStep> keep_outputs{{K, {Output}}};
  // Keeps a row of the window, for as many filters and then channels as fit.
  const std::vector<RegisterStep> keep_rows{
      {S, {Weight, Input}}, {K, {Weight, Output}}, {C, {Weight, Input}}};
  const std::vector<Dim> weights_stay{G, K, C, R, S, Y, X};
  const std::vector<Dim> outputs_stay{G, K, Y, X, C, R, S};
  const std::vector<Dim> inputs_stay{G, C, Y, X, R, S, K};
  return {
      {.name = "ws-kc",
       .meaning = "filters x channels, weights stay (NVDLA, MAESTRO KC-P)",
       .rows = {C},
       .columns = {K},
       .cluster = 64,
       .registers = keep_weights,
       .order = weights_stay},
      {.name = "ws-x",
       .meaning = "output columns over all PEs, weights stay (MAESTRO X-P)",
       .rows = {X},
       .columns = {},
       .is_linear = true,
       .registers = keep_weights,
       .order = weights_stay},
      {.name = "os-yx",
       .meaning = "output rows x columns, outputs stay (ShiDianNao, MAESTRO YX-P)",
       .rows = {X},
       .columns = {Y},
       .cluster = 8,
       .registers = keep_outputs,
       .order = outputs_stay,
       .shifts_window = true},
      {.name = "os-yk",
       .meaning = "output rows x filters, outputs stay (MAESTRO YK-P)",
       .rows = {K},
       .columns = {Y},
       .cluster = 16,
       .registers = keep_outputs,
       .order = outputs_stay},
      {.name = "rs-yr",
       .meaning = "window rows x output rows over all PEs (MAESTRO YR-P)",
       .rows = {R, Y},
       .columns = {},
       .is_linear = true,
       .registers = keep_rows,
       .order = weights_stay},
      {.name = "rs",
       .meaning = "window rows x output rows, rows stay (Eyeriss)",
       .rows = {R, C},
       .columns = {Y, K},
       .registers = keep_rows,
       .order = weights_stay},
      {.name = "systolic-ws",
       .meaning = "channels x filters in a systolic array, weights stay (Gemmini, SCALE-Sim)",
       .rows = {C, R, S},
       .columns = {K},
       .packs_groups = false,
       .registers = {},
       .order = weights_stay,
       .is_systolic = true},
      {.name = "systolic-os",
       .meaning = "pixels x filters in a systolic array, outputs stay (SCALE-Sim)",
       .rows = {X, Y},
       .columns = {K},
       .packs_groups = false,
       .registers = {},
       .order = outputs_stay,
       .is_systolic = true},
      {.name = "systolic-is",
       .meaning = "channels x pixels in a systolic array, inputs stay (SCALE-Sim)",
       .rows = {C, R, S},
       .columns = {X, Y},
       .packs_groups = false,
       .registers = {},
       .order = inputs_stay,
       .is_systolic = true},
  };
}

}  // namespace

std::string_view name_of(Tensor tensor) {
  switch (tensor) {
    case Input:
      return "input";
    case Weight:
      return "weight";
    case Output:
      return "output";
  }
  return "";
}

std::span<const Dataflow> all_dataflows() {
  static const std::vector<Dataflow> all = make_all();
  return all;
}

const Dataflow& find_dataflow(std::string_view name) {
  for (const Dataflow& dataflow : all_dataflows()) {
    if (dataflow.name == name) return dataflow;
  }
  std::vector<std::string> names;
  for (const Dataflow& dataflow : all_dataflows()) names.push_back(dataflow.name);
  throw Error(ErrorKind::Usage,
              fmt::format("unknown dataflow '{}'{}", name, suggestion(name, names)));
}

}  // namespace hsconas
