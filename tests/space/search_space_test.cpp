#include "hsconas/space/search_space.hpp"

#include <set>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "catch.hpp"
#include "hsconas/base/csv.hpp"
#include "hsconas/base/rng.hpp"
#include "hsconas/base/text.hpp"
#include "support/errors.hpp"
#include "support/reference_data.hpp"
#include "support/spaces.hpp"

using namespace hsconas;
using nlohmann::json;

namespace {

SearchSpace with_layout(std::vector<int> channels) {
  SpaceDescription space = shipped_description("spos");
  for (std::size_t i = 0; i < channels.size(); ++i) space.stages[i].channels = channels[i];
  return SearchSpace(space);
}

void check_cost(const SearchSpace& space, const Architecture& arch, double macs_millions,
                double weights_millions, double with_batch_norm_millions = 0.0) {
  const Cost cost = space.cost(arch);
  CHECK(static_cast<double>(cost.macs) / 1e6 == Approx(macs_millions).margin(0.01).epsilon(0));
  // The reference values have four decimals.
  CHECK(static_cast<double>(cost.weights) / 1e6 ==
        Approx(weights_millions).margin(0.00005001).epsilon(0));
  if (with_batch_norm_millions > 0.0) {
    CHECK(static_cast<double>(cost.parameters()) / 1e6 ==
          Approx(with_batch_norm_millions).margin(0.00005001).epsilon(0));
  }
}

std::string construction_error(const SpaceDescription& space) {
  return error_of([&] { SearchSpace made(space); });
}

std::string reading_error(const std::string& text) {
  return error_of([&] { read_space(json::parse(text)); });
}

}  // namespace

TEST_CASE("multiply-adds and parameters match those of Single Path One-Shot", "[space]") {
  const SearchSpace spos = shipped_space("spos");
  check_cost(spos, spos.decode("21012020202300003233"), 322.919, 3.5293, 3.5585);
  check_cost(spos, spos.uniform(0), 295.842, 3.1324, 3.1549);
  check_cost(spos, spos.uniform(1), 313.655, 3.1895, 3.2120);
  // 3,275,168 weights. A published 3.2753 contradicts the 3.2976 with batch norm beside it.
  check_cost(spos, spos.uniform(2), 340.374, 3.2752, 3.2976);
  check_cost(spos, spos.uniform(3), 358.826, 3.8304, 3.8708);
}

TEST_CASE("multiply-adds and parameters are right for the layouts A and B", "[space]") {
  const SearchSpace a = with_layout({48, 128, 256, 512});
  check_cost(a, a.uniform(0), 196.384, 2.4826);
  check_cost(a, a.uniform(1), 210.434, 2.5282);
  check_cost(a, a.uniform(2), 231.507, 2.5966);
  check_cost(a, a.uniform(3), 238.093, 2.9375);
  const SearchSpace b = with_layout({68, 168, 336, 672});
  check_cost(b, b.uniform(0), 323.968, 3.3127);
  check_cost(b, b.uniform(1), 342.722, 3.3727);
  check_cost(b, b.uniform(2), 370.852, 3.4627);
  check_cost(b, b.uniform(3), 392.960, 4.0795);
  // The shipped spaces are these layouts, with more choices.
  CHECK(shipped_space("hsconas-a").cost(shipped_space("hsconas-a").uniform(2)).macs ==
        a.cost(a.uniform(2)).macs);
  CHECK(shipped_space("hsconas-b").cost(shipped_space("hsconas-b").uniform(3)).macs ==
        b.cost(b.uniform(3)).macs);
}

