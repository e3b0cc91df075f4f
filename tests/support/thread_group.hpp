#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "hsconas/base/process_group.hpp"

namespace hsconas {

/// What one rank does; it gets the group as it sees it.
using RankWork = std::function<void(const std::shared_ptr<ProcessGroup>& group)>;

/// Runs `work` on `size` ranks at once, each a thread of this process, and waits for all of them.
/// Returns how each rank ended: the Error that it threw as error_of() words it, "nothing" if none,
/// and "released: " with the Error for a rank that ended because another one had failed.
///
/// A rank that throws fails its group, and one that returns leaves it; a rank that waits for
/// another for more than a minute throws Error(Internal), so that a wrong test ends. Assertions
/// belong after the call: Catch's are for one thread.
std::vector<std::string> run_ranks(int size, const RankWork& work);

}  // namespace hsconas
