#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace hsconas {

/// The loops of a layer (see Layer); the batch n is a loop around them all.
enum class Dim : std::uint8_t { G, K, C, R, S, Y, X };
inline constexpr std::size_t kDims = 7;

enum class Tensor : std::uint8_t { Input, Weight, Output };
inline constexpr std::size_t kTensors = 3;
inline constexpr std::array<Tensor, kTensors> kAllTensors{Tensor::Input, Tensor::Weight,
                                                          Tensor::Output};
std::string_view name_of(Tensor tensor);

/// Whether another value of loop `dim` selects another element of the tensor. An input depends on
/// the output's rows and columns and on the window's.
constexpr bool depends(Tensor tensor, Dim dim) {
  switch (dim) {
    case Dim::G:
      return true;
    case Dim::K:
      return tensor != Tensor::Input;
    case Dim::C:
      return tensor != Tensor::Output;
    case Dim::R:
    case Dim::S:
      return tensor != Tensor::Output;
    case Dim::Y:
    case Dim::X:
      return tensor != Tensor::Weight;
  }
  return false;
}

/// Keeps as many values of `dim` in a PE as the register files of `limits` can hold.
struct RegisterStep {
  Dim dim = Dim::K;
  std::vector<Tensor> limits;
};

/// A dataflow as data: which loops are spread over the array, which stay in a PE, and in which
/// order the array walks the rest. One engine (cost.hpp) interprets every one of them.
struct Dataflow {
  std::string name;
  std::string meaning;  ///< One line of description.
  /// Loops spread over the rows and over the columns of the array. The first loop takes as many PEs
  /// of the axis as it has iterations, the next one divides the rest (rows / first, rounded down),
  /// and so on.
  std::vector<Dim> rows, columns;
  /// All PEs form one axis, over which `rows` are spread, as in MAESTRO's X-P and YR-P.
  bool is_linear = false;
  /// Number of rows if a design gives only its total of P PEs; it then has P / cluster columns.
  /// 0: the array is as square as P allows.
  int cluster = 0;
  /// Several groups run side by side on PEs that the spread loops leave idle, as in MAESTRO's
  /// depthwise mapping; systolic arrays cannot do that.
  bool packs_groups = true;
  std::vector<RegisterStep> registers;
  /// Loops of the array over the iterations that neither PEs nor registers cover, outermost first.
  /// A tensor is fetched anew only when a loop that it depends on advances, so the inner loops
  /// decide which tensor stays.
  std::vector<Dim> order;
  /// PEs pass inputs to their neighbours, so that overlapping windows of an array tile cost nothing
  /// (ShiDianNao, Du et al., ISCA 2015).
  bool shifts_window = false;
  /// Operands enter at the edge and move one PE a cycle: rows + columns - 2 cycles until the last
  /// PE works (SCALE-Sim, Samajdar et al., ISPASS 2020).
  bool is_systolic = false;
};

/// Every dataflow this program knows:
/// - "ws-kc": filters x channels, weights stay; NVDLA, MAESTRO's KC-P;
/// - "ws-x": output columns over all PEs, weights in every PE; MAESTRO's X-P;
/// - "os-yx": output rows x columns, outputs stay; ShiDianNao, MAESTRO's YX-P;
/// - "os-yk": output rows x filters, outputs stay; MAESTRO's YK-P;
/// - "rs-yr": window rows x output rows over all PEs; MAESTRO's YR-P;
/// - "rs": row stationary in two dimensions: window rows (and channels) on the rows of the array,
///   output rows (and filters) on its columns; Eyeriss (Chen et al., ISCA 2016);
/// - "systolic-ws", "systolic-os", "systolic-is": as in SCALE-Sim and Gemmini.
std::span<const Dataflow> all_dataflows();

/// The dataflow called `name`; throws Error(Usage) with the nearest known name.
const Dataflow& find_dataflow(std::string_view name);

}  // namespace hsconas
