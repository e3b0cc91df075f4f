#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "hsconas/base/rng.hpp"
#include "hsconas/space/search_space.hpp"

namespace hsconas {

/// Whether a device spends time on dead operators: those of a cell that cannot affect its output.
enum class DeadOperators {
  Cost,        ///< All operators run.
  UnreadFree,  ///< Operators from which no path leads to the output do not run.
  Free         ///< Operators that no path from the input reaches do not run either.
};
/// "cost", "unread free", "free"; reading throws Error(Data) that quotes another word.
std::string to_string(DeadOperators dead);
DeadOperators read_dead_operators(const std::string& word);

/// A space as an additive latency model sees it: the same choices at every position, and every
/// choice a term of the sum. A position is a layer or, in a cell, an edge, so that measurements of
/// published cell spaces can be fitted as well.
class LatencySpace {
 public:
  explicit LatencySpace(const SearchSpace& space);
  explicit LatencySpace(CellDescription cell);

  /// One choice at one position.
  struct Term {
    std::string position_key;  ///< "12/mbconv_e3_k3", with ":width" where widths differ.
    std::string block_key;     ///< Block::key(); empty for a cell.
    std::string shape_key;     ///< Equal for layers of one shape; empty for a cell.
    bool is_free = false;      ///< An identity, or `nothing` in a cell: costs 0 by construction.
    std::map<std::string, double> work;  ///< See work_of(); empty for a cell.
  };

  const std::string& name() const { return name_; }
  int positions() const { return positions_; }
  int ops() const { return static_cast<int>(op_names_.size()); }
  int widths() const { return widths_; }
  const std::string& op_name(int op) const { return op_names_[static_cast<std::size_t>(op)]; }
  bool is_cell() const { return space_->is_cell(); }
  /// The search space that this was made from; null for a cell.
  const SearchSpace* search_space() const { return is_cell() ? nullptr : space_.get(); }

  /// The search space, for code that builds its blocks; throws Error(Usage) for a cell.
  const SearchSpace& space_of_layers() const;

  std::size_t terms() const { return terms_.size(); }
  /// Row-major index [position][op][width] into vectors with one value per term.
  std::size_t index(int position, LayerChoice choice) const {
    return (static_cast<std::size_t>(position) * op_names_.size() +
            static_cast<std::size_t>(choice.op)) *
               static_cast<std::size_t>(widths_) +
           static_cast<std::size_t>(choice.width);
  }
  const Term& term(std::size_t index) const { return terms_[index]; }
  /// Operator of the term at `index`.
  int op_of(std::size_t index) const {
    return static_cast<int>(index / static_cast<std::size_t>(widths_) % op_names_.size());
  }
  /// Keys of the blocks that every network has: stem and head; none for a cell.
  const std::vector<std::string>& fixed_blocks() const { return fixed_blocks_; }

  /// Those of SearchSpace.
  std::string encode(const Architecture& arch) const { return space_->encode(arch); }
  Architecture decode(std::string_view text) const { return space_->decode(text); }

  /// SearchSpace::canonical(). In a cell, operators that do not run according to `dead` become
  /// `nothing`.
  Architecture canonical(Architecture arch, DeadOperators dead) const;

 private:
  void add_layer_terms();
  void add_edge_terms();
  Architecture without_dead(Architecture arch, DeadOperators dead) const;

  std::string name_;
  int positions_ = 0;
  int widths_ = 1;
  std::vector<std::string> op_names_;
  std::vector<Term> terms_;
  std::vector<std::string> fixed_blocks_;
  std::shared_ptr<const SearchSpace> space_;
};

/// An architecture with every operator and width drawn uniformly.
Architecture random_architecture(const LatencySpace& space, Rng& rng);

/// Amount of each kind of work in a block, for one image: multiply-adds ("dense", and by kernel
/// "depthwise 3" and so on), "activations" read and written by convolutions, linear layers and
/// average pools, and "weights", all in millions; and "calls", the number of these primitives.
/// Devices differ in how fast they do each.
std::map<std::string, double> work_of(const Block& block);

/// Reads a space file (configs/spaces, configs/cells). A bare name may be that of a shipped one.
/// Throws Error(Usage) with the file and the key at fault.
LatencySpace load_latency_space(const std::filesystem::path& name);

}  // namespace hsconas
