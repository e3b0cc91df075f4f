#include "hsconas/config/config_file.hpp"

#include <algorithm>
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "catch.hpp"
#include "hsconas/base/error.hpp"
#include "hsconas/base/files.hpp"
#include "hsconas/base/shipped_files.hpp"
#include "support/errors.hpp"
#include "support/temporary_folder.hpp"

using namespace hsconas;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

const fs::path kConfigs = fs::path(HSCONAS_SOURCE_DIR) / "configs";

json minimal() {
  return {{"space",
           {{"name", "tiny"},
            {"image_size", 8},
            {"stages", json::array({{{"layers", 2}, {"channels", 32}}})},
            {"operators", {"shuffle_k3", "skip"}}}}};
}

Config load(std::vector<std::string> overrides) {
  return load_config(kConfigs / "quickstart.json", overrides);
}

}  // namespace

TEST_CASE("a config written out reads back as the same config", "[config]") {
  const Config config = read_config(minimal());
  const json written = to_json(config);
  CHECK(to_json(read_config(written)) == written);
}

TEST_CASE("a misspelt key names its path and the nearest known key", "[config]") {
  json source = minimal();
  source["search"] = {{"popluation", 3}};
  CHECK_THROWS_WITH(read_config(source),
                    "search.popluation is not a known key (did you mean 'population'?)");
  source = minimal();
  source["serch"] = json::object();
  CHECK_THROWS_WITH(read_config(source), "serch is not a known key (did you mean 'search'?)");
}

TEST_CASE("a value of the wrong type or out of range names its path", "[config]") {
  json source = minimal();
  source["supernet"] = {{"batch", 1.5}};
  CHECK_THROWS_WITH(read_config(source),
                    "supernet.batch has the wrong type: 1.5 (expected: a whole number below 2^31)");
  source["supernet"] = {{"batch", 0}};
  CHECK_THROWS_WITH(read_config(source), "supernet.batch must be in [1, 1000000], got 0");
  source["supernet"] = {{"schedule", "step"}};
  CHECK_THROWS_WITH(read_config(source),
                    "supernet.schedule must be one of linear, cosine, got \"step\"");
  source = minimal();
  source["shrink"] = {{"stages", json::array({{{"layers", 0}}})}};
  CHECK_THROWS_WITH(read_config(source), "shrink.stages[0].layers must be in [1, 1000], got 0");
  source["shrink"] = {{"stages", json::array({{{"layrs", 1}}})}};
  CHECK_THROWS_WITH(read_config(source),
                    "shrink.stages[0].layrs is not a known key (did you mean 'layers'?)");
  source = minimal();
  source["seed"] = -1;
  CHECK_THROWS_WITH(read_config(source),
                    "seed has the wrong type: -1 (expected: a whole number >= 0)");
}

TEST_CASE("settings that contradict each other are refused", "[config]") {
  json source = minimal();
  source["shrink"] = {{"stages", json::array({{{"layers", 3}}})}};
  CHECK_THROWS_WITH(read_config(source),
                    "shrink.stages fix 3 layers, but the space has only 2: lower their layers");
  source["shrink"] = {{"method", "locality"}, {"stages", json::array({{{"radius", 3}}})}};
  CHECK_THROWS_WITH(read_config(source),
                    "shrink.stages have a radius of 3, but the space has only 2 layers: lower the "
                    "radius");
  source["shrink"]["stages"] = json::array({{{"radius", 2}}});
  CHECK(read_config(source).shrink.stages[0].radius == 2);
  source["shrink"]["stages"].push_back({{"layers", 1}});
  CHECK_THROWS_WITH(read_config(source),
                    "shrink.stages.1.layers has no effect with shrink.method locality: remove it "
                    "or set it to 4");
  for (const char* key : {"seeds", "rounds", "standard_errors"}) {
    source["shrink"] = {{key, 3}};
    CHECK_THROWS_WITH(read_config(source),
                      Catch::Matchers::StartsWith(std::string("shrink.") + key +
                                                  " has no effect with shrink.method progressive"));
  }
  source["shrink"] = {{"latency_tolerance", 0.1}};
  CHECK_THROWS_WITH(read_config(source),
                    "shrink.latency_tolerance has no effect with shrink.method progressive: remove "
                    "it or set it to 0.05");
  source["shrink"] = {{"stages", json::array({{{"layers", 1}, {"radius", 2}}})}};
  CHECK_THROWS_WITH(read_config(source),
                    "shrink.stages.0.radius has no effect with shrink.method progressive: remove "
                    "it or set it to 1");
  source["shrink"] = {{"method", "local"}};
  CHECK_THROWS_WITH(read_config(source), Catch::Matchers::StartsWith("shrink.method must be one "));
  source = minimal();
  source["data"] = {{"format", "idx"}};
  CHECK_THROWS_WITH(read_config(source), "data.path is required for data.format \"idx\"");
}

