#include "octet.hpp"

// Headers that other files share stand above this line, so that they do not use these instructions.
#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__)
#pragma GCC target("avx2")
#endif
#define HSCONAS_ENGINE engine_avx2
#include "kernel.hpp"

namespace hsconas {

using Lanes = double __attribute__((vector_size(32)));

void add_cost_avx2(const Extents& layer, double count, const Octet& designs, OctetCost& total) {
  engine_avx2::add_cost<Lanes>(layer, count, designs, total);
}

}  // namespace hsconas
