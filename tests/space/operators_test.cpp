#include "hsconas/space/operators.hpp"

#include <set>
#include <string>

#include "catch.hpp"
#include "support/errors.hpp"

using namespace hsconas;

TEST_CASE("operator names are unique, and each finds its operator", "[space]") {
  std::set<std::string> names;
  for (const Operator& op : all_operators()) {
    CHECK(names.insert(op.name).second);
    CHECK(&find_operator(op.name) == &op);
  }
  CHECK(names.size() == 18);
}

TEST_CASE("an unknown operator is an error with the nearest name", "[space]") {
  CHECK(error_of([] { find_operator("shufle_k3"); }) ==
        "usage: unknown operator 'shufle_k3' (did you mean 'shuffle_k3'?)");
}

TEST_CASE("every branch carries the stride exactly once where the shape changes", "[space]") {
  for (const Operator& op : all_operators()) {
    for (const Branch& branch : op.changed_shape.branches) {
      int strided = 0;
      for (const Step& step : branch.steps) strided += step.takes_stride ? 1 : 0;
      CHECK(strided == 1);
    }
  }
}

TEST_CASE("every operator's kernels are odd, and only those with a mid width use it", "[space]") {
  for (const Operator& op : all_operators()) {
    for (const BlockTemplate* pattern : {&op.same_shape, &op.changed_shape}) {
      for (const Branch& branch : pattern->branches) {
        for (const Step& step : branch.steps) {
          CHECK(step.kernel % 2 == 1);
          if (!op.has_mid()) CHECK(step.out != Width::Mid);
        }
      }
    }
  }
}
