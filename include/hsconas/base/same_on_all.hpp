#pragma once

#include <string>

#include "hsconas/base/process_group.hpp"

namespace hsconas {

/// The last rank whose `text` differs from that of rank 0, or -1 if all ranks have the same text.
/// Collective, see ProcessGroup.
int rank_that_differs(ProcessGroup& group, const std::string& text);

}  // namespace hsconas
