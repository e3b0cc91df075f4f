#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <unordered_map>
#include <vector>

#include "hsconas/latency/model.hpp"
#include "hsconas/space/search_space.hpp"

namespace hsconas {

/// The measured latency of each network of a list, looked up instead of predicted. The values may
/// be another cost of a network, such as multiply-adds: a search only compares them with a budget
/// in the same unit.
class KnownLatency : public LatencyModel {
 public:
  /// Reads a CSV (plain or gzip) with a column of architectures, "arch" or "ops", and `column`. An
  /// empty cell means that the network was not measured. `space` must outlive the model. Throws
  /// Error(Data) that names the file and, where there is one, the line: a missing column, an
  /// architecture of another space or a second time, a value that is not a number above 0, no
  /// value at all.
  KnownLatency(const SearchSpace& space, const std::filesystem::path& csv,
               const std::string& column, std::string unit = "ms");

  /// Infinite for a network without a value, which therefore meets no budget.
  double predict_ms(const Architecture& arch) const override;
  /// The extremes of the networks in `region` that have a value. Throws Error(Infeasible) if there
  /// is none. Cost: a look into the region for each network with a value.
  LatencyRange range(const NetworkRegion& region) const override;
  std::string unit() const override { return unit_; }

  /// The networks with a value, in the order of the file and in canonical form.
  const std::vector<Architecture>& networks() const { return networks_; }

 private:
  struct Hash {
    std::size_t operator()(const Architecture& arch) const;
  };

  const SearchSpace& space_;
  std::string source_;  ///< "column raspi4 of nb201.csv"
  std::string unit_;
  std::unordered_map<Architecture, double, Hash> known_;
  std::vector<Architecture> networks_;
};

}  // namespace hsconas
