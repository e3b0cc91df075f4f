#include "hsconas/base/same_on_all.hpp"

#include <cstdint>
#include <span>

namespace hsconas {

int rank_that_differs(ProcessGroup& group, const std::string& text) {
  std::string of_root = text;
  group.broadcast(of_root);
  std::int32_t other = of_root == text ? -1 : group.rank();
  group.max(std::span(&other, 1));
  return other;
}

}  // namespace hsconas
