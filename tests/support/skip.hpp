#pragma once

#include <string>

namespace hsconas {

/// Lists the running test, at the end of the run, among those that checked nothing because this
/// machine lacks something. Version 2 of Catch2 knows no skipping, so the test must also return:
/// `return skip_test("no xz")`.
void skip_test(const std::string& reason);

/// Lists the running test among those that checked less than elsewhere; it goes on.
void skip_part(const std::string& reason);

}  // namespace hsconas