TEST_CASE("embeddings are refused where no method uses them", "[config]") {
  json source = minimal();
  source["search"] = {{"embeddings", "e.csv"}};
  CHECK_THROWS_WITH(read_config(source),
                    "search.embeddings has no effect with search.method evolution: set "
                    "search.method to bayesian, or leave search.embeddings empty");
  source["search"]["method"] = "bayesian";
  CHECK_THROWS_WITH(
      read_config(source),
      Catch::Matchers::StartsWith("search.embeddings has no effect without score.accuracies"));
  source["score"] = {{"accuracies", "known.csv"}};
  CHECK(read_config(source).search.embeddings == "e.csv");
}

TEST_CASE("path methods are refused where they have no effect", "[config]") {
  json source = minimal();
  source["space"]["widths"] = {1.0};
  source["supernet"] = {{"paths", "fair"}};
  CHECK(read_config(source).supernet.paths == "fair");
  source["supernet"] = {{"paths", "sandwich"}};
  CHECK_THROWS_WITH(read_config(source),
                    Catch::Matchers::StartsWith("supernet.paths sandwich concerns widths, but"));
  source["space"]["widths"] = {0.5, 1.0};
  CHECK(read_config(source).supernet.paths == "sandwich");
  source["codesign"] = {{"method", "dance"}};
  CHECK_THROWS_WITH(read_config(source),
                    "supernet.paths sandwich has no effect with codesign.method dance, which draws "
                    "its paths itself: leave it at uniform");
  source["codesign"] = json::object();
  source["supernet"] = {{"width_warmup", 0.3}};
  CHECK_THROWS_WITH(read_config(source),
                    "supernet.width_warmup has no effect without supernet.paths operators_first: "
                    "set that, or leave supernet.width_warmup out");
  source["supernet"] = {{"paths", "operators_first"}, {"width_warmup", 0.3}};
  CHECK(read_config(source).supernet.width_warmup == 0.3);
  source["supernet"] = {{"paths", "fairly"}};
  CHECK_THROWS_WITH(read_config(source), Catch::Matchers::StartsWith("supernet.paths must be one"));
}

TEST_CASE("settings of the controller are refused where the search has no such controller",
          "[config]") {
  json source = minimal();
  for (const auto& [key, value] : {std::pair<const char*, json>("controller", "recurrent"),
                                   {"controller_units", 8},
                                   {"controller_lr", 0.02},
                                   {"controller_entropy", 0.1}}) {
    source["search"] = {{key, value}};
    CHECK_THROWS_WITH(
        read_config(source),
        std::string("search.") + key + " has no effect with search.method evolution: leave it out");
    source["search"]["method"] = "reinforce";
    if (std::string(key) != "controller_units") CHECK_NOTHROW(read_config(source));
  }
  source["search"] = {{"method", "reinforce"}, {"controller_units", 8}};
  CHECK_THROWS_WITH(
      read_config(source),
      "search.controller_units has no effect with search.controller softmax: leave it out");
  source["search"]["controller"] = "recurrent";
  CHECK(read_config(source).search.controller == Controller::Recurrent);
  CHECK(read_config(source).search.controller_units == 8);
}

TEST_CASE("settings of co-design methods are refused beside other methods", "[config]") {
  json source = minimal();
  const std::vector<std::pair<const char*, json>> keys{{"fast_tries", 5},
                                                       {"accuracy_weight", 0.25},
                                                       {"phase_tries", 5},
                                                       {"phase_entropy", 0.5},
                                                       {"cost_knowledge", "learned"},
                                                       {"start", json::array({"a"})},
                                                       {"weight_bits", json::array({8})},
                                                       {"cut_widths", false},
                                                       {"tune_steps", 5},
                                                       {"tune_lr", 0.5}};
  const std::map<std::string, std::vector<std::string>> used{
      {"two_level", {"fast_tries", "accuracy_weight"}},
      {"multi_phase", {"accuracy_weight", "phase_tries", "phase_entropy"}},
      {"bayesian", {"cost_knowledge"}},
      {"coupled", {}},
      {"random", {}}};
  for (const auto& [method, own] : used) {
    for (const auto& [key, value] : keys) {
      CAPTURE(method, key);
      source["codesign"] = {{"method", method}, {key, value}};
      if (std::count(own.begin(), own.end(), key) > 0) {
        CHECK(to_json(read_config(source)).at("codesign").at(key) == value);
        continue;
      }
      CHECK_THROWS_WITH(read_config(source), std::string("codesign.") + key +
                                                 " has no effect with codesign.method " + method +
                                                 ": leave it out");
    }
  }
}