TEST_CASE("the costs of all 6,561 networks of NAS-Bench-Macro are as published", "[space]") {
  const SearchSpace space = shipped_space("nas-bench-macro");
  check_few_and_all("nas_bench_macro.csv", "nas_bench_macro/nas_bench_macro_cifar10.csv.gz",
                    [&](const std::filesystem::path& file) {
                      const CsvTable csv = CsvTable::load(file);
                      int wrong = 0;
                      for (std::size_t row = 0; row < csv.rows(); ++row) {
                        const auto number = [&](const char* name) {
                          return std::stoll(csv.text(row, csv.column(name)));
                        };
                        const Cost cost =
                            space.cost(space.decode(csv.text(row, csv.column("arch"))));
                        const bool is_right =
                            cost.parameters() == number("params") && cost.macs == number("flops");
                        wrong += is_right ? 0 : 1;
                      }
                      CHECK((csv.rows() == 6 || csv.rows() == 6561));
                      CHECK(wrong == 0);
                    });
}

TEST_CASE("every shipped space can be built, and written and read back unchanged", "[space]") {
  for (const char* name : {"hsconas-a", "hsconas-b", "spos", "cifar-32", "fashion-28", "fbnet",
                           "nas-bench-macro", "channel-bench-macro"}) {
    const SpaceDescription space = shipped_description(name);
    CHECK(space.name == name);
    CHECK_NOTHROW(SearchSpace(space));
    CHECK(to_json(read_space(to_json(space))) == to_json(space));
  }
  CHECK(shipped_space("fbnet").layers() == 22);
  CHECK(shipped_space("fbnet").ops() == 9);
}

TEST_CASE("stride-2 stages halve 112 pixels to 7", "[space]") {
  const SearchSpace space = shipped_space("hsconas-a");
  std::vector<int> sizes;
  for (const int layer : {0, 4, 8, 16}) sizes.push_back(space.shape(layer).out_size());
  CHECK(space.shape(0).in_size == 112);
  CHECK(sizes == std::vector<int>{56, 28, 14, 7});
}

TEST_CASE("inner widths are truncated as in the paper, then rounded to the divisor", "[space]") {
  SpaceDescription description = tiny_description();
  description.stages[0].channels = 48;  // Full inner width 24.
  description.widths = {0.1, 0.3, 0.7, 1.0};
  const auto mids = [&](int divisor) {
    description.channel_divisor = divisor;
    const SearchSpace space(description);
    std::vector<int> result;
    for (int width = 0; width < space.widths(); ++width) {
      result.push_back(space.mid_channels(1, {0, width}));
    }
    return result;
  };
  CHECK(mids(1) == std::vector<int>{2, 7, 16, 24});
  CHECK(mids(4) == std::vector<int>{4, 8, 16, 24});
  CHECK(mids(8) == std::vector<int>{8, 8, 16, 24});
  CHECK(mids(64) == std::vector<int>{24, 24, 24, 24});  // Never wider than the widest.
}

TEST_CASE("inner widths use integer arithmetic: 0.7 of 10 channels is 7", "[space]") {
  SpaceDescription description = tiny_description();
  description.stem.channels = 10;
  description.stages[0].channels = 20;
  description.widths = {0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0};
  const SearchSpace space(description);
  for (int width = 0; width < 10; ++width) {
    CHECK(space.mid_channels(0, {0, width}) == width + 1);
    CHECK(space.mid_channels(0, {2, width}) == 0);  // A skip has no inner width.
  }
}

TEST_CASE("the canonical form takes the widest width with the same channels", "[space]") {
  SpaceDescription description = tiny_description();
  description.widths = {0.25, 0.3, 0.5, 1.0};
  description.channel_divisor = 4;  // Inner widths 4, 4, 8, 16.
  const SearchSpace space(description);
  CHECK(space.canonical({{0, 0}, {1, 1}, {2, 0}}) == Architecture{{0, 1}, {1, 1}, {2, 3}});
  CHECK(space.canonical({{0, 2}, {1, 3}, {2, 3}}) == Architecture{{0, 2}, {1, 3}, {2, 3}});
}

