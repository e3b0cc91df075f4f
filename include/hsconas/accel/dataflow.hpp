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

/// True when the tensor has another element for another value of the loop. An input depends on the
/// output's rows and columns and on the window's.
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
  std::string meaning;  ///< One line, for people.
  /// Loops spread over the rows and over the columns of the array: the first takes what it can,
  /// the next what is left over (rows / first, rounded down), and so on.
  std::vector<Dim> rows, columns;
  /// One axis of all PEs, spread by `rows`; MAESTRO's X-P and YR-P know no second one.
  bool is_linear = false;
  /// PEs of a row axis when a design gives only their total P: P / cluster columns. 0: none, the
  /// array is as square as P allows.
  int cluster = 0;
  /// Where a layer has fewer channels per group than the array has rows or columns, several groups
  /// run side by side (MAESTRO's depthwise mapping); systolic arrays cannot.
  bool packs_groups = true;
  std::vector<RegisterStep> registers;
  /// Loops of the array over what neither PEs nor registers cover, outermost first. A tensor is
  /// fetched anew only when a loop it depends on has moved, so the inner loops name what stays.
  std::vector<Dim> order;
  /// PEs pass inputs to their neighbours, so that the windows of an array tile overlap for free
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
/// - "systolic-ws", "systolic-os", "systolic-is": as SCALE-Sim and Gemmini.
std::span<const Dataflow> all_dataflows();

/// The dataflow called `name`; throws Error(Usage) with the nearest known name.
const Dataflow& find_dataflow(std::string_view name);

}  // namespace hsconas