TEST_CASE("the earlier default of codesign.fast_tries is accepted beside any method", "[config]") {
  // It is in the config.json of runs of earlier programs.
  json source = minimal();
  for (const char* method : {"coupled", "dance", "bayesian"}) {
    source["codesign"] = {{"method", method}, {"fast_tries", 10}};
    CHECK(read_config(source).codesign.fast_tries == 10);
  }
}

TEST_CASE("the co-design methods with a controller use its settings", "[config]") {
  json source = minimal();
  source["search"] = {
      {"controller", "recurrent"}, {"controller_units", 8}, {"controller_lr", 0.02}};
  for (const char* method : {"two_level", "multi_phase"}) {
    source["codesign"] = {{"method", method}};
    CHECK(read_config(source).search.controller_units == 8);
  }
  source["codesign"] = {{"method", "bayesian"}};
  CHECK_THROWS_WITH(read_config(source),
                    Catch::Matchers::StartsWith("search.controller has no effect"));
  source["search"] = {{"controller_entropy", 0.5}};
  source["codesign"] = {{"method", "two_level"}};
  CHECK(read_config(source).search.controller_entropy == 0.5);
  source["codesign"] = {{"method", "multi_phase"}};  // It has codesign.phase_entropy.
  CHECK_THROWS_WITH(read_config(source),
                    Catch::Matchers::StartsWith("search.controller_entropy has no effect"));
}

TEST_CASE("settings of a GPU are refused where no GPU is timed", "[config]") {
  json source = minimal();
  source["latency"] = {{"cuda", "graph"}};
  CHECK_THROWS_WITH(read_config(source),
                    "latency.cuda \"graph\" is for GPUs, but latency is timed on cpu: leave it at "
                    "auto");
  source["latency"] = {{"precision", "fp16"}};
  CHECK_THROWS_WITH(read_config(source),
                    "latency.precision \"fp16\" is for GPUs, but latency is timed on cpu: leave it "
                    "at fp32");
  source["latency"]["device"] = "cuda:1";
  CHECK(read_config(source).latency.precision == TimedPrecision::Fp16);
  CHECK(read_config(source).latency_device() == "cuda:1");
  source["latency"]["accelerator"] = "design.json";
  CHECK_THROWS_WITH(read_config(source),
                    Catch::Matchers::ContainsSubstring("latency comes from latency.accelerator"));
  source["latency"] = {{"cuda", "auto"}, {"precision", "fp32"}};
  CHECK_NOTHROW(read_config(source));
  source["device"] = {{"type", "cuda"}};
  source["latency"] = {{"cuda", "eager"}, {"precision", "tf32"}};
  CHECK_NOTHROW(read_config(source));
  source["latency"]["device"] = "cpu";
  CHECK_THROWS_WITH(read_config(source),
                    Catch::Matchers::ContainsSubstring("latency is timed on cpu"));
}

TEST_CASE("overrides reach every depth and are checked like the file", "[config]") {
  const Config config = load({"search.population=7", "search.parents=3", "space.channel_divisor=4",
                              "shrink.stages.0.layers=1", "data.path=/some/where", "name=abc"});
  CHECK(config.search.population == 7);
  CHECK(config.space.channel_divisor == 4);
  CHECK(config.shrink.stages.at(0).layers == 1);
  CHECK(config.data.path == "/some/where");
  CHECK(config.name == "abc");
  CHECK_THROWS_WITH(load({"search.popluation=7"}),
                    Catch::Matchers::EndsWith("quickstart.json: search.popluation is not a known "
                                              "key (did you mean 'population'?)"));
  CHECK_THROWS_WITH(load({"population"}),
                    "'population' is not of the form key=value, such as seed=3");
  CHECK_THROWS_WITH(load({"shrink.stages.9.layers=1"}),
                    Catch::Matchers::StartsWith("override shrink.stages.9.layers: '9' is not"));
  CHECK_THROWS_WITH(load({"seed.x=1", "seed.x.y=1"}),
                    Catch::Matchers::ContainsSubstring("neither an object nor a list"));
}

