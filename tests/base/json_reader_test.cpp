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
  CHECK(error_of([&] { root.required<double>("b"); }) ==
        "data: space.b has the wrong type: null (expected: a number)");
  CHECK(error_of([&] { JsonReader nothing(config["a"]); }) ==
        "usage: config must be a JSON object");
}

TEST_CASE("a number is never converted silently to the type asked for", "[base]") {
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
        "data: x.json is empty, a JSON object is expected");
  CHECK(error_of([] { parse_json("[1e999]", "x.json"); }) ==
        "usage: x.json holds a number too large for a double");
}

TEST_CASE("deeply nested JSON is refused before it exhausts the stack", "[config]") {
  const std::string deep(1000000, '[');
  CHECK(error_of([&] { parse_json(deep, "x.json", ErrorKind::Data); }) ==
        "data: x.json is nested more than 64 deep");
  const std::string in_text =
      std::string("\"") + std::string(100, '[') + "\\\"" + std::string(100, '{') + "\"";
  CHECK(error_of([&] { parse_json(in_text, "x.json"); }) == "nothing");
  CHECK(error_of([&] { parse_json(std::string(64, '[') + std::string(64, ']'), "x.json"); }) ==
        "nothing");
}

TEST_CASE("duplicate-keys: a key that an object holds twice is named with its path and lines",
          "[base]") {
  const auto error = [](const char* text) {
    return error_of([&] { parse_json(text, "x.json", ErrorKind::Data); });
  };
  CHECK(error("{\"a\": 1,\n\"b\": 2,\n\"a\": 3}") ==
        "usage: x.json: line 3: the key \"a\" occurs a second time, first on line 1; leave one of "
        "them");
  CHECK(contains(error("{\"s\": {\"x\": [0, {\"k\": 1, \"k\": 1}]}}"),
                 "line 1: the key \"s.x.1.k\" occurs a second time"));
  // The same key, written in two ways.
  CHECK(contains(error("{\"a\": 1, \"\\u0061\": 2}"), "the key \"a\""));
  for (const char* sound : {"{\"a\": {\"a\": 1}, \"b\": {\"a\": 1}}", "[{\"a\": 1}, {\"a\": 1}]",
                            "{\"a\": \"a\", \"b\": [\"a\", \"a\"]}",
                            "{\"a\": \"\\\"b\\\": {\", \"b\": 1}", "{}", "3"}) {
    CHECK(error(sound) == "nothing");
  }
}

TEST_CASE("small things: a file in another format than JSON is an error that names the format",
          "[base]") {
  const auto error = [](const std::string& text) {
    return error_of([&] { parse_json(text, "x.json"); });
  };
  CHECK(error(" \n") == "usage: x.json is empty, a JSON object is expected");
  CHECK(error(std::string("\xFF\xFE{\0}\0", 6)) ==
        "usage: x.json is UTF-16 text; save it as UTF-8");
  CHECK(error(std::string("\0{\0\"\0a\0\"", 8)) ==
        "usage: x.json is UTF-16 text; save it as UTF-8");
  CHECK(error("space: a.json\nseed: 1\n") == "usage: x.json looks like YAML; write it as JSON");
  CHECK(error("---\n- 1\n") == "usage: x.json looks like YAML; write it as JSON");
  CHECK(error("[data]\npath = \"x\"\n") ==
        "usage: x.json looks like TOML or INI; write it as JSON");
  CHECK(error("arch\tms\n1\t2\n") == "usage: x.json is text separated by tabs, not JSON");
  CHECK(error("\x7F\x45LF" + std::string(1, '\0') + std::string(100, '[')) ==
        "usage: x.json is a program or library (ELF), not JSON");
  CHECK(error("seed = 1\n") == "usage: x.json looks like TOML or INI; write it as JSON");
  CHECK(error("<html>") == "usage: x.json is HTML or XML, not JSON");
  CHECK(error("\x1F\x8B\x08") == "usage: x.json is gzip-compressed; unpack it first");
  CHECK(error("{\"a\":\n\"caf\xE9\"}") ==
        "usage: x.json is not UTF-8 text (line 2); save it as UTF-8");
  CHECK(contains(error(std::string("{}\0}", 4)), "is a binary file"));
  CHECK(contains(error("{\"a\": 1,}"), "line 1, column 9, a comma stands before"));
  CHECK(contains(error("{ // x\n}"), "JSON has no comments"));
  CHECK(contains(error("{'a': 1}"), "texts need double quotes"));
  CHECK(contains(error("{\"a\": 1"), "it ends too early"));
  CHECK(parse_json("\xEF\xBB\xBF{\"a\": 1}", "x.json") == json{{"a", 1}});
}

TEST_CASE("small things: a value of the wrong type is quoted with the type that is expected",
          "[base]") {
  const json values = json::parse(R"({"a": 10.0, "b": "true", "c": 3, "d": [1, "x"]})");
  JsonReader reader(values);
  CHECK(error_of([&] { reader.required<int>("a"); }) ==
        "usage: a has the wrong type: 10.0 (expected: a whole number below 2^31)");
  CHECK(error_of([&] { reader.required<bool>("b"); }) ==
        "usage: b has the wrong type: \"true\" (expected: true or false)");
  CHECK(error_of([&] { reader.required<std::string>("c"); }) ==
        "usage: c has the wrong type: 3 (expected: a text in quotes)");
  CHECK(error_of([&] { reader.required<std::vector<double>>("d"); }) ==
        "usage: d has the wrong type: [1,\"x\"] (expected: a list, each a number)");
}
