#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace hsconas {

/// Several values, each of which should be small.
using Objectives = std::vector<double>;

/// Whether `a` is nowhere worse than `b` and somewhere better. Both have the same size.
bool dominates(const Objectives& a, const Objectives& b);

/// Indices of the points that no other dominates, ascending; of equal points all.
/// Cost: O(n^2 m) for n points of m objectives.
std::vector<std::size_t> non_dominated(std::span<const Objectives> points);

/// For each point the front that it belongs to: 0 for those that none dominates, 1 for those that
/// only points of front 0 dominate, and so on. Cost: O(n^2 m).
/// Source: fast non-dominated sorting of NSGA-II (Deb et al., 2002).
std::vector<int> front_numbers(std::span<const Objectives> points);

/// For each point of one front how far apart its neighbours on either side are, summed over the
/// objectives, each relative to its range; infinite at the ends. Source: NSGA-II.
std::vector<double> crowding_distances(std::span<const Objectives> points);

/// The area between the points and `reference` in two objectives: what at least one point
/// dominates. Points that do not dominate `reference` add nothing. Cost: O(n log n).
double hypervolume(std::span<const Objectives> points, const Objectives& reference);

}  // namespace hsconas
