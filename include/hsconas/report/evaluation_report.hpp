#pragma once

#include <cstddef>
#include <string>

#include "hsconas/report/evaluation.hpp"

namespace hsconas {

/// A table for a terminal: the classes with the lowest recall, at most `rows` of those that have
/// images, and the class that each is most often mistaken for.
std::string worst_classes(const Evaluation& evaluation, std::size_t rows);

}  // namespace hsconas
