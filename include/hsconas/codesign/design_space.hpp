#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "hsconas/accel/accelerator.hpp"

namespace hsconas {

/// A key in which the designs of a space differ, with its values: "pes" with 16, 32, ...
struct DesignAxis {
  std::string key;                  ///< As in the file; "register_words.weight" for a part.
  std::vector<std::string> values;  ///< As text, in the order of the file.
};

/// A grid of accelerator designs: every combination of its axes' values that a design can have.
///
/// The file (configs/designs/*.json) is that of an accelerator, in which any value may be a list or
/// a range {"from", "to", "step"}, which includes both ends. "register_words" and "bits" may also
/// be a number, list or range instead of an object; it then holds for inputs, weights and partial
/// sums.
///
/// A combination is left out, and counted, if the dataflow cannot arrange its PEs because their
/// number is not a multiple of the dataflow's cluster (Dataflow::cluster). Every other value that
/// an accelerator cannot have is an error, as it is in an accelerator file.
class DesignSpace {
 public:
  /// Throws Error(Usage) that names the wrong value, or says that no design is left.
  explicit DesignSpace(const nlohmann::json& source, const std::string& path = "designs");

  const std::string& name() const { return name_; }
  std::size_t size() const { return designs_.size(); }
  /// The number of combinations that were left out.
  std::size_t left_out() const { return left_out_; }

  /// Axes with more than one value; the last one changes fastest from design to design.
  const std::vector<DesignAxis>& axes() const { return axes_; }
  /// All designs, in the order of the grid. Their names consist of their values:
  /// "ws-kc_256_1000_50".
  const std::vector<Accelerator>& designs() const { return designs_; }
  /// For each axis, the index of the design's value.
  std::span<const int> coordinates(std::size_t design) const;
  /// The design at `coordinates`, one valid index per axis; empty if it was left out.
  std::optional<std::size_t> at(std::span<const int> coordinates) const;
  /// The design called `name`. Throws Error(Usage) that names the most similar design.
  std::size_t find(const std::string& name) const;

 private:
  std::string name_;
  std::vector<DesignAxis> axes_;
  std::vector<Accelerator> designs_;
  std::vector<int> coordinates_;  ///< [design][axis], row-major.
  std::vector<std::optional<std::size_t>>
      points_;  ///< The whole grid; the last axis changes fastest.
  std::size_t left_out_ = 0;
};

/// Reads a design space from a file, which errors name.
DesignSpace load_design_space(const std::filesystem::path& path);

}  // namespace hsconas
