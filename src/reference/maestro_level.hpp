#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "maestro_map.hpp"

namespace hsconas::maestro {

enum class Operand : std::uint8_t { Input, Weight, Output };

/// One level of clusters that processes tiles of given extents.
class Level {
 public:
  /// `nominal` are the extents of a full chunk of the level above, from which all volumes come;
  /// `actual` are those of the present chunk, which decide how often each state occurs.
  Level(std::vector<Map> maps, std::int64_t clusters, const Sizes& nominal, const Sizes& actual,
        bool is_depthwise);

  /// Calls visit(occurrences) for every combination of states, the very first one first.
  template <typename Visit>
  void each_case(Visit visit) {
    std::vector<std::size_t> index(maps_.size(), 0);
    for (bool more = true; more;) {
      std::int64_t times = 1;
      for (std::size_t i = 0; i < maps_.size(); ++i) {
        at_[i] = states_[i][index[i]];
        times *= at_[i].times;
      }
      visit(times);
      more = false;
      for (std::size_t i = maps_.size(); i-- > 0 && !more;) {
        more = ++index[i] < states_[i].size();
        if (!more) index[i] = 0;
      }
    }
  }

  bool is_first() const { return !moving(); }

  std::int64_t ingress(Operand operand) const;
  std::int64_t egress() const;
  /// Multiply-adds of the busiest cluster.
  std::int64_t work() const;
  /// Elements of `operand` that one cluster maps.
  std::int64_t held(Operand operand) const { return mapped_by(operand, true, false); }

  /// Extents of the tiles below, for the clusters with full chunks or for the one with a short one.
  Sizes below(bool is_short) const;
  /// Whether a cluster below has a chunk of the first spatial map that is cut short.
  bool has_short_cluster() const;
  bool has_full_cluster() const { return !has_short_cluster() || active_ > 1; }

 private:
  bool couples(Operand operand, Loop loop) const;
  void count_active(const Map& map, std::int64_t extent);
  std::size_t first_spatial() const;

  /// The innermost map that is not at its first chunk.
  std::optional<std::size_t> moving() const;

  const State* spatial_state(Operand operand) const;

  /// Sum of volume(leads, is_short) over the clusters that an operand is spread over: the first one
  /// leads, and the last one may be cut short. Without a spatial map all share one copy.
  template <typename Volume>
  std::int64_t spread(Operand operand, Volume volume) const;

  std::int64_t mapped_by(Operand operand, bool leads, bool is_short) const;

  /// Elements sent to a cluster: those that it does not hold and, unless it leads, does not share.
  std::int64_t sent_to(Operand operand, bool leads, bool is_short) const;

  /// Results that one cluster delivers, or the multiply-adds it does for them.
  std::int64_t results(bool is_work, bool leads, bool is_short) const;
  std::int64_t spatial_results(const State& state, const Volumes& v, const Volumes& in, bool leads,
                               bool is_short) const;

  std::vector<Map> maps_;
  std::int64_t clusters_;
  std::int64_t active_;  ///< Clusters that work on the last, incomplete chunk.
  bool depthwise_;
  std::array<Volumes, kLoops> volumes_{};
  std::array<Volumes, kLoops> outputs_{};  ///< For Y and X: volumes of output rows and columns.
  std::vector<std::vector<State>> states_;
  std::vector<State> at_;
};

}  // namespace hsconas::maestro