TEST_CASE("two architectures are one network exactly when canonical forms agree", "[space]") {
  SpaceDescription description = tiny_description();
  description.widths = {0.25, 0.3, 0.5, 1.0};
  description.channel_divisor = 4;
  const SearchSpace space(description);
  const Subspace full = Subspace::full(space);
  const auto keys = [&](const Architecture& arch) {
    std::string joined;
    for (const Block& block : space.network(arch)) joined += block.key() + " ";
    return joined;
  };
  Rng rng(1, "test");
  for (int i = 0; i < 300; ++i) {
    const Architecture a = sample(full, rng);
    const Architecture b = architecture_of(full.mutate(genes_of(a), 0.2, rng));
    CHECK((space.canonical(a) == space.canonical(b)) == (keys(a) == keys(b)));
    CHECK(space.canonical(space.canonical(a)) == space.canonical(a));
    CHECK(space.cost(space.canonical(a)).macs == space.cost(a).macs);
  }
}

TEST_CASE("decoding inverts encoding on random architectures of every space", "[space]") {
  for (const char* name : {"hsconas-a", "spos", "fbnet", "nas-bench-macro", "fashion-28"}) {
    const SearchSpace space = shipped_space(name);
    const Subspace full = Subspace::full(space);
    Rng rng(1, name);
    for (int i = 0; i < 50; ++i) {
      const Architecture arch = sample(full, rng);
      CHECK(space.decode(space.encode(arch)) == arch);
    }
  }
}

