#include "hsconas/base/json_reader.hpp"

#include <cstdint>
#include <vector>

#include "catch.hpp"
#include "support/errors.hpp"

using namespace hsconas;
using nlohmann::json;

TEST_CASE("a misspelt key is an error that names its path and the nearest key", "[base]") {
  const json config = json::parse(R"({"search": {"population": 50, "generatoins": 20}})");
  JsonReader root(config);
  JsonReader search = root.child("search");
  CHECK(search.required<int>("population") == 50);
  CHECK(search.optional<int>("generations", 7) == 7);
  CHECK(error_of([&] { search.finish(); }) ==
        "usage: search.generatoins is not a known key (did you mean 'generations'?)");
  CHECK_NOTHROW(root.finish());
}

TEST_CASE("missing keys and non-objects are errors with their path", "[base]") {
  const json config = json::parse(R"({"a": [1], "b": null})");
  JsonReader root(config, "space", ErrorKind::Data);
  CHECK(error_of([&] { root.required<int>("c"); }) == "data: space.c is required");
  CHECK(error_of([&] { root.child("c"); }) == "data: space.c is required");
  CHECK(error_of([&] { root.child("a"); }) == "data: space.a must be a JSON object");
  CHECK(error_of([&] { root.required<double>("b"); }) == "data: space.b has the wrong type: null");
  CHECK(error_of([&] { JsonReader nothing(config["a"]); }) ==
        "usage: config must be a JSON object");
}

TEST_CASE("numbers are never bent to the type asked for", "[base]") {
  const json values = json::parse(
      R"({"half": 1.5, "yes": true, "minus": -1, "big": 4294967296, "text": "1", "two": 2})");
  JsonReader reader(values);
  const auto fails = [&](auto type, const char* key) {
    return error_of([&] { reader.required<decltype(type)>(key); }) != "nothing";
  };
  CHECK(fails(int{}, "half"));
  CHECK(fails(int{}, "yes"));
  CHECK(fails(int{}, "big"));
  CHECK(fails(std::uint32_t{}, "minus"));
  CHECK(fails(std::uint64_t{}, "minus"));
  CHECK(fails(double{}, "text"));
  CHECK(fails(double{}, "yes"));
  CHECK(fails(bool{}, "two"));
  CHECK(fails(std::string{}, "two"));
  CHECK(fails(std::vector<int>{}, "two"));
  CHECK(reader.required<std::int64_t>("big") == 4294967296);
  CHECK(reader.required<double>("two") == 2.0);
  CHECK(reader.required<int>("minus") == -1);
}

TEST_CASE("lists are checked item by item, raw JSON is passed on as it is", "[base]") {
  const json values = json::parse(R"({"widths": [0.5, 1], "mixed": [1, "a"], "objects": [{}]})");
  JsonReader reader(values);
  CHECK(reader.required<std::vector<double>>("widths") == std::vector<double>{0.5, 1.0});
  CHECK_FALSE(error_of([&] { reader.required<std::vector<double>>("mixed"); }) == "nothing");
  CHECK(reader.required<json>("objects") == values["objects"]);
  CHECK(reader.required<json>("widths") == values["widths"]);
}

TEST_CASE("broken JSON text names its source, line and column", "[base]") {
  CHECK(parse_json("{\"a\": 1}", "x.json") == json{{"a", 1}});
  CHECK(error_of([] { parse_json("{\n  \"a\": ,\n}", "x.json"); }) ==
        "usage: x.json is not valid JSON: line 2, column 8");
  CHECK(error_of([] { parse_json("", "x.json", ErrorKind::Data); }) ==
        "data: x.json is not valid JSON: line 1, column 1");
  CHECK(error_of([] { parse_json("[1e999]", "x.json"); }) ==
        "usage: x.json holds a number too large for a double");
}

TEST_CASE("JSON nested without end is refused before it exhausts the stack", "[config]") {
  const std::string deep(1000000, '[');
  CHECK(error_of([&] { parse_json(deep, "x.json", ErrorKind::Data); }) ==
        "data: x.json is nested more than 64 deep");
  const std::string in_text = "\"" + std::string(100, '[') + "\\\"" + std::string(100, '{') + "\"";
  CHECK(error_of([&] { parse_json(in_text, "x.json"); }) == "nothing");
  CHECK(error_of([&] { parse_json(std::string(64, '[') + std::string(64, ']'), "x.json"); }) ==
        "nothing");
}
