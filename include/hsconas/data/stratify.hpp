#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "hsconas/data/image_source.hpp"

namespace hsconas {

/// Image indices per class, each class in a random order drawn by (seed, stream).
std::vector<std::vector<std::int64_t>> shuffle_by_class(const ImageSource& source,
                                                        std::size_t classes, std::uint64_t seed,
                                                        std::string_view stream);

/// Divides `total` in proportion to `sizes` by the largest-remainder method: each quota is the
/// exact share rounded down or up, and at most its size. `total` is at most the sum of `sizes`.
std::vector<std::int64_t> proportional_quotas(std::span<const std::int64_t> sizes,
                                              std::int64_t total);

/// Takes positions [begin[c], begin[c] + count[c]) of each class c; the result is sorted ascending.
std::vector<std::int64_t> take_from_classes(const std::vector<std::vector<std::int64_t>>& by_class,
                                            std::span<const std::int64_t> begin,
                                            std::span<const std::int64_t> count);

}  // namespace hsconas
