#include "octet.hpp"

#define HSCONAS_ENGINE engine_plain
#include "kernel.hpp"

namespace hsconas {

using Lanes = double __attribute__((vector_size(16)));

void add_cost_plain(const Extents& layer, double count, const Octet& designs, OctetCost& total) {
  engine_plain::add_cost<Lanes>(layer, count, designs, total);
}

}  // namespace hsconas
