#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace hsconas::maestro {

// Loops as MAESTRO names them: Y and X are rows and columns of the input.
enum Loop : std::size_t { K, C, R, S, Y, X };
constexpr std::size_t kLoops = 6;
using Sizes = std::array<std::int64_t, kLoops>;

/// A map directive: chunks of `size` that begin every `offset`. They follow each other in time or,
/// if spatial, lie side by side on the clusters below.
struct Map {
  Loop loop = K;
  bool is_spatial = false;
  std::int64_t size = 1;
  std::int64_t offset = 1;
};

/// Which chunk of a map is being processed.
struct State {
  enum Position : std::uint8_t { First, Steady, Last };
  Position position = First;
  std::int64_t times = 1;
  bool is_whole = false;   ///< The first chunk covers the loop.
  bool is_edge = false;    ///< The chunk is cut short, or there are fewer chunks than clusters.
  bool has_short = false;  ///< One of the clusters has a chunk that is cut short.
};

/// Elements of one loop that a cluster maps, and those of them that its neighbour in space or time
/// does not share; for full and for edge chunks.
struct Volumes {
  std::int64_t mapped = 1, fresh = 1;
  std::int64_t edge_mapped = 1, edge_fresh = 1;
};

Volumes volumes_of(const Map& map, std::int64_t extent);

/// The states of a map's loop of `extent` iterations, in the order in which they occur.
std::vector<State> temporal_states(const Map& map, std::int64_t extent);
std::vector<State> spatial_states(const Map& map, std::int64_t extent, std::int64_t clusters);

}  // namespace hsconas::maestro
