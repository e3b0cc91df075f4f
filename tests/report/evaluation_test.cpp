#include "hsconas/report/evaluation.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "catch.hpp"
#include "hsconas/base/csv.hpp"
#include "hsconas/base/rng.hpp"
#include "hsconas/report/evaluation_report.hpp"

using namespace hsconas;

namespace {

Evaluation three_animals() {
  Evaluation evaluation({"cat", "dog", "big, \"bad\" wolf"});
  const auto answer = [&](int label, std::array<float, 3> logits) {
    evaluation.add(logits.data(), label);
  };
  answer(0, {3, 1, 2});
  answer(0, {1, 3, 2});
  answer(0, {1, 3, 2});
  answer(1, {1, 2, 0});
  return evaluation;
}

}  // namespace

TEST_CASE("images are counted by class and by answer", "[deploy]") {
  const Evaluation evaluation = three_animals();
  CHECK(evaluation.images() == 4);
  CHECK(evaluation.top1() == Approx(0.5));
  CHECK(evaluation.top5() == 1.0);  // There are only three classes.
  CHECK(evaluation.count(0, 0) == 1);
  CHECK(evaluation.count(0, 1) == 2);
  CHECK(evaluation.count(1, 1) == 1);
  CHECK(evaluation.recall(0) == Approx(1.0 / 3.0));
  CHECK(evaluation.precision(1) == Approx(1.0 / 3.0));
  CHECK(evaluation.images_of(2) == 0);
  CHECK(std::isnan(evaluation.recall(2)));
  CHECK(std::isnan(Evaluation({"a"}).top1()));
}

TEST_CASE("top-1 and top-5 agree with sorting all logits", "[deploy]") {
  constexpr int kClasses = 12;
  Evaluation evaluation(std::vector<std::string>(kClasses, "x"));
  Rng rng(3, "logits");
  int top1 = 0;
  int top5 = 0;
  for (int image = 0; image < 300; ++image) {
    std::vector<float> logits(kClasses);
    for (float& value : logits) value = static_cast<float>(rng.normal());
    const int label = static_cast<int>(rng.index(kClasses));
    std::vector<float> sorted = logits;
    std::sort(sorted.rbegin(), sorted.rend());
    const float own = logits[static_cast<std::size_t>(label)];
    top1 += own == sorted[0] ? 1 : 0;
    top5 += own >= sorted[4] ? 1 : 0;
    evaluation.add(logits.data(), label);
  }
  CHECK(evaluation.top1() == Approx(top1 / 300.0));
  CHECK(evaluation.top5() == Approx(top5 / 300.0));
  CHECK(top1 > 0);
  CHECK(top5 > top1);
}

TEST_CASE("a network with equal or NaN logits has accuracy 0", "[deploy]") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (const std::array<float, 3> logits :
       {std::array<float, 3>{1, 1, 1}, std::array<float, 3>{nan, nan, nan}}) {
    Evaluation evaluation({"a", "b", "c"});
    for (int label = 0; label < 3; ++label) evaluation.add(logits.data(), label);
    CHECK(evaluation.top1() == 0.0);
    CHECK(evaluation.images() == 3);
    for (int label = 0; label < 3; ++label) CHECK(evaluation.count(label, label) == 0);
  }
}

TEST_CASE("the confusion matrix is valid CSV, with quoted class names", "[deploy]") {
  const CsvTable csv = CsvTable::parse(three_animals().confusion_csv(), "confusion.csv");
  REQUIRE(csv.rows() == 3);
  CHECK(csv.header() == std::vector<std::string>{"label", "images", "recall", "precision", "cat",
                                                 "dog", "big, \"bad\" wolf"});
  CHECK(csv.text(2, 0) == "big, \"bad\" wolf");
  CHECK(csv.number(0, csv.column("dog")) == 2.0);
  CHECK(csv.text(2, csv.column("recall")).empty());
}

TEST_CASE("the worst classes come first, with the class they are most often mistaken for",
          "[report]") {
  const std::string text = worst_classes(three_animals(), 10);
  CHECK(text.find("cat") < text.find("dog  "));
  CHECK(text.find("dog (2)") != std::string::npos);
  CHECK(text.find("wolf") == std::string::npos);  // It has no images.
  CHECK(worst_classes(three_animals(), 1).find("\ndog") == std::string::npos);
}
