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

/// One thing that the designs of a space differ in: "pes" with the values 16, 32, ...
struct DesignAxis {
  std::string key;                  ///< As in the file; "register_words.weight" for a part.
  std::vector<std::string> values;  ///< As text, in the order of the file.
};

/// A grid of accelerator designs: every combination of its axes' values but those that cannot be.
///
/// The file (configs/designs/*.json) is that of an accelerator, in which any value may be a list or
/// a range {"from", "to", "step"}, both ends included. "register_words" and "bits" may also be a
/// number, list or range instead of an object: the same for inputs, weights and partial sums.
///
/// Left out and counted are combinations whose PEs the dataflow cannot arrange: fewer than its
/// cluster or no multiple of it (Dataflow::cluster). Everything else that an accelerator cannot
/// have is an error, as it is in an accelerator file.
class DesignSpace {
 public:
  /// Throws Error(Usage) that names the value at fault, or says that no design is left.
  explicit DesignSpace(const nlohmann::json& source, const std::string& path = "designs");

  const std::string& name() const { return name_; }
  std::size_t size() const { return designs_.size(); }
  /// Combinations that were left out.
  std::size_t left_out() const { return left_out_; }

  /// Axes with more than one value; the last one changes fastest from design to design.
  const std::vector<DesignAxis>& axes() const { return axes_; }
  /// In the order of the grid, each named by its values on the axes: "ws-kc_256_1000_50".
  const std::vector<Accelerator>& designs() const { return designs_; }
  /// Indices of a design's values on the axes.
  std::span<const int> coordinates(std::size_t design) const;
  /// The design at `coordinates`, if it was not left out. As many as there are axes, in range.
  std::optional<std::size_t> at(std::span<const int> coordinates) const;
  /// The design called `name`; throws Error(Usage) with the nearest name.
  std::size_t find(const std::string& name) const;

 private:
  std::string name_;
  std::vector<DesignAxis> axes_;
  std::vector<Accelerator> designs_;
  std::vector<int> coordinates_;                    ///< [design][axis], row-major.
  std::vector<std::optional<std::size_t>> points_;  ///< The whole grid, last axis fastest.
  std::size_t left_out_ = 0;
};

/// The same from a file; errors name it.
DesignSpace load_design_space(const std::filesystem::path& path);

}  // namespace hsconas
