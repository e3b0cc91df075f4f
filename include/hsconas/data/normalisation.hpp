#pragma once

#include <cstdint>
#include <span>

#include "hsconas/config/config.hpp"
#include "hsconas/data/image_source.hpp"
#include "hsconas/data/transform.hpp"

namespace hsconas {

/// Returns data.mean and data.std; one that is not given is measured on up to 1,000 of the images
/// in `indices`, drawn by `seed`. Throws Error(Usage) when the number of given values is not
/// `channels` or a given standard deviation is not above 0.
Pixels measure_normalisation(const DataConfig& config, const ImageSource& source,
                             std::span<const std::int64_t> indices, int channels,
                             std::uint64_t seed);

}  // namespace hsconas
