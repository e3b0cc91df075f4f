#include "hsconas/data/builtin.hpp"

#include <string>
#include <vector>

#include "catch.hpp"
#include "hsconas/base/hash.hpp"

using namespace hsconas;

namespace {

std::string hash_of(const ImageSource& source) {
  std::string bytes;
  Image image;
  for (std::int64_t i = 0; i < source.size(); ++i) {
    source.load(i, image, 0);
    bytes.append(image.pixels.begin(), image.pixels.end());
  }
  return fingerprint(bytes);
}

}  // namespace

TEST_CASE("the built-in set has the same bytes everywhere", "[data]") {
  const TrainTest set = make_builtin(2);
  CHECK(hash_of(*set.train) == "8c7eb8abbcbb2ec0");
  CHECK(hash_of(*set.test) == "79222085e5f135d4");
}

TEST_CASE("the built-in set does not depend on the number of threads", "[data]") {
  CHECK(hash_of(*make_builtin(1).test) == hash_of(*make_builtin(3).test));
}

TEST_CASE("the built-in set has ten classes of equal size", "[data]") {
  const TrainTest set = make_builtin(2);
  CHECK(set.classes.size() == 10);
  std::vector<int> count(10, 0);
  for (std::int64_t i = 0; i < set.train->size(); ++i) {
    ++count.at(static_cast<std::size_t>(set.train->label(i)));
  }
  CHECK(count == std::vector<int>(10, 1000));
  CHECK(set.test->size() == 2000);
}
