// Catch2 version 2 makes its main here; version 3 brings one in its own library.
#define CATCH_CONFIG_MAIN
#include "catch.hpp"