TEST_CASE("small things: an override of a text takes what looks like a number as a text",
          "[config]") {
  const Config config =
      load({"data.path=2024", "name=true", "latency.table=[1]", "data.format=\"idx\""});
  CHECK(config.data.path == (fs::current_path() / "2024").string());
  CHECK(config.name == "true");
  CHECK(config.latency.table == (fs::current_path() / "[1]").string());
  CHECK(config.data.format == DataFormat::Idx);
}

TEST_CASE("an override of a list takes values with commas between them, or JSON", "[config]") {
  const std::string here = fs::current_path().string();
  const Config config = load({"codesign.method=compress", "codesign.start=runs/a,2024,/b",
                              "codesign.weight_bits=4,6", "latency.cpus=1"});
  CHECK(config.codesign.start == std::vector<std::string>{here + "/runs/a", here + "/2024", "/b"});
  CHECK(config.codesign.weight_bits == std::vector{4, 6});
  CHECK(config.latency.cpus == std::vector{1});
  const Config other = load({"codesign.method=compress", "codesign.start=[\"a,b\"]",
                             "codesign.weight_bits=", "latency.cpus=[0, 1]"});
  CHECK(other.codesign.start == std::vector<std::string>{here + "/a,b"});
  CHECK(other.codesign.weight_bits.empty());
  CHECK(other.latency.cpus == std::vector{0, 1});
  CHECK_THROWS_WITH(load({"latency.cpus=0,1.5"}),
                    Catch::Matchers::EndsWith("latency.cpus must be a list of integers, got 1.5"));
  CHECK_THROWS_WITH(load({"latency.cpus=[0"}),
                    Catch::Matchers::StartsWith("override latency.cpus"));
}

TEST_CASE("settings of compression that have no effect, or leave nothing to choose, are refused",
          "[config]") {
  const auto refused = [](std::vector<std::string> overrides, const std::string& end) {
    overrides.emplace_back("codesign.method=compress");
    CHECK_THROWS_WITH(load(overrides), Catch::Matchers::EndsWith(end));
  };
  refused({}, "name their folders in codesign.start, separated by commas");
  refused({"codesign.start=a", "codesign.accuracies=b.csv"}, "leave codesign.accuracies empty");
  refused({"codesign.start=a", "codesign.weight_bits=[]", "codesign.cut_widths=false"},
          "name codesign.weight_bits or leave codesign.cut_widths at true");
  refused({"codesign.start=a", "codesign.weight_bits=4,4"},
          "names a number of bits twice: leave one of them out");
  refused({"codesign.start=a", "codesign.weight_bits=1"},
          "codesign.weight_bits must be in [2, 8], got 1");
  refused({"codesign.start=a", "codesign.tune_steps=0", "codesign.tune_lr=0.1"},
          "codesign.tune_lr has no effect with codesign.tune_steps 0: leave it out");
  CHECK(load({"codesign.method=compress", "codesign.start=a", "codesign.tune_steps=0"})
            .codesign.tune_steps == 0);
}

TEST_CASE("a space may be named on the command line", "[config]") {
  const Config config = load({"space=" + (kConfigs / "spaces" / "spos.json").string()});
  CHECK(config.space.name == "spos");
}

TEST_CASE(
    "relative-paths: relative paths count from the config's folder, in overrides from the current "
    "one",
    "[config]") {
  const TemporaryFolder folder;
  fs::create_directories(folder / "a/b");
  json source = minimal();
  source["data"] = {{"format", "folder"}, {"path", "../images"}};
  source["latency"] = {{"table", "table.json"}};
  source["retrain"] = {{"teacher", "/abs/teacher"}};
  source["codesign"] = {{"designs", "./designs.json"}, {"accuracies", ""}};
  source["space"] = "b/space.json";
  write_json(folder / "a/b/space.json", to_json(read_config(minimal()).space));
  write_json(folder / "a/c.json", source);
  const std::string root = fs::absolute(folder / "").lexically_normal().string();
  Config config = load_config(folder / "a/c.json", {});
  CHECK(config.data.path == root + "images");
  CHECK(config.latency.table == root + "a/table.json");
  CHECK(config.retrain.teacher == "/abs/teacher");
  CHECK(config.codesign.designs == root + "a/designs.json");
  CHECK(config.codesign.accuracies.empty());

  const std::string here = fs::current_path().string();
  config = load_config(folder / "a/c.json",
                       {"data.path=images", R"(latency={"accelerator": "x/chip.json"})"});
  CHECK(config.data.path == here + "/images");
  CHECK(config.latency.accelerator == here + "/x/chip.json");
  CHECK(config.codesign.designs == root + "a/designs.json");
  // A config as written by the program means the same wherever it is put.
  write_json(folder / "elsewhere.json", to_json(config));
  CHECK(to_json(load_config(folder / "elsewhere.json", {})) == to_json(config));
}

