#pragma once

#include <string>

namespace hsconas {

/// Reports the running test as skipped, with the reason, at the end of the test run. Catch2 version
/// 2 cannot skip a test, so the test must also return: `return skip_test("no xz")`.
void skip_test(const std::string& reason);

/// Reports the running test as checked in part, with the reason. The test goes on.
void skip_part(const std::string& reason);

}  // namespace hsconas
