#pragma once

#include <cstddef>
#include <string>

#include "hsconas/deploy/evaluation.hpp"

namespace hsconas {

/// The classes a network does worst on, at most `rows` of those that have images, and what each is
/// taken for most often: a table for a terminal.
std::string worst_classes(const Evaluation& evaluation, std::size_t rows);

}  // namespace hsconas