TEST_CASE("a path through a link keeps its meaning", "[config]") {
  const TemporaryFolder folder;
  fs::create_directories(folder / "far/inner");
  fs::create_directories(folder / "far/images");
  fs::create_directory_symlink(folder / "far/inner", folder / "link");
  json source = minimal();
  source["data"] = {{"format", "folder"}, {"path", "link/../images"}};
  write_json(folder / "c.json", source);
  CHECK(fs::equivalent(load_config(folder / "c.json", {}).data.path, folder / "far/images"));
}

TEST_CASE("broken JSON is an error with its place", "[config]") {
  const fs::path path = fs::temp_directory_path() / "hsconas_broken_config.json";
  write_file(path, "{\n  \"seed\": ,\n}");
  CHECK_THROWS_WITH(load_config(path, {}), path.string() + " is not valid JSON: line 2, column 11");
  fs::remove(path);
  CHECK_THROWS_AS(load_config(path, {}), Error);
}

TEST_CASE("every shipped config and space is valid", "[config]") {
  int count = 0;
  for (const auto& entry : fs::directory_iterator(kConfigs)) {
    if (entry.path().extension() != ".json") continue;
    INFO(entry.path());
    const Config config = load_config(entry.path(), {});
    CHECK_NOTHROW(SearchSpace(config.space));
    ++count;
  }
  CHECK(count >= 6);
  for (const auto& entry : fs::directory_iterator(kConfigs / "spaces")) {
    INFO(entry.path());
    CHECK_NOTHROW(SearchSpace(read_space(read_json(entry.path()))));
  }
}

TEST_CASE("a shipped config is known by its name, without its file", "[config]") {
  const auto names = shipped_names(Shipped::Config);
  CHECK(std::find(names.begin(), names.end(), "quickstart") != names.end());
  for (const std::string& name : names) {
    INFO(name);
    Config config = load_config(name, {});
    const Config file = load_config(kConfigs / (name + ".json"), {});
    CHECK(config.name == name);
    CHECK(to_json(config.space) == to_json(file.space));
    CHECK(to_json(config)["search"] == to_json(file)["search"]);
    if (!file.data.path.empty()) {
      const std::string data = fs::current_path().string() + "/data/";
      CHECK(config.data.path.starts_with(data));
    }
  }
  CHECK_THROWS_WITH(load_config("quickstrt", {}),
                    "quickstrt: is neither a file nor the name of a shipped config (did you mean "
                    "'quickstart'?)");
}

TEST_CASE("a config in any folder can name shipped spaces, accelerators and designs", "[config]") {
  const TemporaryFolder folder;
  const auto load_with = [&](const json& changes, std::vector<std::string> overrides = {}) {
    json source = minimal();
    source.merge_patch(changes);
    write_json(folder / "mine.json", source);
    return load_config(folder / "mine.json", overrides);
  };
  for (const char* name : {"spos", "quickstart-32"}) {
    CHECK(load_with({{"space", name}}).space.name == name);
  }
  CHECK(load_with({{"space", "nas-bench-201"}, {"score", {{"accuracies", "x.csv"}}}}).space.cell);
  CHECK(load_with(json::object(), {"space=fbnet"}).space.name == "fbnet");
  const std::string shipped = (fs::current_path() / "configs").string();
  const Config config = load_with({{"latency", {{"accelerator", "kc-p"}}},
                                   {"codesign", {{"designs", "dance"}}},
                                   {"targets", {{"a", {{"score", {{"beta", -0.1}}}}}}}});
  CHECK(config.latency.accelerator == shipped + "/accelerators/kc-p.json");
  CHECK(config.codesign.designs == shipped + "/designs/dance.json");
  CHECK_FALSE(read_file_or_shipped(config.latency.accelerator).empty());
  const json target = {{"chip", {{"latency", {{"accelerator", "yx-p"}}}}}};
  CHECK(target_configs(load_with({{"targets", target}})).at(0).latency.accelerator ==
        shipped + "/accelerators/yx-p.json");
  // Other keys name no shipped files.
  CHECK(load_with({{"latency", {{"table", "kc-p"}}}}).latency.table == (folder / "kc-p").string());
}

