#include "hsconas/base/statistics.hpp"

#include <cmath>
#include <vector>

#include "catch.hpp"

using namespace hsconas;
using Values = std::vector<double>;

TEST_CASE("mean and standard deviation are defined for few values", "[base]") {
  CHECK(mean(Values{}) == 0.0);
  CHECK(standard_deviation(Values{3.0}) == 0.0);
  CHECK(mean(Values{1.0, 2.0, 6.0}) == Approx(3.0));
  CHECK(standard_deviation(Values{2, 4, 4, 4, 5, 5, 7, 9}) == Approx(std::sqrt(32.0 / 7.0)));
}

TEST_CASE("quantiles interpolate between neighbours", "[base]") {
  const Values values{4.0, 1.0, 3.0, 2.0};
  CHECK(median(values) == Approx(2.5));
  CHECK(quantile(values, 0.0) == 1.0);
  CHECK(quantile(values, 1.0) == 4.0);
  CHECK(quantile(values, 0.9) == Approx(3.7));
  CHECK(median(Values{7.0}) == 7.0);
}

TEST_CASE("tied values share the mean of their ranks", "[base]") {
  CHECK(ranks(Values{10, 30, 20, 20}) == Values{1.0, 4.0, 2.5, 2.5});
  CHECK(ranks(Values{5, 5, 5}) == Values{2.0, 2.0, 2.0});
}

TEST_CASE("correlations agree with worked examples", "[base]") {
  // Spearman: the textbook example of IQ against hours of television, rho = -29/165.
  const Values iq{106, 100, 86, 101, 99, 103, 97, 113, 112, 110};
  const Values hours{7, 27, 2, 50, 28, 29, 20, 12, 6, 17};
  CHECK(spearman(iq, hours) == Approx(-29.0 / 165.0));
  CHECK(pearson(Values{1, 2, 3}, Values{2, 4, 6}) == Approx(1.0));
  CHECK(pearson(Values{1, 2, 3}, Values{3, 2, 1}) == Approx(-1.0));
  // tau-b: 5 pairs are untied in x and 6 in y, and 5 are in the same order.
  CHECK(kendall(Values{1, 2, 2, 3}, Values{1, 2, 3, 4}) == Approx(5.0 / std::sqrt(5.0 * 6.0)));
  CHECK(kendall(Values{1, 2, 3, 4}, Values{1, 3, 2, 4}) == Approx(4.0 / 6.0));
}

TEST_CASE("an increasing map of one side leaves the rank correlations unchanged", "[base]") {
  Rng rng(1, "test");
  for (int trial = 0; trial < 20; ++trial) {
    Values x;
    Values y;
    Values risen;
    for (int i = 0; i < 15; ++i) {
      x.push_back(std::floor(rng.uniform(0, 10)));
      y.push_back(x.back() + rng.normal());
      risen.push_back(std::exp(y.back()));
    }
    CHECK(spearman(x, risen) == Approx(spearman(x, y)));
    CHECK(kendall(x, risen) == Approx(kendall(x, y)));
    CHECK(kendall(x, y) == Approx(kendall(y, x)));
  }
}

TEST_CASE("correlations are NaN for a constant side or fewer than two pairs", "[base]") {
  CHECK(std::isnan(pearson(Values{1, 1}, Values{1, 2})));
  CHECK(std::isnan(spearman(Values{1}, Values{1})));
  CHECK(std::isnan(kendall(Values{}, Values{})));
}

TEST_CASE("rmse is the root of the mean square", "[base]") {
  CHECK(rmse(Values{1, 2}, Values{4, 6}) == Approx(std::sqrt(12.5)));
}

TEST_CASE("a 90 % bootstrap interval holds the true median about nine times in ten", "[base]") {
  Rng rng(2, "test");
  int held = 0;
  for (int trial = 0; trial < 200; ++trial) {
    Values values;
    for (int i = 0; i < 25; ++i) values.push_back(5.0 + rng.normal());
    const Interval interval = bootstrap(values, median, 0.9, 200, rng);
    CHECK(interval.low <= interval.high);
    held += interval.low <= 5.0 && 5.0 <= interval.high ? 1 : 0;
  }
  CHECK(held > 165);
  CHECK(held < 196);
}

TEST_CASE("the Mann-Whitney test agrees with counting all pairs", "[base]") {
  // The values were computed pair by pair, with the same corrections, by another program.
  const std::vector<double> one_to_five{1, 2, 3, 4, 5};
  const std::vector<double> six_to_ten{6, 7, 8, 9, 10};
  CHECK(mann_whitney_p(one_to_five, six_to_ten) == Approx(0.0060929).epsilon(1e-4));
  CHECK(mann_whitney_p(six_to_ten, one_to_five) == Approx(0.9966923).epsilon(1e-4));
  const std::vector<double> tied{1, 2, 2, 3, 501, 501};
  const std::vector<double> others{2, 3, 501, 501, 501};
  CHECK(mann_whitney_p(tied, others) == Approx(0.1661170).epsilon(1e-4));
  CHECK(mann_whitney_p(std::vector<double>{7, 7}, std::vector<double>{7, 7, 7}) == 1.0);
}
