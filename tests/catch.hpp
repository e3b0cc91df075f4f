// Catch2 v2 (bookworm) and v3 (trixie) spell their headers and one matcher differently.
#pragma once
#if HSCONAS_CATCH2_MAJOR >= 3  // The one that CMake found.
#include <catch2/catch_all.hpp>
using Catch::Approx;
#else
#include <string>

#include <catch2/catch.hpp>
namespace Catch::Matchers {
inline auto ContainsSubstring(const std::string& part) {
  return Contains(part);
}
}  // namespace Catch::Matchers
#endif