TEST_CASE("a config written out in another folder still names the shipped files", "[config]") {
  const TemporaryFolder folder;
  const auto load_with = [&](const std::string& design) {
    json source = minimal();
    source["latency"] = {{"accelerator", design}};
    write_json(folder / "mine.json", source);
    return load_config(folder / "mine.json", {}).latency.accelerator;
  };
  const std::string other = (folder / "gone/configs/").string();
  CHECK(load_with(other + "accelerators/kc-p.json") ==
        (fs::current_path() / "configs/accelerators/kc-p.json").string());
  for (const char* name : {"accelerators/mine.json", "spaces/kc-p.json", "designs/dance.json"}) {
    CHECK(load_with(other + name) == other + name);
  }
  fs::create_directories(folder / "gone/configs/accelerators");
  write_file(other + "accelerators/kc-p.json", "{}");
  CHECK(load_with(other + "accelerators/kc-p.json") == other + "accelerators/kc-p.json");
}

TEST_CASE("a file beside the config precedes a shipped one of its name, a folder does not",
          "[config]") {
  const TemporaryFolder folder;
  json source = minimal();
  write_json(folder / "spos", source["space"]);
  fs::create_directory(folder / "fbnet");
  const auto space = [&](const char* name) {
    source["space"] = name;
    write_json(folder / "mine.json", source);
    return load_config(folder / "mine.json", {}).space.name;
  };
  CHECK(space("spos") == "tiny");
  CHECK(space("fbnet") == "fbnet");
}

TEST_CASE("a misspelt name of a shipped file is an error with the key and the nearest name",
          "[config]") {
  const TemporaryFolder folder;
  const auto error = [&](const json& changes) {
    json source = minimal();
    source.merge_patch(changes);
    write_json(folder / "mine.json", source);
    return error_of([&] { load_config(folder / "mine.json", {}); });
  };
  const std::string here = (folder / "").string();
  const auto expected = [&](const std::string& key, const std::string& name,
                            const std::string& kind, const std::string& known) {
    return "data: " + here + "mine.json: " + key + ": " + here + name +
           ": is neither a file nor the name of a shipped " + kind + known;
  };
  CHECK(error({{"space", "quickstrt-32"}}) ==
        expected("space", "quickstrt-32", "space", " (did you mean 'quickstart-32'?)"));
  CHECK(error({{"space", "nas-bench-21"}}) ==
        expected("space", "nas-bench-21", "space", " (did you mean 'nas-bench-201'?)"));
  CHECK(error({{"latency", {{"accelerator", "kcp"}}}}) ==
        expected("latency.accelerator", "kcp", "accelerator", " (did you mean 'kc-p'?)"));
  CHECK(error({{"codesign", {{"designs", "something-else"}}}}) ==
        expected("codesign.designs", "something-else", "design space",
                 " (known: dance, semi-decoupled, voltage-noc)"));
  CHECK(contains(error({{"targets", {{"a", {{"latency", {{"accelerator", "kcp"}}}}}}}}),
                 "targets.a.latency.accelerator: "));
}

TEST_CASE("the paper's targets have the paper's settings", "[config]") {
  for (const auto& [name, batch] :
       {std::pair("gpu", 32), std::pair("cpu", 1), std::pair("edge", 16)}) {
    const Config config = load_config(kConfigs / (std::string(name) + ".json"), {});
    CHECK(config.latency.batch == batch);
    CHECK(config.shrink.samples == 100);
    CHECK(config.shrink.stages.size() == 2);
    CHECK(config.search.population == 50);
    CHECK(config.search.generations == 20);
  }
}

TEST_CASE("every key is explained", "[config]") {
  const auto keys = config_keys();
  CHECK(keys.size() > 40);
  for (const auto& key : keys) {
    INFO(key.path);
    CHECK_FALSE(key.meaning.empty());
  }
}
