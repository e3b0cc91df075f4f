#pragma once

#include <string>
#include <vector>

#include "hsconas/report/run_record.hpp"

namespace hsconas {

// The table of limited quantities of the winner and the architectures that it is compared with. It
// has no columns besides the first where the search had no limits.

/// "", then what each limit is for.
std::vector<std::string> limits_head(const ResultRecord& result);
/// "at most" with the limits, then a row for each architecture. A value over its limit is marked by
/// an exclamation mark.
std::vector<std::vector<std::string>> limits_rows(const ResultRecord& result);

}  // namespace hsconas