TEST_CASE("Channel-Bench-Macro's networks have the multiply-adds and parameters of its table",
          "[space]") {
  const SearchSpace space = shipped_space("channel-bench-macro");
  const Cost largest = space.cost(space.decode("0:3-0:3-0:3-0:3"));  // 4444444 there.
  CHECK(largest.macs == 211'281'920);
  CHECK(largest.parameters() == 1'804'170);
  const Cost smallest = space.cost(space.decode("0:0-0:0-0:0-0:0"));  // 4111414 there.
  CHECK(smallest.macs == 66'074'624);
  CHECK(smallest.parameters() == 660'810);
}

TEST_CASE("codes are short digits in spaces with one width, pairs in the others", "[space]") {
  CHECK(shipped_space("spos").encode(shipped_space("spos").uniform(3)) == std::string(20, '3'));
  CHECK(tiny_space().encode({{2, 1}, {0, 0}, {1, 1}}) == "2:1-0:0-1:1");
}

TEST_CASE("a code that cannot be read is an error that quotes it and says why", "[space]") {
  const SearchSpace tiny = tiny_space();
  const auto message = [](const SearchSpace& space, const char* text) {
    return error_of([&] { space.decode(text); });
  };
  CHECK(message(tiny, "2:1-0:0") == "usage: architecture '2:1-0:0' has 2 layers, space tiny has 3");
  CHECK(message(tiny, "2:1-0:0-1") == "usage: architecture '2:1-0:0-1': '1' is not operator:width");
  CHECK(message(tiny, "3:1-0:0-1:0") ==
        "usage: architecture '3:1-0:0-1:0': '3' is not an operator index in [0, 2]");
  CHECK(message(tiny, "2:1-0:2-1:0") ==
        "usage: architecture '2:1-0:2-1:0': '2' is not a width index in [0, 1]");
  for (const char* text : {"", "-", "2:1-0:0-1:", "2:1-0:0- 1:0", "2:1-0:0-+1:0", "2:1-0:0-1:0x",
                           "2:1-0:0-99999999999:0", "a"}) {
    CHECK(contains(message(tiny, text), "usage: architecture '" + std::string(text) + "'"));
  }
  CHECK(contains(message(shipped_space("spos"), "4"), "'4' is not an operator index in [0, 3]"));
  CHECK(contains(message(shipped_space("spos"), ""), "'' has 0 layers"));
}

TEST_CASE("architectures of another space are refused", "[space]") {
  const SearchSpace space = tiny_space();
  CHECK_NOTHROW(space.check(space.uniform(2)));
  CHECK(error_of([&] {
          space.cost({{0, 0}});
        }) == "usage: architecture has 1 layers, space tiny has 3");
  CHECK(contains(error_of([&] { space.check({{0, 0}, {0, 2}, {0, 0}}); }), "choice 0:2"));
  CHECK(contains(error_of([&] { space.check({{0, 0}, {-1, 0}, {0, 0}}); }), "choice -1:0"));
}

TEST_CASE("the readable form of an architecture names operators and widths", "[space]") {
  CHECK(tiny_space().describe({{0, 0}, {1, 1}, {2, 0}}) == "shuffle_k3 x0.5, xception x1, skip");
}

TEST_CASE("a space that cannot be built names the layer and the reason", "[space]") {
  SpaceDescription space = tiny_description();
  space.stages[0].channels = 16;
  CHECK(construction_error(space) ==
        "usage: space tiny, layer 0: operator shuffle_k3 does not fit here: 16 -> 16 channels "
        "leave none for its main branch");
  space = tiny_description();
  space.operators = {"skip", "shuffle_k9"};
  CHECK(contains(construction_error(space), "unknown operator 'shuffle_k9' (did you mean"));
}

TEST_CASE("a space without stages, operators or ordered widths is refused", "[space]") {
  SpaceDescription space = tiny_description();
  space.stages.clear();
  CHECK(construction_error(space) == "usage: space.stages must hold at least one stage");
  space = tiny_description();
  space.operators.clear();
  CHECK(construction_error(space) == "usage: space.operators must name at least one operator");
  space = tiny_description();
  space.operators = {"skip", "xception", "skip"};
  CHECK(construction_error(space) == "usage: space.operators name skip twice");
  space = tiny_description();
  for (const std::vector<double>& widths :
       std::vector<std::vector<double>>{{}, {0.0, 1.0}, {1.0, 0.5}, {0.5, 0.5}}) {
    space.widths = widths;
    CHECK(contains(construction_error(space), "usage: space.widths must"));
  }
}

TEST_CASE("grouped operators exist at full width only", "[space]") {
  SpaceDescription space = tiny_description();
  space.operators = {"mbconv_e1_k3", "mbconv_e1_k3_g2"};
  CHECK(construction_error(space) ==
        "usage: space.widths must be [1.0] beside operator mbconv_e1_k3_g2: slicing its grouped "
        "convolutions would change which channels share a group");
  space.widths = {1.0};
  CHECK(construction_error(space) == "nothing");
}

TEST_CASE("a space file is read strictly, and errors carry the path", "[space]") {
  const std::string good = R"("name": "x", "operators": ["skip"], "stages": [{"channels": 32}])";
  CHECK(reading_error("{" + good + "}") == "nothing");
  CHECK(reading_error("{" + good + R"(, "widhts": [1.0]})") ==
        "usage: space.widhts is not a known key (did you mean 'widths'?)");
  CHECK(reading_error("{" + good + R"(, "stem": {"chanels": 8}})") ==
        "usage: space.stem.chanels is not a known key (did you mean 'channels'?)");
  CHECK(reading_error("{" + good + R"(, "stem": {"kernel": 4}})") ==
        "usage: space.stem.kernel must be odd");
  CHECK(reading_error("{" + good + R"(, "head": {"dropout": 1.0}})") ==
        "usage: space.head.dropout must be in [0, 1), got 1");
  CHECK(reading_error("{" + good + R"(, "classes": 1})") ==
        "usage: space.classes must be in [2, 1000000], got 1");
  CHECK(reading_error("{" + good + R"(, "widths": [1.0, 0.5]})") ==
        "usage: space.widths must ascend");
  CHECK(reading_error("{" + good + R"(, "widths": [-0.5]})") ==
        "usage: space.widths must hold factors in (0, 4], got -0.5");
  CHECK(reading_error(R"({"name": "x", "operators": ["skip"], "stages": []})") ==
        "usage: space.stages must be a list of stages");
  CHECK(reading_error(R"({"name": "x", "operators": ["skip"],
                          "stages": [{"channels": 8}, {"channels": 8, "strides": 2}]})") ==
        "usage: space.stages[1].strides is not a known key (did you mean 'stride'?)");
  CHECK(reading_error(R"({"name": "x", "operators": ["skip"], "stages": [{}]})") ==
        "usage: space.stages[0].channels is required");
  CHECK(reading_error(R"({"operators": ["skip"], "stages": [{"channels": 8}]})") ==
        "usage: space.name is required");
}
