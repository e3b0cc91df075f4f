#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "hsconas/space/architecture.hpp"
#include "hsconas/space/block.hpp"
#include "hsconas/space/cell.hpp"
#include "hsconas/space/operators.hpp"

namespace hsconas {

/// The content of a space file (configs/spaces/*.json): fixed skeleton and choices per layer. A
/// file of configs/cells describes a cell instead.
struct SpaceDescription {
  struct Stem {
    int channels = 16;
    int kernel = 3;
    int stride = 2;
  };
  struct Stage {
    int layers = 1;
    int channels = 0;  ///< Output channels of every layer of the stage.
    int stride = 2;    ///< Stride of the stage's first layer; the others have stride 1.
  };
  struct Head {
    int channels = 1024;
    bool bias = false;
    double dropout = 0.0;  ///< Dropout rate before the classifier, in training only.
  };

  std::string name;
  int image_size = 224;  ///< Pixels a side.
  int image_channels = 3;
  int classes = 1000;
  Stem stem;
  std::vector<Stage> stages;
  Head head;
  std::vector<std::string> operators;
  std::vector<double> widths;  ///< Factors on the inner channels, ascending; 1 is full width.
  int channel_divisor = 1;     ///< Inner channels are rounded to a multiple of this.
  /// If set, the space is a cell: `name` and `operators` are the cell's, `widths` is {1}, and the
  /// other members mean nothing.
  std::optional<CellDescription> cell{};

  /// Layers of a network or, in a cell, edges.
  int layers() const;
};

/// Reads a space, or a cell, strictly; errors carry paths below `path`. Throws Error(Usage).
SpaceDescription read_space(const nlohmann::json& json, const std::string& path = "space");
nlohmann::json to_json(const SpaceDescription& space);

/// The set of all architectures: for every layer the same operators and widths to choose from.
/// Immutable; the constructor checks every width and shape.
///
/// A cell is a space, too: an edge is a layer, and there is one width. The program knows neither
/// the skeleton around the cell nor what its operators compute, so its networks can be told apart,
/// searched and looked up in tables, but not built: the functions that return blocks or costs throw
/// Error(Usage).
class SearchSpace {
 public:
  /// Throws Error(Usage) that names the layer and operator that cannot be built, an operator named
  /// twice (two choices would be one network), or a grouped operator beside widths other than 1.
  explicit SearchSpace(SpaceDescription description);
  explicit SearchSpace(CellDescription cell);

  const SpaceDescription& description() const { return description_; }
  bool is_cell() const { return description_.cell.has_value(); }
  /// Null unless the space is a cell.
  const CellDescription* cell() const { return is_cell() ? &*description_.cell : nullptr; }
  int layers() const { return layers_; }
  int ops() const { return static_cast<int>(operators_.size()); }
  int widths() const { return static_cast<int>(description_.widths.size()); }

  const Operator& op(int index) const { return *operators_[static_cast<std::size_t>(index)]; }
  const LayerShape& shape(int layer) const { return shapes_[static_cast<std::size_t>(layer)]; }

  /// Inner channels of a choice: the full width times the factor, rounded down as SPOS does, then
  /// to the nearest multiple of channel_divisor (at least one multiple, at most the inner channels
  /// of the widest factor before that rounding); 0 without inner width.
  int mid_channels(int layer, LayerChoice choice) const;

  Block block(int layer, LayerChoice choice) const;
  /// block() at the widest factor of the space; the shared weights have this shape.
  Block widest_block(int layer, int op) const;
  Block stem() const;
  Block head() const;

  /// Stem, one block per layer, head. Throws as check() does.
  std::vector<Block> network(const Architecture& arch) const;
  Cost cost(const Architecture& arch) const;

  /// Every layer has operator `op`, at `width` or, by default, at the widest width.
  Architecture uniform(int op, int width = -1) const;

  /// The unique form of a network: where several widths give the same inner channels (a skip has
  /// none; rounding merges neighbours), it takes the widest of them. Two architectures compute the
  /// same function of the same weights exactly when their canonical forms are equal.
  Architecture canonical(Architecture arch) const;

  /// Throws Error(Usage) unless `arch` has the right length and its indices are in range.
  void check(const Architecture& arch) const;

  /// "2:9-0:5-4:9", operator index and width index per layer; "22212202" in spaces with one
  /// width and at most ten operators. No character is special to a shell.
  std::string encode(const Architecture& arch) const;
  /// Inverse of encode(). Throws Error(Usage) that quotes the text and says what is wrong.
  Architecture decode(std::string_view text) const;
  /// A readable form: "shuffle_k7 x1, shuffle_k3 x0.6, skip".
  std::string describe(const Architecture& arch) const;

 private:
  bool short_codes() const { return widths() == 1 && ops() <= 10; }
  void take_cell_operators();
  void take_operators();
  void take_shapes();
  void check_blocks() const;
  /// Throws Error(Usage) for a cell.
  void require_blocks() const;
  [[noreturn]] void refuse_code(std::string_view text) const;

  SpaceDescription description_;
  int layers_ = 0;
  /// Names for the operators of a cell.
  std::shared_ptr<const std::vector<Operator>> cell_operators_;
  std::vector<const Operator*> operators_;
  std::vector<LayerShape> shapes_;
};

}  // namespace hsconas
